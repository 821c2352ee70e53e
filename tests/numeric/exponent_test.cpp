#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>

#include "zolt/numeric/exponent.hpp"

// Every power, tie and neighbour is compared with a model in codec_checks.hpp; here are the rules by example.
namespace zolt {
namespace {

using ieee = with_overflow<overflow::ieee, e8m0fnu>;
constexpr float infinity = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr int nan_code = 0xff;

template <class Format, class Rounding = nearest_even>
int code_for(float x) {
  return encode_code<Format>(x, Rounding{});
}

TEST(e8m0, is_a_number_format_of_255_powers_of_two) {
  static_assert(number_format<e8m0fnu>);
  EXPECT_EQ(e8m0fnu::name, "e8m0fnu");
  EXPECT_EQ(decode_code<e8m0fnu>(0), 0x1p-127f) << "a subnormal float";
  EXPECT_EQ(decode_code<e8m0fnu>(127), 1);
  EXPECT_EQ(decode_code<e8m0fnu>(254), 0x1p127f);
  EXPECT_TRUE(std::isnan(decode_code<e8m0fnu>(nan_code)));
  EXPECT_FALSE(e8m0fnu::has_ordinal(nan_code));
}

TEST(e8m0, rounds_a_tie_up) {
  EXPECT_EQ(code_for<e8m0fnu>(1), 127);
  EXPECT_EQ(code_for<e8m0fnu>(std::nextafterf(1.5f, 0)), 127);
  EXPECT_EQ(code_for<e8m0fnu>(1.5f), 128);
  EXPECT_EQ(code_for<e8m0fnu>(3), 129) << "above an odd power as above an even one";
  EXPECT_EQ((code_for<e8m0fnu, nearest_away>(3)), 129);
  EXPECT_EQ((code_for<e8m0fnu, toward_zero>(3.99f)), 128);
}

TEST(e8m0, has_neither_zero_nor_sign) {
  for (const float zero : {0.0f, -0.0f}) {
    EXPECT_EQ(code_for<e8m0fnu>(zero), 0) << "the least power";
    EXPECT_EQ(code_for<ieee>(zero), nan_code);
  }
  for (const float x : {-FLT_TRUE_MIN, -1.0f, -infinity, not_a_number, -not_a_number}) {
    EXPECT_EQ(code_for<e8m0fnu>(x), nan_code) << x;
    EXPECT_EQ(code_for<ieee>(x), nan_code) << x;
  }
}

TEST(e8m0, saturates_or_becomes_nan_beyond_its_range) {
  EXPECT_EQ(code_for<ieee>(std::nextafterf(0x1.8p127f, 0)), 254);
  for (const float x : {0x1.8p127f, FLT_MAX, infinity}) {
    EXPECT_EQ(code_for<e8m0fnu>(x), 254) << x;
    EXPECT_EQ(code_for<ieee>(x), nan_code) << x;
  }
  EXPECT_EQ((code_for<ieee, toward_zero>(FLT_MAX)), 254);
  EXPECT_EQ(code_for<ieee>(0x1.8p-128f), 0);
  for (const float x : {0x1.7ffffp-128f, FLT_TRUE_MIN}) {
    EXPECT_EQ(code_for<e8m0fnu>(x), 0) << x;
    EXPECT_EQ(code_for<ieee>(x), nan_code) << x;
  }
}

}  // namespace
}  // namespace zolt
