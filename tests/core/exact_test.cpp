#include <gtest/gtest.h>

#include <cmath>

#include "support/weights.hpp"
#include "zolt/core/exact.hpp"

namespace zolt {
namespace {

/// A finite double of any exponent from 2⁻⁹⁰⁰ to 2⁹⁰⁰.
double any_double(test::draws& random) {
  const double significand = static_cast<double>(random.long_word() >> 11) * 0x1p-53 + 1;
  const int exponent = static_cast<int>(random.below(1801)) - 900;
  return std::ldexp(random.below(2) == 0 ? significand : -significand, exponent);
}

TEST(round_to_significant, is_the_nearest_number_of_so_many_bits) {
  test::draws random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    const int bits = static_cast<int>(random.between(1, 53));
    const double x = any_double(random);
    int exponent = 0;
    const double significand = std::frexp(x, &exponent);
    const double expected = std::ldexp(std::nearbyint(std::ldexp(significand, bits)), exponent - bits);
    ASSERT_EQ(exact::round_to_significant(x, bits), expected) << x << " to " << bits << " bits";
  }
}

TEST(round_to_significant, is_idempotent_and_odd) {
  test::draws random(2);
  for (int trial = 0; trial < 20000; ++trial) {
    const int bits = static_cast<int>(random.between(1, 53));
    const double x = any_double(random), rounded = exact::round_to_significant(x, bits);
    ASSERT_EQ(exact::round_to_significant(rounded, bits), rounded);
    ASSERT_EQ(exact::round_to_significant(-x, bits), -rounded);
  }
}

TEST(round_to_significant, makes_products_with_a_direction_exact_in_binary32) {
  test::draws random(3);
  for (const int direction_bits : {1, 7, 12, 15})
    for (int trial = 0; trial < 2000; ++trial) {
      const double coefficient = exact::round_to_significant(random.real(-8, 8), exact::coefficient_bits(direction_bits));
      const auto z = static_cast<int>(random.below(std::size_t{1} << direction_bits));
      ASSERT_EQ(static_cast<float>(coefficient) * static_cast<float>(z), coefficient * z);
    }
}

// A contracted multiply-add would return the rounding error of the product instead of zero.
TEST(product, is_rounded_before_it_is_added_to) {
  test::draws random(4);
  for (int trial = 0; trial < 1000; ++trial) {
    const float a = random.real(1, 2), b = random.real(1, 2);
    volatile float rounded = a * b;
    EXPECT_EQ(exact::product(a, b) - rounded, 0.0f);
    const double c = any_double(random) * 0x1p-500, d = random.fraction();
    volatile double rounded_double = c * d;
    EXPECT_EQ(exact::product(c, d) - rounded_double, 0.0);
  }
}

TEST(power, is_repeated_multiplication_where_that_is_exact) {
  for (const double base : {2.0, 3.0, -5.0, 0.5, 1.5}) {
    double expected = 1;
    for (std::uint64_t n = 0; n <= 20; ++n, expected *= base) EXPECT_EQ(exact::power(base, n), expected) << base << "^" << n;
  }
}

// Each of at most 2·log₂ n multiplications is rounded once, and a rounding error of the base's square is doubled by the next squaring:
// n·2⁻⁵² bounds the relative error.
TEST(power, is_close_to_the_power_for_large_exponents) {
  for (const std::uint64_t n : {1000u, 65537u, 1000000u})
    EXPECT_NEAR(exact::power(0.99999, n) / std::exp(static_cast<double>(n) * std::log(0.99999)), 1, 2 * static_cast<double>(n) * 0x1p-52);
}

}  // namespace
}  // namespace zolt
