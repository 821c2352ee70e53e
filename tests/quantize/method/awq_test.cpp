#include "zolt/quantize/method/awq.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quantize/method/layers.hpp"
#include "support/messages.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/quantize/block_formats.hpp"

namespace zolt {
namespace {

using test::decoded, test::message_of, test::normal_tensor, test::ordinals_of, test::tensor_of;

/// What the layer gives in place of x wᵀ.
template <class Result>
std::vector<double> outputs_of(const Result& result, const tensor<float>& x) {
  auto smooth = x;
  divide_columns(smooth, result.smoothing);
  return test::outputs(smooth, decoded(result.weights));
}

TEST(awq, exponent_0_is_rounding_to_nearest) {
  const auto w = normal_tensor({6, 64}, 1), x = test::correlated_inputs({32, 64}, 2);
  const auto result = awq<uint4, per_group<32>>{.steps = 1}("w", w, x);
  const auto nearest = quantize<uint4, per_group<32>>("w", w);
  EXPECT_EQ(result.exponent, 0);
  EXPECT_EQ(result.smoothing, std::vector<float>(64, 1.0f));
  EXPECT_EQ(ordinals_of(result.weights), ordinals_of(nearest));
  EXPECT_TRUE(std::equal(nearest.scales().begin(), nearest.scales().end(), result.weights.scales().begin()));
  EXPECT_TRUE(std::equal(nearest.zeros().begin(), nearest.zeros().end(), result.weights.zeros().begin()));
  EXPECT_EQ(result.loss, result.nearest_loss);
}

// Means 1, 4 and 16: with r = ½ the powers are 1, 2 and 4, and the mean of the ends is 2. Steps of 1 round 0.3 to 0 twice; smoothed
// weights 3.5, 0.3 and 0.6 have steps of 0.5 and stand for 7, 0.5 and 0.25.
TEST(awq, smooths_by_powers_of_the_mean_magnitude) {
  const auto x = tensor_of({2, 3}, {2, -4, 16, 0, 4, -16}), w = tensor_of({1, 3}, {7, 0.3f, 0.3f});
  const auto result = awq<int4, per_channel>{.steps = 2}("w", w, x);
  EXPECT_EQ(result.exponent, 0.5);
  EXPECT_EQ(result.smoothing, (std::vector<float>{0.5f, 1, 2}));
  EXPECT_EQ(ordinals_of(result.weights), (std::vector<int>{7, 1, 1}));
  EXPECT_NEAR(result.loss, 1.6 * 1.6, 1e-5) << "−4·0.2 − 16·0.05";
  EXPECT_NEAR(result.nearest_loss, 3.6 * 3.6, 1e-5) << "4·0.3 − 16·0.3";
}

TEST(awq, loses_less_than_rounding_to_nearest_where_channels_are_outliers) {
  const auto w = normal_tensor({16, 128}, 3), x = test::correlated_inputs({48, 128}, 4, 20);
  const auto exact = test::outputs(x, w);
  const auto result = awq<uint4, per_group<64>>{}("w", w, x);
  EXPECT_GT(result.exponent, 0);
  EXPECT_LT(result.loss, 0.35 * result.nearest_loss);
  EXPECT_NEAR(result.nearest_loss / test::distance(test::outputs(x, decoded(quantize<uint4, per_group<64>>("w", w))), exact), 1, 1e-4);
  EXPECT_NEAR(result.loss / test::distance(outputs_of(result, x), exact), 1, 1e-4);
  const auto clipped = awq<uint4, per_group<64>>{.clip = true}("w", w, x);
  EXPECT_EQ(clipped.smoothing, result.smoothing);
  EXPECT_LT(clipped.loss, result.loss);
  EXPECT_NEAR(clipped.loss / test::distance(outputs_of(clipped, x), exact), 1, 1e-4);
  EXPECT_EQ(ordinals_of((awq<uint4, per_group<64>>{.clip = true}("w", w, x).weights)), ordinals_of(clipped.weights)) << "the same again";
}

// The first group is rounded by 7.35/7 = 1.05 to 7, 3, 3, 3, and every input adds up its three errors of 0.3; clamping 7.35 makes the steps
// smaller and costs little of the first input. The second group is exact as it is.
TEST(awq, clips_the_group_that_gains_from_it) {
  const auto x = tensor_of({2, 8}, {1, 0, 0, 0, 1, 1, 1, 1, 0, 10, 10, 10, 1, 1, 1, 1});
  const auto w = tensor_of({1, 8}, {7.35f, 3.45f, 3.45f, 3.45f, 7, 1, 2, 3});
  const auto result = awq<int4, per_group<4>>{.steps = 1, .clip = true}("w", w, x);
  EXPECT_LT(result.loss, 0.2 * result.nearest_loss);
  EXPECT_LT(result.weights.scales()[0], 7.35f / 7);
  EXPECT_EQ(result.weights.scales()[1], 1);
}

// Mean magnitudes of 1, 4 and 16 in turn, so that the factors are powers of two and smoothing by hand makes the same floats.
TEST(awq, clips_what_is_smoothed) {
  auto x = normal_tensor({16, 24}, 12);
  for (std::size_t i = 0; i < x.size(); ++i)
    x.data()[i] = std::copysign(std::pow(4.0f, static_cast<float>(i % 24 % 3)) * (i / 24 % 2 == 0 ? 0.5f : 1.5f), x.data()[i]);
  const auto w = normal_tensor({8, 24}, 13);
  using method = awq<int3, per_group<24>>;
  const auto result = method{.steps = 2, .clip = true}("w", w, x);
  ASSERT_EQ(result.exponent, 0.5);
  ASSERT_EQ(result.smoothing[2], 2);
  divide_columns(x, result.smoothing);
  const auto by_hand = method{.steps = 1, .clip = true}("w", with_columns_times(w, result.smoothing), x);
  EXPECT_LT(by_hand.loss, by_hand.nearest_loss);
  EXPECT_EQ(ordinals_of(result.weights), ordinals_of(by_hand.weights));
}

template <class Choice>
class awq_of : public testing::Test {};
template <class Format, class Granularity>
struct choice {
  using format = Format;
  using granularity = Granularity;
};
using choices = testing::Types<choice<int4, per_tensor>, choice<uint4, per_channel>, choice<uint2, per_group<24, last_group::shorter>>,
                               choice<nf4, per_group<20>>, choice<int8, per_block<3, 16, last_group::shorter>>>;
TYPED_TEST_SUITE(awq_of, choices);

TYPED_TEST(awq_of, is_never_worse_than_rounding_to_nearest) {
  using format = typename TypeParam::format;
  using granularity = typename TypeParam::granularity;
  auto w = normal_tensor({5, 40}, 5);
  for (std::size_t j = 0; j < 40; ++j) w(3, j) = 0;
  auto x = test::correlated_inputs({30, 40}, 6, 20);
  for (std::size_t r = 0; r < 30; ++r) x(r, 7) = 0;
  const auto result = awq<format, granularity>{.steps = 5, .clip = true, .clip_rows = 8}("w", w, x);
  EXPECT_LE(result.loss, result.nearest_loss);
  EXPECT_NEAR(result.loss / test::distance(outputs_of(result, x), test::outputs(x, w)), 1, 1e-4);
  for (std::size_t i = 0; i < w.size(); ++i) ASSERT_TRUE(format::has_ordinal(result.weights.view().code(i)));
  for (const float s : result.smoothing) ASSERT_TRUE(s > 0 && exact::is_finite(s));
  EXPECT_EQ(ordinals_of((awq<format, granularity>{.steps = 5}("w", tensor<float>({5, 40}), x).weights)),
            std::vector<int>(200, [] { return asymmetric_format<format> ? (format::highest + 1) / 2 : 0; }()))
      << "zeros stay zeros";
}

TEST(awq, folds_into_the_layer_before) {
  const auto w = normal_tensor({8, 32}, 7), h = normal_tensor({20, 12}, 8);
  auto previous = normal_tensor({32, 12}, 9);
  for (std::size_t j = 0; j < 12; ++j) previous(4, j) *= 30;
  const auto activations = [&] {
    const auto y = test::outputs(h, previous);
    return tensor_of({20, 32}, std::vector<float>(y.begin(), y.end()));
  };
  const auto x = activations();
  const auto result = awq<uint8, per_group<32>>{}("w", w, x);
  EXPECT_GT(result.exponent, 0);
  fold_into_rows(previous, result.smoothing);
  const auto ours = test::outputs(activations(), decoded(result.weights));
  EXPECT_NEAR(test::distance(ours, test::outputs(x, w)) / result.loss, 1, 1e-3);
}

TEST(awq, says_what_is_wrong) {
  const auto w = normal_tensor({4, 16}, 10), x = test::correlated_inputs({8, 16}, 11);
  using method = awq<uint4, per_group<8>>;
  EXPECT_EQ(message_of([&] { method{.steps = 0, .clip_steps = 0, .max_shrink = 1, .clip_rows = 0}("w", w, x); }),
            "zolt: awq: steps = 0 must be at least 1 and finite\n      awq: clip_steps = 0 must be at least 1 and finite\n"
            "      awq: max_shrink = 1 must be at least 0 and below 1\n      awq: clip_rows = 0 must be at least 1 and finite");
  EXPECT_EQ(message_of([&] { method{}("w", w, test::correlated_inputs({8, 12}, 1)); }), "zolt: w: columns of the inputs = 12 must be 16");
  EXPECT_EQ(message_of([&] { method{}("w", w, tensor<float>({0, 16})); }), "zolt: w: rows of the inputs = 0 must be at least 1");
  EXPECT_EQ(message_of([&] { awq<uint4, per_group<12>>{}("w", w, x); }), "zolt: w: columns = 16 must be divided by the group of 12");
  EXPECT_EQ(message_of([&] { awq<e2m1fn, per_group<16>, largest_magnitude, nvfp4_scales>{.clip = true}("w", w, x); }),
            "zolt: w: clip = true must be false where the range policy fits no scale");
  EXPECT_EQ(message_of([&] { awq<e2m1fn, per_group<16>, largest_magnitude, nvfp4_scales>{}("w", w, x); }), "no error");
  auto broken = x;
  broken(1, 2) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of([&] { method{}("w", w, broken); }), "zolt: w: input 18 (row 1) = nan must be finite");
  broken = w;
  broken(1, 2) = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { method{}("w", broken, x); }), "zolt: w: weight 18 (row 1) = inf must be finite");
}

}  // namespace
}  // namespace zolt
