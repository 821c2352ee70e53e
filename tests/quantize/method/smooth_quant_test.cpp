#include "zolt/quantize/method/smooth_quant.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quantize/method/layers.hpp"
#include "support/messages.hpp"

namespace zolt {
namespace {

using test::decoded, test::message_of, test::normal_tensor, test::ordinals_of, test::tensor_of;

TEST(column_statistics, collects_over_batches) {
  column_statistics s(3);
  s.add(tensor_of({2, 3}, {1, -2, 0, -3, 1, 0}));
  s.add(tensor_of({2, 3}, {0, 5, 0, 2, 0, -0.0f}));
  EXPECT_EQ(s.rows(), 4u);
  EXPECT_EQ(std::vector<float>(s.largest().begin(), s.largest().end()), (std::vector<float>{3, 5, 0}));
  EXPECT_EQ(s.mean(), (std::vector<float>{1.5f, 2, 0}));
  EXPECT_EQ(column_statistics(2).mean(), (std::vector<float>{0, 0}));
}

TEST(column_scaling, multiplies_divides_and_folds) {
  const std::vector<float> s = {2, 0.5f, 4};
  auto w = tensor_of({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(test::distance(with_columns_times(w, s), tensor_of({2, 3}, {2, 1, 12, 8, 2.5f, 24})), 0);
  multiply_columns(w, s);
  EXPECT_EQ(w(1, 2), 24);
  divide_columns(w, s);
  EXPECT_EQ(test::distance(w, tensor_of({2, 3}, {1, 2, 3, 4, 5, 6})), 0);
  auto previous = tensor_of({3, 2}, {2, 4, 1, 2, 8, 4});
  fold_into_rows(previous, s);
  EXPECT_EQ(test::distance(previous, tensor_of({3, 2}, {1, 2, 2, 4, 2, 1})), 0);
  std::vector<float> gain = {2, 2, 2};
  fold_into_vector(gain, s);
  EXPECT_EQ(gain, (std::vector<float>{1, 4, 0.5f}));
}

TEST(smoothing_vector, has_the_known_values) {
  const std::vector<float> activation_max = {16, 1, 0, 9};
  const auto w = tensor_of({2, 4}, {1, -4, 1, 0, 0.5f, 2, -3, 0}), other = tensor_of({1, 4}, {-0.25f, 9, 2, 0});
  EXPECT_EQ(smoothing_vector(activation_max, {w}), (std::vector<float>{4, 0.5f, 1e-5f, static_cast<float>(3 / std::sqrt(1e-5))}));
  EXPECT_EQ(smoothing_vector(activation_max, {w, other})[1], static_cast<float>(1 / 3.0)) << "the largest of all weights";
  EXPECT_EQ(smoothing_vector(activation_max, {w}, 1), (std::vector<float>{16, 1, 1e-5f, 9}));
  EXPECT_EQ(smoothing_vector(activation_max, {w}, 0), (std::vector<float>{1, 0.25f, static_cast<float>(1 / 3.0), 1e5f}));
}

/// RMS norm without the norm: gain times the input, and a bias.
tensor<float> normed(const tensor<float>& x, const std::vector<float>& gain, const std::vector<float>& bias) {
  tensor<float> y(x.shape());
  for (std::size_t i = 0; i < x.size(); ++i) y.data()[i] = x.data()[i] * gain[i % gain.size()] + bias[i % gain.size()];
  return y;
}
TEST(smoothing_vector, changes_no_output) {
  const auto x = test::correlated_inputs({20, 40}, 1), w = normal_tensor({12, 40}, 2);
  auto gain = test::normal_weights(40, 3), bias = test::normal_weights(40, 4);
  const auto before = test::outputs(normed(x, gain, bias), w);
  column_statistics statistics(40);
  statistics.add(normed(x, gain, bias));
  for (const double alpha : {0.0, 0.5, 0.85, 1.0}) {
    const auto s = smoothing_vector(statistics.largest(), {w}, alpha);
    auto folded_gain = gain, folded_bias = bias;
    fold_into_vector(folded_gain, s);
    fold_into_vector(folded_bias, s);
    const auto after = test::outputs(normed(x, folded_gain, folded_bias), with_columns_times(w, s));
    for (std::size_t i = 0; i < before.size(); ++i) ASSERT_NEAR(after[i], before[i], 1e-4) << "of outputs of some 50";
  }
  auto previous = normal_tensor({40, 10}, 5);
  const auto h = normal_tensor({6, 10}, 6);
  const auto two_layers = [&](const tensor<float>& first, const tensor<float>& second) {
    const auto hidden = test::outputs(h, first);
    return test::outputs(tensor_of({6, 40}, std::vector<float>(hidden.begin(), hidden.end())), second);
  };
  const auto plain = two_layers(previous, w);
  const auto s = smoothing_vector(statistics.largest(), {w});
  fold_into_rows(previous, s);
  const auto folded = two_layers(previous, with_columns_times(w, s));
  for (std::size_t i = 0; i < plain.size(); ++i) ASSERT_NEAR(folded[i], plain[i], 1e-4);
}

// 8-bit weights and 8-bit activations with one scale for all of them: what outlier channels spoil and smoothing repairs.
TEST(smooth_quant, makes_outlier_channels_harmless_for_one_scale) {
  const auto x = test::correlated_inputs({64, 68}, 7, 60), w = normal_tensor({16, 68}, 8), v = normal_tensor({8, 68}, 9);
  column_statistics statistics(68);
  statistics.add(x);
  const auto result = smooth_quant<int8>{.alpha = 0.5}("qkv", statistics.largest(), {w, v});
  ASSERT_EQ(result.weights.size(), 2u);
  EXPECT_EQ(result.weights[1].shape(), v.shape());
  EXPECT_EQ(result.smoothing, smoothing_vector(statistics.largest(), {w, v}));
  EXPECT_EQ(ordinals_of(result.weights[0]), ordinals_of(quantize<int8>("w", with_columns_times(w, result.smoothing))));
  auto smooth = x;
  divide_columns(smooth, result.smoothing);
  const auto exact = test::outputs(x, w);
  const double plain = test::distance(test::outputs(decoded(quantize<int8, per_tensor>("x", x)), decoded(quantize<int8>("w", w))), exact);
  const double ours = test::distance(test::outputs(decoded(quantize<int8, per_tensor>("x", smooth)), decoded(result.weights[0])), exact);
  EXPECT_LT(ours, 0.1 * plain);
}

TEST(smooth_quant, says_what_is_wrong) {
  const auto w = normal_tensor({2, 3}, 10);
  const std::vector<float> largest = {1, 2, 3};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of([&] { smoothing_vector(largest, {w}, 1.5); }),
            "zolt: smoothing_vector: alpha = 1.5 must be at least 0 and at most 1");
  EXPECT_EQ(message_of([&] { smoothing_vector(largest, {w}, nan); }),
            "zolt: smoothing_vector: alpha = nan must be at least 0 and at most 1");
  EXPECT_EQ(message_of([&] { smoothing_vector(largest, {}); }), "zolt: smoothing_vector: weights = 0 must be at least 1");
  EXPECT_EQ(message_of([&] {
              smoothing_vector(largest, {w, normal_tensor({2, 4}, 1)});
            }),
            "zolt: smoothing_vector: weights 1: columns = 4 must be 3, as activation_max");
  EXPECT_EQ(message_of([&] {
              smoothing_vector(std::vector<float>{1, -2, 3}, {w});
            }),
            "zolt: smoothing_vector: activation_max 1 = -2 must be finite and not negative");
  EXPECT_EQ(message_of([&] {
              smoothing_vector(std::vector<float>{1, 2, nan}, {w});
            }),
            "zolt: smoothing_vector: activation_max 2 = nan must be finite and not negative");
  auto broken = w;
  broken(1, 0) = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] {
              smooth_quant<int8>{}("qkv", largest, {w, broken});
            }),
            "zolt: smoothing_vector: weights 1: weight 3 (row 1) = inf must be finite");
  EXPECT_EQ(message_of([] { column_statistics(0); }), "zolt: column_statistics: columns = 0 must be at least 1");
  EXPECT_EQ(message_of([&] { column_statistics(2).add(w); }), "zolt: column_statistics: columns of the inputs = 3 must be 2");
  EXPECT_EQ(message_of([&] { column_statistics(3).add(broken); }), "zolt: column_statistics: input 3 (row 1) = inf must be finite");
  EXPECT_EQ(message_of([&] {
              with_columns_times(w, std::vector<float>{1, 2});
            }),
            "zolt: multiply_columns: factors = 2 must be 3, one per channel");
  auto changed = w;
  EXPECT_EQ(message_of([&] {
              divide_columns(changed, std::vector<float>{1, 0, 1});
            }),
            "zolt: divide_columns: factor 1 = 0 must be positive and finite");
  EXPECT_EQ(message_of([&] { fold_into_rows(changed, largest); }), "zolt: fold_into_rows: factors = 3 must be 2, one per channel");
  EXPECT_EQ(message_of([&] { fold_into_vector(changed.flat(), largest); }),
            "zolt: fold_into_vector: factors = 3 must be 6, one per channel");
  EXPECT_EQ(test::distance(changed, w), 0) << "nothing was touched";
}

}  // namespace
}  // namespace zolt
