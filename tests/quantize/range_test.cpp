#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/quantize/range.hpp"

namespace zolt::test {
namespace {

using floats = std::vector<float>;

TEST(absmax, takes_the_largest_weight_onto_the_largest_code) {
  EXPECT_EQ(absmax{}.fit<int8>(floats{0.5f, -12.7f, 3}).scale, 12.7f / 127);
  EXPECT_EQ(absmax{}.fit<e4m3fn>(floats{-7, 3}).scale, 7.0f / 448);
  EXPECT_EQ(absmax{}.fit<nf4>(floats{-7, 3}).scale, 7.0f);
}

TEST(absmax, uses_both_ends_of_a_range_that_is_not_symmetric) {
  EXPECT_EQ(absmax{}.fit<full_integer<4>>(floats{-8, 3}).scale, 1.0f) << "-8 is a code";
  EXPECT_EQ(absmax{}.fit<full_integer<4>>(floats{8, -3}).scale, 8.0f / 7);
}

TEST(absmax, puts_zero_on_the_grid_of_an_asymmetric_format) {
  EXPECT_EQ(absmax{}.fit<uint4>(floats{-1, 2}), (affine{0.2f, 5}));
  EXPECT_EQ(absmax{}.fit<uint4>(floats{3, 1.5f}), (affine{0.2f, 0})) << "the range reaches down to 0";
  EXPECT_EQ(absmax{}.fit<uint4>(floats{-3, -1.5f}), (affine{0.2f, 15}));
  const affine huge = absmax{}.fit<uint8>(floats{-3e38f, 3e38f});
  EXPECT_TRUE(exact::is_finite(huge.scale)) << "max − min overflows";
}

TEST(absmax, never_clamps) {
  draws d(1);
  for (int trial = 0; trial < 2000; ++trial) {
    const float w = std::ldexp(d.normal(), static_cast<int>(d.below(200)) - 100);
    for (const float x : {w, -w}) {
      EXPECT_FALSE((encode_weight<int8>(absmax{}.fit<int8>(floats{x}), x, nearest_even{}).clamped)) << x;
      EXPECT_FALSE((encode_weight<int3>(absmax{}.fit<int3>(floats{x}), x, nearest_even{}).clamped)) << x;
      EXPECT_FALSE((encode_weight<e2m3fn>(absmax{}.fit<e2m3fn>(floats{x}), x, nearest_even{}).clamped)) << x;
    }
  }
}

TEST(percentile, leaves_the_tail_outside) {
  floats w(1000);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i + 1) * (i % 2 == 0 ? 1.0f : -1.0f);
  EXPECT_EQ((percentile{.kept = 0.99}.fit<int8>(w).scale), 990.0f / 127);
  EXPECT_EQ((percentile{.kept = 1}.fit<int8>(w)), absmax{}.fit<int8>(w));
  EXPECT_EQ((percentile{.kept = 0.9995}.fit<int8>(floats{1, 2, 100})), (absmax{}.fit<int8>(floats{1, 2, 100}))) << "of few weights";
  EXPECT_EQ((percentile{.kept = 0.5}.fit<int8>(floats{0, 0, 0, 4})), (absmax{}.fit<int8>(floats{0, 0, 0, 4}))) << "mostly zeros";
  const affine a = percentile{.kept = 0.75}.fit<uint4>(floats{-8, -1, 2, 40});
  EXPECT_EQ(a, (affine{3.0f / 15, 5}));
}

/// The squared error of a fit.
template <number_format Format, class Range>
double error_of(const Range& range, const floats& w) {
  return detail::quantization_error<Format>(range.template fit<Format>(w), w, 2);
}

TEST(mse_grid, finds_the_best_of_its_grid) {
  const floats w = normal_weights(64, 3);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= 80; ++i) {
    const auto p = static_cast<float>(1 - i / 100.0);
    floats part = w;
    float largest = 0;
    for (const float v : w) largest = std::max(largest, std::fabs(v));
    least = std::min(least, detail::quantization_error<int3>(detail::grid_of_range<int3>(-p * largest, p * largest), w, 2));
  }
  EXPECT_DOUBLE_EQ((error_of<int3>(mse_grid{}, w)), least);
}

TEST(searches, are_never_worse_than_absmax) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const floats w = normal_weights(48, seed);
    EXPECT_LE((error_of<int2>(mse_grid{}, w)), (error_of<int2>(absmax{}, w)));
    EXPECT_LE((error_of<uint3>(mse_grid{}, w)), (error_of<uint3>(absmax{}, w)));
    EXPECT_LE((error_of<e2m1fn>(mse_grid{}, w)), (error_of<e2m1fn>(absmax{}, w)));
    EXPECT_LE((error_of<int3>(least_squares{}, w)), (error_of<int3>(absmax{}, w)));
    EXPECT_LE((error_of<nf4>(least_squares{}, w)), (error_of<nf4>(absmax{}, w)));
    EXPECT_LE((error_of<uint4>(least_squares{}, w)), (error_of<uint4>(absmax{}, w)));
  }
}

TEST(least_squares, recovers_the_scale_that_made_the_weights) {
  draws d(4);
  floats w(200);
  for (float& v : w) v = 0.125f * static_cast<float>(static_cast<int>(d.below(15)) - 7) + 0.004f * d.normal();
  EXPECT_NEAR(least_squares{}.fit<int4>(w).scale, 0.125, 0.0005);
}

TEST(powers_of_two, floor_shares_the_binade_and_ceil_never_saturates) {
  EXPECT_EQ(power_of_two_floor{}.fit<e4m3fn>(floats{448}).scale, 1.0f);
  EXPECT_EQ(power_of_two_floor{}.fit<e4m3fn>(floats{511}).scale, 1.0f) << "it saturates";
  EXPECT_EQ(power_of_two_ceil{}.fit<e4m3fn>(floats{448}).scale, 1.0f);
  EXPECT_EQ(power_of_two_ceil{}.fit<e4m3fn>(floats{-448.1f}).scale, 2.0f);
  EXPECT_EQ(power_of_two_floor{}.fit<e2m1fn>(floats{-7.9f}).scale, 1.0f);
  EXPECT_EQ(power_of_two_ceil{}.fit<e2m1fn>(floats{6.1f}).scale, 2.0f);
  EXPECT_EQ(power_of_two_ceil{}.fit<e2m1fn>(floats{3.0f}).scale, 0.5f);
  EXPECT_EQ(power_of_two_floor{}.fit<mxint8>(floats{1.5f}).scale, 1.0f);
  EXPECT_EQ(power_of_two_floor{}.fit<e4m3fn>(floats{1e-45f}).scale, 0x1p-127f) << "E8M0 has no less";
}

TEST(ranges, are_checked_before_anything_is_read) {
  tensor<float> w({2, 4});
  EXPECT_EQ(message_of([&] { quantizer<int4, per_channel, percentile>{.range = {.kept = 1.5}}("w", w); }),
            "zolt: percentile: kept = 1.5 must be above 0 and at most 1");
  EXPECT_EQ(message_of([&] { quantizer<int4, per_channel, mse_grid>{.range = {.steps = 0, .norm = -1}}("w", w); }),
            "zolt: mse_grid: steps = 0 must be at least 1 and finite\n      mse_grid: norm = -1 must be positive and finite");
}

}  // namespace
}  // namespace zolt::test
