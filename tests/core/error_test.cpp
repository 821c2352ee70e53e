#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <limits>

#include "support/weights.hpp"
#include "zolt/core/bound.hpp"

namespace zolt {
namespace {

struct two_fields {
  static constexpr std::string_view name = "two_fields";
  double rate = 0.1, decay = 0.5;
  template <class Field>
  void fields(Field&& field) const {
    field("rate", rate, bound::positive);
    field("decay", decay, bound::fraction_below_one);
  }
};
struct no_fields {};

TEST(error, says_where_what_and_which_bound) {
  const error e(problem{"layer.0", "columns", "31", "be divided by the group of 32"});
  EXPECT_STREQ(e.what(), "zolt: layer.0: columns = 31 must be divided by the group of 32");
}

TEST(error, carries_every_problem) {
  const std::vector<problem> all = {{"a", "b", "c", "d"}, {"e", "f", "g", "h"}};
  const error e(all);
  EXPECT_STREQ(e.what(), "zolt: a: b = c must d\n      e: f = g must h");
  EXPECT_EQ(e.problems(), all);
}

TEST(error, can_be_caught_as_a_standard_exception) { EXPECT_THROW(fail("a", "b", 1, "be 2"), std::invalid_argument); }

TEST(fail, takes_numbers_and_texts) {
  try {
    fail("rate", "value", -0.5, "be positive");
  } catch (const error& e) {
    EXPECT_EQ(e.problems(), (std::vector<problem>{{"rate", "value", "-0.5", "be positive"}}));
  }
  try {
    fail("file", "version", "two", "be one");
  } catch (const error& e) {
    EXPECT_EQ(e.problems(), (std::vector<problem>{{"file", "version", "two", "be one"}}));
  }
}

TEST(to_text, of_a_float_reads_back_as_the_same_float) {
  test::draws random(1);
  for (int trial = 0; trial < 5000; ++trial) {
    const auto x = std::bit_cast<float>(random.word());
    if (!exact::is_finite(x)) continue;
    const std::string text = to_text(x);
    float back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back), std::bit_cast<std::uint32_t>(x)) << text;
  }
}

TEST(to_text, fits_the_longest_numbers) {
  EXPECT_EQ(to_text(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(to_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(to_text(-std::numeric_limits<double>::denorm_min()), "-5e-324");
  EXPECT_EQ(to_text(-2.2250738585072014e-308), "-2.2250738585072014e-308");
  EXPECT_EQ(to_text(std::numeric_limits<double>::infinity()), "inf");
}

TEST(check_fields, reports_each_field_out_of_its_bound) {
  std::vector<problem> problems;
  check_fields(two_fields{}, problems);
  check_fields(no_fields{}, problems);
  EXPECT_TRUE(problems.empty());
  check_fields(two_fields{.rate = 0, .decay = 1}, problems);
  EXPECT_EQ(problems, (std::vector<problem>{{"two_fields", "rate", "0", "be positive and finite"},
                                            {"two_fields", "decay", "1", "be at least 0 and below 1"}}));
}

TEST(check_fields, finds_not_a_number) {
  std::vector<problem> problems;
  check_fields(two_fields{.rate = std::numeric_limits<double>::quiet_NaN()}, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].sentence(), "two_fields: rate = nan must be positive and finite");
}

}  // namespace
}  // namespace zolt
