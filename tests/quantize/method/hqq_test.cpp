#include "zolt/quantize/method/hqq.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quantize/method/layers.hpp"
#include "support/messages.hpp"

namespace zolt {
namespace {

using test::decoded, test::message_of, test::normal_tensor, test::ordinals_of, test::tensor_of;

/// Σ |w − ŵ|^p
template <class Quantized>
double error_of(const tensor<float>& w, const Quantized& q, double p = 0.7) {
  const auto back = decoded(q);
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += std::pow(std::fabs(double{w.data()[i]} - double{back.data()[i]}), p);
  return sum;
}

/// Laplace's distribution: tails that the range has to cover for the sake of few weights.
tensor<float> heavy_tailed(shape s, std::uint64_t seed) {
  test::draws random(seed);
  tensor<float> w(s);
  for (float& x : w.flat()) x = static_cast<float>((random.below(2) == 0 ? 1 : -1) * std::log(random.fraction()));
  return w;
}

/// The formula, with the roundings of a float grid: the least sum and its grid.
std::pair<double, affine> by_the_formula(std::span<const float> w, float greatest, double p, double beta, int iterations) {
  const auto [low, high] = std::minmax_element(w.begin(), w.end());
  const auto scale = static_cast<float>((double{*high} - double{*low}) / double{greatest});
  std::pair<double, affine> best{std::numeric_limits<double>::infinity(), {}};
  for (affine grid : {affine{scale, static_cast<float>(-double{*low} / scale)}, absmax{}.fit<uint4>(w)})
    for (int i = 0; i <= iterations; ++i) {
      double error = 0, sum = 0;
      for (const float x : w) {
        const float value = std::clamp(std::nearbyint(x / grid.scale + grid.zero), 0.0f, greatest);
        const double d = double{x} - double{(value - grid.zero) * grid.scale};
        error += std::pow(std::fabs(d), p);
        const double e = d == 0 ? 0 : std::max(std::fabs(d) - std::pow(std::fabs(d), p - 1) / beta, 0.0) * (d < 0 ? -1 : 1);
        sum += double{value} - (double{x} - e) / double{grid.scale};
      }
      if (error < best.first) best = {error, grid};
      grid.zero = static_cast<float>(sum / static_cast<double>(w.size()));
    }
  return best;
}
TEST(half_quadratic, follows_the_formula) {
  std::size_t fractions = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto w = heavy_tailed({1, 64}, 100 + seed);
    for (const double p : {0.7, 1.0}) {
      const affine grid = half_quadratic{.exponent = p, .beta = 5, .iterations = 8}.fit<uint4>(w.flat());
      const auto [error, expected] = by_the_formula(w.flat(), 15, p, 5, 8);
      EXPECT_NEAR(detail::quantization_error<uint4>(grid, w.flat(), p) / error, 1, 1e-4) << seed;
      EXPECT_NEAR(grid.scale / expected.scale, 1, 1e-6) << seed;
      EXPECT_NEAR(grid.zero, expected.zero, 1e-4) << seed;
      fractions += grid.zero != std::nearbyint(grid.zero);
    }
  }
  EXPECT_GT(fractions, 60u) << "of 80";
}

// 0, 1, 2, 3 and 9 on four values: s = 3 and z = 0. Where β is small no error is let be (e = 0), and the next zero is the mean of
// value − w/s, (0 − 1/3 + 1/3 + 0 + 0)/5 = 0.
TEST(half_quadratic, stays_where_it_is_best) {
  const std::vector<float> w = {0, 1, 2, 3, 9};
  const half_quadratic policy{.exponent = 0.5, .beta = 1e-6};
  EXPECT_EQ(policy.fit<uint2>(w), (affine{3, 0}));
}
// 1, 1.1, 1.2 and 1.3 on four values: s = 0.1 and z = −10 are exact, where a grid with 0 in it has steps of 0.43.
TEST(half_quadratic, a_zero_point_may_lie_outside_the_codes) {
  const auto w = tensor_of({1, 4}, {1, 1.1f, 1.2f, 1.3f});
  const auto q = hqq<uint2, per_channel>{}("w", w);
  EXPECT_NEAR(q.zeros()[0], -10, 1e-4);
  EXPECT_EQ(ordinals_of(q), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_LT(test::distance(decoded(q), w), 1e-12);
}

template <class Format>
class hqq_of : public testing::Test {};
using formats = testing::Types<uint2, uint3, uint4, unsigned_integer<5>, uint8>;
TYPED_TEST_SUITE(hqq_of, formats);

TYPED_TEST(hqq_of, is_never_worse_than_rounding_to_nearest) {
  using group = per_group<16, last_group::shorter>;
  std::vector<tensor<float>> layers = {normal_tensor({4, 40}, 1), heavy_tailed({4, 40}, 2), tensor<float>({2, 16})};
  for (const float scale : {1e-30f, 1e-6f, 1e6f, 1e30f}) {
    layers.push_back(heavy_tailed({4, 40}, 3));
    for (float& w : layers.back().flat()) w *= scale;
  }
  for (const float offset : {0.02f, -5.0f, 3e6f}) {
    layers.push_back(normal_tensor({4, 40}, 4));
    for (float& w : layers.back().flat()) w = w * 0.01f + offset;
  }
  layers.push_back(tensor_of({1, 3}, {1e20f, 1e20f, 1e20f}));  // all alike
  layers.push_back(tensor_of({1, 3}, {-3, -3, -3}));
  for (const auto& w : layers)
    for (const double p : {0.7, 1.0}) {
      const hqq<TypeParam, group> method{.range = {.exponent = p}};
      const auto q = method("w", w);
      EXPECT_LE(error_of(w, q, p), error_of(w, quantize<TypeParam, group>("w", w), p)) << w(0, 0);
      for (const float z : q.zeros()) ASSERT_TRUE(exact::is_finite(z));
      for (const int o : ordinals_of(q)) ASSERT_TRUE(o >= 0 && o <= TypeParam::highest);
      EXPECT_EQ(ordinals_of(method("w", w)), ordinals_of(q)) << "the same again";
    }
}

TEST(hqq, serves_most_of_the_weights_better_where_a_few_are_large) {
  const auto w = heavy_tailed({32, 128}, 5);
  const auto ratio = [&](auto format) {
    using unsigned_format = decltype(format);
    return error_of(w, hqq<unsigned_format>{}("w", w)) / error_of(w, quantize<unsigned_format, per_group<64>>("w", w));
  };
  EXPECT_LT(ratio(uint4{}), 0.95);
  EXPECT_LT(ratio(uint2{}), 0.99);
}

TEST(hqq, zeros_stay_zeros_and_are_counted) {
  auto w = normal_tensor({2, 64}, 6);
  for (std::size_t j = 0; j < 64; ++j) w(1, j) = 0;
  quantization_events events;
  const auto q = hqq<uint4>{}("w", w, &events);
  EXPECT_EQ(events.zero_groups, 1u);
  for (std::size_t j = 0; j < 64; ++j) EXPECT_EQ(decoded(q)(1, j), 0);
}

TEST(hqq, says_what_is_wrong) {
  const auto w = normal_tensor({2, 64}, 7);
  EXPECT_EQ(message_of([&] { hqq<uint4>{.range = {.exponent = 2, .beta = 0, .iterations = 0}}("w", w); }),
            "zolt: half_quadratic: exponent = 2 must be above 0 and at most 1\n"
            "      half_quadratic: beta = 0 must be positive and finite\n"
            "      half_quadratic: iterations = 0 must be at least 1 and finite");
  EXPECT_EQ(message_of([] { hqq<uint4>{}("w", tensor<float>({2, 48})); }), "zolt: w: columns = 48 must be divided by the group of 64");
  auto broken = w;
  broken(0, 3) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of([&] { hqq<uint4>{}("w", broken); }), "zolt: w: weight 3 (row 0) = nan must be finite");
}

}  // namespace
}  // namespace zolt
