#include "zolt/quantize/method/llm_int8.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quantize/method/layers.hpp"
#include "support/messages.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt {
namespace {

using test::decoded, test::message_of, test::normal_tensor, test::ordinals_of, test::tensor_of;

/// Whole numbers from −127 to 127, of which each row has the 127: their scale is 1.
tensor<float> whole_numbers(shape s, std::uint64_t seed) {
  test::draws random(seed);
  tensor<float> t(s);
  for (float& x : t.flat()) x = static_cast<float>(random.below(255)) - 127;
  for (std::size_t r = 0; r < s.rows; ++r) t(r, 0) = 127;
  return t;
}

TEST(llm_int8, the_integer_part_is_exact) {
  const auto weights = whole_numbers({7, 1000}, 1), x = whole_numbers({5, 1000}, 2);
  const auto w = quantize<int8>("w", weights);
  tensor<float> y({5, 7});
  EXPECT_EQ(llm_int8_linear(w, x, y, {.threshold = 1000}).outlier_columns, 0u);
  for (std::size_t r = 0; r < 5; ++r)
    for (std::size_t k = 0; k < 7; ++k) {
      std::int64_t sum = 0;
      for (std::size_t j = 0; j < 1000; ++j) sum += static_cast<std::int64_t>(x(r, j)) * static_cast<std::int64_t>(weights(k, j));
      EXPECT_EQ(y(r, k), static_cast<float>(sum));
    }
}
TEST(llm_int8, no_sum_overflows) {
  constexpr std::size_t columns = 200000;  // 127²·columns > 2³¹
  tensor<float> x({1, columns}), weights({2, columns}), y({1, 2});
  for (std::size_t j = 0; j < columns; ++j) x(0, j) = weights(0, j) = 127, weights(1, j) = -127;
  llm_int8_linear(quantize<int8>("w", weights), x, y, {.threshold = 1000});
  EXPECT_EQ(y(0, 0), 127.0f * 127 * columns);
  EXPECT_EQ(y(0, 1), -127.0f * 127 * columns);
  std::vector<std::int8_t> least(70000, -128), most(70000, 127);  // −128 is in memory that others wrote
  EXPECT_EQ(detail::integer_product(least.data(), most.data(), 70000), std::int64_t{-128} * 127 * 70000);
}

// Row 0: the outlier 10 is in column 1; what counts for the scale is 5, 2 and 1.27, so t = 5/127. Row 1 has 2.54 in the outlier column,
// which counts for its scale, t = 0.02, though column 1 is multiplied as floats.
TEST(llm_int8, splits_off_the_columns_of_outliers) {
  const auto x = tensor_of({2, 4}, {5, 10, 2, 1.27f, 1, -2.54f, 0.5f, 0}), weights = tensor_of({1, 4}, {127, 50, -30, 0});
  tensor<float> y({2, 1});
  EXPECT_EQ(llm_int8_linear(quantize<int8>("w", weights), x, y).outlier_columns, 1u);
  // round(2·127/5) = 51, round(1/0.02) = 50, round(0.5/0.02) = 25
  EXPECT_NEAR(y(0, 0), 5.0 / 127 * (127 * 127 - 30 * 51) + 10 * 50, 1e-4);
  EXPECT_NEAR(y(1, 0), 0.02 * (50 * 127 - 30 * 25) - 2.54 * 50, 1e-4);
}
TEST(llm_int8, an_entry_at_the_threshold_is_an_outlier) {
  const auto x = tensor_of({1, 2}, {-6, 5.9999995f}), weights = tensor_of({1, 2}, {127, 1});
  tensor<float> y({1, 1});
  EXPECT_EQ(llm_int8_linear(quantize<int8>("w", weights), x, y).outlier_columns, 1u);
  EXPECT_NEAR(y(0, 0), -6 * 127 + 6, 1e-4);
}

TEST(llm_int8, columns_of_outliers_are_exact) {
  const auto x = tensor_of({2, 3}, {100.123f, -7.5f, 33, 6, 8.25f, 1e9f});
  const auto w = quantize<int8>("w", normal_tensor({4, 3}, 3));
  const auto back = decoded(w);
  tensor<float> y({2, 4});
  EXPECT_EQ(llm_int8_linear(w, x, y).outlier_columns, 3u);
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t k = 0; k < 4; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < 3; ++j) sum += double{x(r, j)} * double{back(k, j)};
      EXPECT_NEAR(y(r, k) / sum, 1, 1e-6);
    }
}

TEST(llm_int8, loses_far_less_than_integers_alone_where_there_are_outliers) {
  const auto weights = normal_tensor({24, 128}, 4);
  auto x = normal_tensor({32, 128}, 5);
  for (std::size_t r = 0; r < 32; ++r) x(r, 17) *= 60, x(r, 90) *= 40;
  const auto w = quantize<int8>("w", weights);
  const auto exact = test::outputs(x, weights);
  tensor<float> ours({32, 24}), plain({32, 24});
  EXPECT_EQ(llm_int8_linear(w, x, ours).outlier_columns, 2u);
  EXPECT_EQ(llm_int8_linear(w, x, plain, {.threshold = 1e30}).outlier_columns, 0u);
  const auto rounded = test::outputs(x, decoded(w));  // without the rounding of the weights, which both have
  EXPECT_LT(test::distance(ours, rounded), 0.005 * test::distance(plain, rounded));
  tensor<float> again({32, 24});
  llm_int8_linear(w.view(), x, again);
  EXPECT_EQ(test::distance(again, ours), 0) << "the same again, through a view";
}

TEST(llm_int8, zeros_and_numbers_that_are_none_reach_the_outputs) {
  const auto w = quantize<int8>("w", tensor_of({2, 2}, {1, 2, 0, 0}));
  tensor<float> y({3, 2});
  EXPECT_EQ(llm_int8_linear(w, tensor<float>({3, 2}), y).outlier_columns, 0u);
  for (const float v : y.flat()) EXPECT_EQ(v, 0);
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(llm_int8_linear(w, tensor_of({3, 2}, {nan, 1, 1, 1, 1, infinity}), y).outlier_columns, 2u);
  EXPECT_TRUE(std::isnan(y(0, 0)));
  EXPECT_NEAR(y(1, 0), 3, 0.02) << "the other rows are as they were";
  EXPECT_EQ(y(2, 0), infinity);
  EXPECT_TRUE(std::isnan(y(2, 1))) << "0·∞";
  tensor<float> tiny({1, 2}), of_tiny({1, 2});
  tiny(0, 0) = 1e-45f;
  llm_int8_linear(w, tiny, of_tiny);
  EXPECT_EQ(of_tiny(0, 0), 0) << "127 steps to the least float are no scale";
  llm_int8_linear(w, tensor<float>({0, 2}), tensor<float>({0, 2}));
}

TEST(llm_int8, says_what_is_wrong) {
  const auto w = quantize<int8>("w", normal_tensor({4, 8}, 6));
  const auto x = normal_tensor({2, 8}, 7);
  tensor<float> y({2, 4}), other({2, 5});
  EXPECT_EQ(message_of([&] { llm_int8_linear(w, x, y, {.threshold = 0}); }), "zolt: llm_int8: threshold = 0 must be positive and finite");
  EXPECT_EQ(message_of([&] {
              llm_int8_linear(w, normal_tensor({2, 7}, 1), y);
            }),
            "zolt: llm_int8_linear: columns of x = 7 must be 8, the inputs of the weight");
  EXPECT_EQ(message_of([&] { llm_int8_linear(w, x, other); }), "zolt: llm_int8_linear: shape of y = 2x5 must be 2x4");
}

}  // namespace
}  // namespace zolt
