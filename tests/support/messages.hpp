#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zolt/core/error.hpp"

namespace zolt::test {

/// What f() says when it throws a zolt::error.
template <class Function>
std::string message_of(Function&& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

/// All problems that f() reports, a sentence each.
template <class Function>
std::vector<std::string> sentences_of(Function&& f) {
  std::vector<std::string> sentences;
  try {
    f();
  } catch (const error& e) {
    for (const problem& p : e.problems()) sentences.push_back(p.sentence());
  }
  return sentences;
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace zolt::test
