#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>

#include "support/weights.hpp"
#include "zolt/numeric/rounding.hpp"

namespace zolt {
namespace {

constexpr std::uint64_t half = std::uint64_t{1} << 63;

TEST(nearest_even, decides_by_half_and_by_parity) {
  constexpr nearest_even round;
  EXPECT_EQ(round({2, 1, half - 1}), 2);
  EXPECT_EQ(round({2, 1, half}), 2);
  EXPECT_EQ(round({2, 1, half + 1}), 3);
  EXPECT_EQ(round({3, 1, half}), 4);
  EXPECT_EQ(round({-3, -1, half}), -4);
  EXPECT_EQ(round({-2, -1, half}), -2);
  EXPECT_EQ(round({5, 1, 0}), 5);
}

TEST(stochastic_rounding, compares_the_word_with_the_fraction) {
  constexpr stochastic_rounding round;
  EXPECT_EQ(round({2, 1, half}, 0x7fffffff), 3);
  EXPECT_EQ(round({2, 1, half}, 0x80000000), 2);
  EXPECT_EQ(round({-2, -1, half}, 0x7fffffff), -3);
  EXPECT_EQ(round({2, 1, 0}, 0), 2);
  EXPECT_EQ(round({2, 1, ~std::uint64_t{0}}, 0xfffffffe), 3);
}

TEST(nearest_away, decides_by_half) {
  constexpr nearest_away round;
  EXPECT_EQ(round({2, 1, half - 1}), 2);
  EXPECT_EQ(round({2, 1, half}), 3);
  EXPECT_EQ(round({-2, -1, half}), -3);
}

TEST(toward_zero, stays) {
  constexpr toward_zero round;
  EXPECT_EQ(round({2, 1, ~std::uint64_t{0}}), 2);
  EXPECT_EQ(round({-2, -1, ~std::uint64_t{0}}), -2);
}

/// How many of the 2^32 words round away, found by bisection: the words below it do.
template <class Rounding>
std::uint64_t words_away(const Rounding& round, std::uint64_t fraction) {
  std::uint64_t low = 0, high = std::uint64_t{1} << 32;
  while (low < high) {
    const std::uint64_t middle = (low + high) / 2;
    if (round({7, 1, fraction}, static_cast<std::uint32_t>(middle)) == 7)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

TEST(stochastic_rounding, rounds_away_for_as_many_words_as_the_fraction_says) {
  test::draws random(5);
  for (int trial = 0; trial < 2000; ++trial) {
    const std::uint64_t fraction = random.long_word() >> random.below(64);
    ASSERT_EQ(words_away(stochastic_rounding{}, fraction), fraction >> 32) << fraction;
  }
}

template <class Bits>
class few_bits : public testing::Test {};
using numbers_of_bits = testing::Types<std::integral_constant<int, 1>, std::integral_constant<int, 2>, std::integral_constant<int, 4>,
                                       std::integral_constant<int, 8>, std::integral_constant<int, 13>>;
TYPED_TEST_SUITE(few_bits, numbers_of_bits);

// Fractions in equal steps, the ties of the rounding to Bits bits among them; their sum is compared without an error.
TYPED_TEST(few_bits, round_away_with_the_nearest_probability_which_is_right_on_average) {
  constexpr few_bit_stochastic<TypeParam::value> round;
  constexpr int steps = TypeParam::value + 2;  // 2^steps fractions, four to each probability
  constexpr std::int64_t unit = std::int64_t{1} << (32 - steps), bound = std::int64_t{1} << (31 - TypeParam::value);
  std::int64_t drift = 0;
  for (std::int64_t k = 0; k < std::int64_t{1} << steps; ++k) {
    const std::int64_t fraction = k * unit;  // in 2^−32
    const auto away = static_cast<std::int64_t>(words_away(round, static_cast<std::uint64_t>(fraction) << 32));
    ASSERT_LE(std::abs(away - fraction), bound) << k;
    ASSERT_EQ(away % (2 * bound), 0) << "a probability of few bits";
    drift += away - fraction;
  }
  EXPECT_EQ(drift, 0);
}

TYPED_TEST(few_bits, never_move_a_grid_point_and_are_odd) {
  constexpr few_bit_stochastic<TypeParam::value> round;
  test::draws random(6);
  for (int trial = 0; trial < 1000; ++trial) {
    const std::uint32_t word = random.word();
    const grid_position at{5, 1, random.long_word()};
    ASSERT_EQ(round({5, 1, 0}, word), 5) << word;
    ASSERT_EQ(round(-at, word), -round(at, word)) << word;
  }
}

TEST(few_bits, break_ties_to_even) {
  constexpr few_bit_stochastic<2> round;
  EXPECT_EQ(words_away(round, std::uint64_t{1} << 61), 0u) << "1/8 to 0";
  EXPECT_EQ(words_away(round, std::uint64_t{3} << 61), std::uint64_t{1} << 31) << "3/8 to 1/2";
  EXPECT_EQ(words_away(round, std::uint64_t{7} << 61), std::uint64_t{1} << 32) << "7/8 to 1";
}

TEST(fraction_of, keeps_what_lies_below_as_a_last_one) {
  EXPECT_EQ(fraction_of(0, 0), 0u);
  EXPECT_EQ(fraction_of(1, 1), half);
  EXPECT_EQ(fraction_of(0x800000, 24), half);
  EXPECT_EQ(fraction_of(1, 64), 1u);
  EXPECT_EQ(fraction_of(0b110, 65), 0b11u);
  EXPECT_EQ(fraction_of(0b101, 65), 0b11u) << "the lost bit sets the last one";
  EXPECT_EQ(fraction_of(0b100, 65), 0b10u);
  EXPECT_EQ(fraction_of(0xffffff, 88), 1u);
  EXPECT_EQ(fraction_of(0xffffff, 200), 1u);
  EXPECT_EQ(fraction_of(0, 200), 0u);
}

TEST(float_parts, are_the_float) {
  test::draws random(1);
  for (int trial = 0; trial < 10000; ++trial) {
    const auto x = std::bit_cast<float>(random.word());
    if (!std::isfinite(x)) continue;
    const float_parts parts(x);
    ASSERT_EQ(parts.away * std::ldexp(static_cast<double>(parts.significand), parts.exponent - 23), x);
  }
}

// floor and the difference from it are exact in double for every float.
TEST(locate_on_integers, is_the_integer_part_and_the_exact_rest) {
  test::draws random(2);
  for (int trial = 0; trial < 50000; ++trial) {
    const float x = trial % 2 == 0 ? random.real(-1000, 1000) : std::bit_cast<float>(random.word());
    if (!(std::fabs(x) <= 0x1p30f)) continue;
    const grid_position at = locate_on_integers(x);
    const double magnitude = std::fabs(double{x}), whole = std::floor(magnitude), scaled = (magnitude - whole) * 0x1p64;
    ASSERT_EQ(at.below, static_cast<int>(std::copysign(whole, x))) << x;
    ASSERT_EQ(at.away, std::signbit(x) ? -1 : 1) << x;
    const auto expected = static_cast<std::uint64_t>(scaled);
    ASSERT_EQ(at.fraction, expected | (static_cast<double>(expected) != scaled)) << std::hexfloat << x;
  }
}

TEST(locate_on_integers, stops_at_2_to_the_30) {
  for (const float x : {0x1p30f, 0x1.8p30f, FLT_MAX}) {
    EXPECT_EQ(locate_on_integers(x).below, 1 << 30);
    EXPECT_EQ(locate_on_integers(-x).below, -(1 << 30));
    EXPECT_EQ(locate_on_integers(x).fraction, 0u);
  }
  EXPECT_EQ(locate_on_integers(0x1.fffffep29f).below, 0x3fffffc0);
}

}  // namespace
}  // namespace zolt
