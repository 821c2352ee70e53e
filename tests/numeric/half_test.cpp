#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "zolt/numeric/half.hpp"

namespace zolt {
namespace {

constexpr int infinity = 0x7c00;
constexpr float infinite = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();

half half_of(int bits) { return {static_cast<std::uint16_t>(bits)}; }
int bits_for(float x) { return half::from(x).bits; }

TEST(half, every_code_has_the_value_of_the_definition_and_returns_from_it) {
  for (int sign : {0, 0x8000})
    for (int magnitude = 0; magnitude < infinity; ++magnitude) {
      const int mantissa = magnitude % 1024, exponent = magnitude / 1024;
      const double expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
      const float value = half_of(sign | magnitude).value();
      ASSERT_EQ(double{value}, sign != 0 ? -expected : expected) << magnitude;
      ASSERT_EQ(std::signbit(value), sign != 0) << magnitude;
      ASSERT_EQ(bits_for(value), sign | magnitude);
    }
}

TEST(half, has_infinities_and_nan) {
  for (const int sign : {0, 0x8000}) {
    const float signed_infinity = sign != 0 ? -infinite : infinite;
    EXPECT_EQ(half_of(sign | infinity).value(), signed_infinity);
    EXPECT_EQ(bits_for(signed_infinity), sign | infinity);
    for (int payload = 1; payload < 1024; ++payload) {
      const float value = half_of(sign | infinity | payload).value();
      ASSERT_TRUE(std::isnan(value)) << payload;
      ASSERT_TRUE(std::isnan(half::from(value).value())) << payload;
    }
  }
  for (const std::uint32_t bits : {0x7f800001u, 0xffc00000u, 0xffffffffu})
    EXPECT_TRUE(std::isnan(half::from(std::bit_cast<float>(bits)).value())) << bits;
  EXPECT_TRUE(std::isnan(half::from(not_a_number).value()));
}

// Sums of two neighbouring halves are exact in float, and so are their halves.
TEST(half, rounds_to_nearest_and_ties_to_even) {
  for (int magnitude = 0; magnitude + 1 < infinity; magnitude += 7) {
    const float tie = (half_of(magnitude).value() + half_of(magnitude + 1).value()) / 2;
    ASSERT_EQ(bits_for(std::nextafterf(tie, 0)), magnitude);
    ASSERT_EQ(bits_for(tie), magnitude + magnitude % 2);
    ASSERT_EQ(bits_for(std::nextafterf(tie, infinite)), magnitude + 1);
    ASSERT_EQ(bits_for(-tie), 0x8000 | (magnitude + magnitude % 2));
  }
}

TEST(half, overflows_to_infinity_from_the_tie_on) {
  EXPECT_EQ(half_of(0x7bff).value(), 65504);
  EXPECT_EQ(bits_for(65519.996f), 0x7bff);
  for (const float x : {65520.0f, 65536.0f, 1e30f}) {
    EXPECT_EQ(bits_for(x), infinity);
    EXPECT_EQ(bits_for(-x), 0x8000 | infinity);
  }
}

TEST(half, underflows_to_a_zero_with_the_sign) {
  EXPECT_EQ(half_of(1).value(), 0x1p-24f);
  EXPECT_EQ(bits_for(0x1p-25f), 0) << "a tie goes to the even zero";
  EXPECT_EQ(bits_for(std::nextafterf(0x1p-25f, 1)), 1);
  for (const float x : {0.0f, 0x1p-126f, 0x1p-149f}) {
    EXPECT_EQ(bits_for(x), 0);
    EXPECT_EQ(bits_for(-x), 0x8000);
  }
}

}  // namespace
}  // namespace zolt
