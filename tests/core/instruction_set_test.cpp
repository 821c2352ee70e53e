#include "zolt/core/instruction_set.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "support/messages.hpp"
#include "zolt/random/words.hpp"

namespace zolt {
namespace {

constexpr instruction_set all_sets[] = {instruction_set::baseline, instruction_set::avx2, instruction_set::avx512};

/// ZOLT_INSTRUCTION_SET as given for the lifetime of this, unset if nothing is.
class forced {
 public:
  explicit forced(std::optional<std::string> to) {
    if (const char* now = std::getenv(variable)) before_ = now;
    set(to);
  }
  forced(const forced&) = delete;
  forced& operator=(const forced&) = delete;
  ~forced() { set(before_); }

 private:
  static constexpr const char* variable = "ZOLT_INSTRUCTION_SET";
  static void set(const std::optional<std::string>& to) {
    if (to)
      setenv(variable, to->c_str(), 1);
    else
      unsetenv(variable);
  }
  std::optional<std::string> before_;
};

instruction_set chosen(std::optional<std::string> name) {
  const forced environment(name);
  return detail::chosen_instruction_set();
}
std::string refusal(const std::string& name) {
  const forced environment(name);
  return test::message_of(detail::chosen_instruction_set);
}

TEST(instruction_set, has_a_name) {
  EXPECT_EQ(name_of(instruction_set::baseline), "baseline");
  EXPECT_EQ(name_of(instruction_set::avx2), "avx2");
  EXPECT_EQ(name_of(instruction_set::avx512), "avx512");
}

TEST(instruction_set, the_baseline_is_everywhere_and_a_set_brings_those_below_it) {
  EXPECT_TRUE(is_available(instruction_set::baseline));
  EXPECT_TRUE(is_available(instruction_set::avx2) || !is_available(instruction_set::avx512));
#if !defined(__x86_64__)
  EXPECT_FALSE(is_available(instruction_set::avx2));
#endif
}

TEST(instruction_set, is_the_best_that_the_machine_has) {
  instruction_set best = instruction_set::baseline;
  for (const instruction_set set : all_sets)
    if (is_available(set)) best = set;
  EXPECT_EQ(chosen(std::nullopt), best);
}

TEST(instruction_set, is_the_one_that_the_environment_names) {
  for (const instruction_set set : all_sets) EXPECT_TRUE(!is_available(set) || chosen(std::string(name_of(set))) == set) << name_of(set);
}

TEST(instruction_set, of_no_name_is_the_best_one) { EXPECT_EQ(chosen(""), chosen(std::nullopt)); }

TEST(instruction_set, of_an_unknown_name_is_refused) {
  for (const char* name : {"AVX2", "avx", "avx512f", "sse2", " baseline"})
    EXPECT_EQ(refusal(name), "zolt: ZOLT_INSTRUCTION_SET: instruction set = " + std::string(name) + " must be baseline, avx2 or avx512");
}

TEST(instruction_set, that_the_machine_has_not_is_refused) {
  for (const instruction_set set : all_sets) {
    if (is_available(set)) continue;
    const std::string name(name_of(set));
    EXPECT_EQ(refusal(name),
              "zolt: ZOLT_INSTRUCTION_SET: instruction set = " + name + " must be one that this machine and this program have");
  }
}

TEST(instruction_set, once_chosen_stays) {
  const instruction_set active = active_instruction_set();
  const forced environment(active == instruction_set::baseline ? "none" : "baseline");
  EXPECT_EQ(active_instruction_set(), active);
}

TEST(instruction_set, in_a_call_is_the_active_one) {
  const auto seen = on_instruction_set([]<instruction_set Set>(instruction_set_constant<Set>) { return Set; });
  EXPECT_EQ(seen, active_instruction_set());
}

/// A register of every set that this machine runs, by what its kernels are compiled with.
TEST(instruction_set, has_vectors_of_its_width) {
  EXPECT_EQ(vectors<instruction_set::baseline>::bytes, 16u);
#if defined(__x86_64__)
  EXPECT_EQ(vectors<instruction_set::avx2>::bytes, 32u);
  EXPECT_EQ(vectors<instruction_set::avx512>::bytes, 64u);
#endif
}

}  // namespace
}  // namespace zolt
