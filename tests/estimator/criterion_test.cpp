#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/weights.hpp"
#include "zolt/estimator/criterion.hpp"

namespace zolt::test {
namespace {

static_assert(criterion<softmax_cross_entropy<int>> && criterion<logistic_loss> && criterion<squared_error>);

/// Loss and slope of one example; the slope against central differences of the loss in its own outputs.
template <class Criterion>
void expect_slope_is_derivative(const Criterion& c, std::size_t example, std::vector<float> outputs, double tolerance) {
  std::vector<float> slope(outputs.size(), 17.0f);
  c.slope(example, outputs, slope);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const float at = outputs[i], high = at + 0x1p-8f, low = at - 0x1p-8f;
    outputs[i] = high;
    const double above = c.loss(example, outputs);
    outputs[i] = low;
    const double below = c.loss(example, outputs);
    outputs[i] = at;
    EXPECT_NEAR(slope[i], (above - below) / (double{high} - double{low}), tolerance) << "output " << i;
  }
}

TEST(softmax_cross_entropy, known_values) {
  const std::vector<int> labels = {2, 0};
  const softmax_cross_entropy loss{labels};
  const std::vector<float> even = {1, 1, 1, 1};
  EXPECT_NEAR(loss.loss(0, even), std::log(4.0), 1e-15);
  std::vector<float> slope(4);
  loss.slope(0, even, slope);
  EXPECT_EQ(slope, (std::vector<float>{0.25f, 0.25f, -0.75f, 0.25f}));
  // exp(0) : exp(log 3) = 1 : 3
  const std::vector<float> uneven = {0, std::log(3.0f)};
  EXPECT_NEAR(loss.loss(1, uneven), std::log(4.0), 1e-7);
  std::vector<float> two(2);
  loss.slope(1, uneven, two);
  EXPECT_NEAR(two[0], -0.75, 1e-7);
  EXPECT_NEAR(two[1], 0.75, 1e-7);
}

TEST(softmax_cross_entropy, slope_is_the_derivative_and_sums_to_zero) {
  draws d(3);
  std::vector<std::uint8_t> labels;
  for (int b = 0; b < 12; ++b) labels.push_back(static_cast<std::uint8_t>(d.below(7)));
  const softmax_cross_entropy loss{labels};
  for (std::size_t b = 0; b < labels.size(); ++b) {
    std::vector<float> outputs(7), slope(7);
    for (float& o : outputs) o = 3 * d.normal();
    expect_slope_is_derivative(loss, b, outputs, 1e-5);
    loss.slope(b, outputs, slope);
    double sum = 0;
    for (const float s : slope) sum += double{s};
    EXPECT_NEAR(sum, 0, 1e-6);
  }
}

TEST(softmax_cross_entropy, large_outputs_stay_finite) {
  const std::vector<std::int64_t> labels = {0, 1};
  const softmax_cross_entropy loss{labels};
  for (const float size : {100.0f, 1e4f, 1e30f, 3e38f}) {
    const std::vector<float> outputs = {size, -size, 0};
    std::vector<float> slope(3);
    EXPECT_EQ(loss.loss(0, outputs), 0) << size;
    loss.slope(0, outputs, slope);
    for (const float v : slope) EXPECT_NEAR(v, 0, 1e-40) << size;
    EXPECT_NEAR(loss.loss(1, outputs), 2.0 * double{size}, 1e-6 * double{size}) << "the other label";
    loss.slope(1, outputs, slope);
    EXPECT_EQ(slope[0], 1) << size;
    EXPECT_EQ(slope[1], -1) << size;
    EXPECT_NEAR(slope[2], 0, 1e-40) << size;
  }
  const std::vector<float> low = {-3e38f, -3e38f};
  std::vector<float> slope(2);
  EXPECT_NEAR(loss.loss(0, low), std::log(2.0), 1e-6);
  loss.slope(0, low, slope);
  EXPECT_EQ(slope, (std::vector<float>{-0.5f, 0.5f}));
}

template <class Label>
void expect_lost(Label label, std::size_t example = 0) {
  const std::vector<Label> labels = {label};
  const softmax_cross_entropy loss{labels};
  const std::vector<float> outputs = {0.5f, 1, 2};
  std::vector<float> slope(3, 0.0f);
  EXPECT_FALSE(std::isfinite(loss.loss(example, outputs)));
  loss.slope(example, outputs, slope);
  for (const float s : slope) EXPECT_FALSE(std::isfinite(s)) << "a slope without label";
}

TEST(softmax_cross_entropy, labels_out_of_range_lose_the_example) {
  expect_lost(3);
  expect_lost(-1);
  expect_lost(std::int8_t{-128});
  expect_lost(std::uint8_t{255});
  expect_lost(std::int64_t{1} << 32);  // 0 if it were cut to 32 bits
  expect_lost(~std::uint64_t{0});
  expect_lost(0, 1);  // more examples than labels
}

TEST(softmax_cross_entropy, takes_labels_of_any_integer_type) {
  const std::vector<float> outputs = {0.25f, -1, 2};
  const auto loss_with = [&outputs](auto label) {
    const std::vector<decltype(label)> labels = {label};
    return softmax_cross_entropy{labels}.loss(0, outputs);
  };
  const double expected = loss_with(1);
  EXPECT_EQ(loss_with(std::uint8_t{1}), expected);
  EXPECT_EQ(loss_with(std::int16_t{1}), expected);
  EXPECT_EQ(loss_with(std::size_t{1}), expected);
  EXPECT_EQ(loss_with(1L), expected);
}

TEST(softmax_cross_entropy, outputs_that_are_no_numbers_lose_the_example) {
  const std::vector<int> labels = {1};
  const softmax_cross_entropy loss{labels};
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (std::size_t at = 0; at < 3; ++at) {
      std::vector<float> outputs = {0.5f, 1, 2}, slope(3);
      outputs[at] = bad;
      loss.slope(0, outputs, slope);
      bool finite = std::isfinite(loss.loss(0, outputs));
      for (const float s : slope) finite = finite && std::isfinite(s);
      EXPECT_FALSE(finite) << bad << " at " << at;
    }
}

TEST(logistic_loss, known_values_and_derivative) {
  const std::vector<float> targets = {1, -1};
  const logistic_loss loss{targets};
  const auto loss_at = [&loss](std::size_t b, float o) { return loss.loss(b, std::vector<float>{o}); };
  EXPECT_NEAR(loss_at(0, 0), std::log(2.0), 1e-15);
  EXPECT_NEAR(loss_at(0, 2), std::log1p(std::exp(-2.0)), 1e-15);
  EXPECT_EQ(loss_at(0, 1.5f), loss_at(1, -1.5f));
  for (const float o : {-6.0f, -0.5f, 0.0f, 0.25f, 4.0f})
    for (std::size_t b = 0; b < 2; ++b) expect_slope_is_derivative(loss, b, {o}, 1e-5);
}

TEST(logistic_loss, large_outputs_stay_finite) {
  const std::vector<float> targets = {1, -1};
  const logistic_loss loss{targets};
  for (const float size : {200.0f, 1e10f, 3e38f}) {
    const std::vector<float> right = {size}, wrong = {-size};
    std::vector<float> slope(1);
    EXPECT_NEAR(loss.loss(0, right), 0, 1e-80);
    EXPECT_EQ(loss.loss(0, wrong), double{size});
    loss.slope(0, right, slope);
    EXPECT_EQ(slope[0], 0);
    loss.slope(0, wrong, slope);
    EXPECT_EQ(slope[0], -1);
    loss.slope(1, right, slope);
    EXPECT_EQ(slope[0], 1);
  }
}

TEST(squared_error, known_values_and_derivative) {
  tensor<float> targets({2, 3});
  for (std::size_t i = 0; i < 6; ++i) targets.data()[i] = static_cast<float>(i);
  const squared_error loss{targets.view()};
  const std::vector<float> outputs = {3, 5, 8};
  EXPECT_EQ(loss.loss(0, outputs), (9 + 16 + 36) / 2.0);
  EXPECT_EQ(loss.loss(1, outputs), (0 + 1 + 9) / 2.0);
  std::vector<float> slope(3);
  loss.slope(1, outputs, slope);
  EXPECT_EQ(slope, (std::vector<float>{0, 1, 3}));
  expect_slope_is_derivative(loss, 0, {0.5f, -2, 1.25f}, 1e-9);
}

}  // namespace
}  // namespace zolt::test
