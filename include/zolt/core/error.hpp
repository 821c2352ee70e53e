#pragma once

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// One thing that is wrong with what the caller gave: where, what, and which bound it breaks.
struct problem {
  std::string subject;  ///< the tensor, policy or file
  std::string field;
  std::string value;
  std::string bound;  ///< reads on after "must"

  std::string sentence() const { return subject + ": " + field + " = " + value + " must " + bound; }
  friend bool operator==(const problem&, const problem&) = default;
};

/// Bad input, found before anything was touched. Carries every problem that was found, not the first one alone.
class error : public std::invalid_argument {
 public:
  explicit error(problem one) : error(std::vector<problem>{std::move(one)}) {}
  explicit error(std::vector<problem> all) : std::invalid_argument(text_of(all)), problems_(std::move(all)) {}
  const std::vector<problem>& problems() const noexcept { return problems_; }

 private:
  static std::string text_of(const std::vector<problem>& all) {
    std::string text = "zolt: ";
    for (const problem& p : all) text += (&p == all.data() ? "" : "\n      ") + p.sentence();
    return text;
  }
  std::vector<problem> problems_;
};

template <class Number>
  requires std::is_arithmetic_v<Number> std::string to_text(Number value) {
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    return std::string(buffer, end);
  }

template <class Value>
[[noreturn]] void fail(std::string_view subject, std::string_view field, const Value& value, std::string_view bound) {
  if constexpr (std::is_arithmetic_v<Value>)
    throw error(problem{std::string(subject), std::string(field), to_text(value), std::string(bound)});
  else
    throw error(problem{std::string(subject), std::string(field), std::string(value), std::string(bound)});
}

}  // namespace zolt::inline v0
