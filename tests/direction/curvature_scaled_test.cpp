#include "zolt/direction/curvature_scaled.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"

namespace zolt::test {
namespace {

using law = curvature_scaled_law;
static_assert(absorbing_before_update<curvature_scaled> && absorbing_curvatures<curvature_scaled>);
static_assert(!law::whole_units && !sparse_law<law> && !absorbing_direction<gaussian>);

/// Tensors of a set, whose inputs a test teaches.
struct tensors {
  std::vector<float> odd = std::vector<float>(5000), small = std::vector<float>(12);
  auto list() { return parameters(parameter("odd", odd), parameter("small", small)); }
  parameter_info info(bool of_odd) { return of_odd ? info_of(parameter("odd", odd)) : info_of(parameter("small", small)); }
};

std::vector<std::int16_t> tile(const auto& l, const direction_key& key, const parameter_info& info, std::size_t first, std::size_t count) {
  std::vector<std::int16_t> z(count);
  l.fill(key, info, first, z);
  return z;
}

TEST(curvature_scaled, a_level_is_the_nearest_to_the_inverse_root_within_its_range) {
  EXPECT_EQ(law::level(0), 64) << "H = 1";
  for (const double h : {0.0626, 0.07, 0.3, 0.99, 1.01, 3.0, 100.0, 4000.0})
    EXPECT_EQ(law::level(static_cast<float>(h - 1)), std::lround(64 / std::sqrt(h))) << h;
  EXPECT_EQ(law::level(-1), 256);
  EXPECT_EQ(law::level(-1.0001f), 256) << "what rounding may do";
  EXPECT_EQ(law::level(1e30f), 1);
  EXPECT_EQ(law::level(std::numeric_limits<float>::infinity()), 1);
  EXPECT_LT(124 * law::highest_level, 1 << law::bits);
}

TEST(curvature_scaled, is_the_gaussian_until_it_has_learned) {
  tensors t;
  const curvature_scaled policy{};
  weight_values untaught, taught;
  policy.refresh(taught, t.list(), {});
  EXPECT_EQ(taught.bytes(), 4 * 5012u);
  const direction_key key{3, 1, 2};
  const gaussian base{};
  for (const weight_values* in : {&untaught, &taught}) {
    const auto z = tile(policy.law_at(1, 1, *in), key, t.info(true), 0, 5000), g = tile(base.law_at(1, 1), key, t.info(true), 0, 5000);
    for (std::size_t j = 0; j < z.size(); ++j) ASSERT_EQ(z[j], 64 * g[j]);
  }
  EXPECT_EQ(policy.law_at(1, 1, taught).amplitude() * 64, base.law_at(1, 1).amplitude());
}

TEST(curvature_scaled, absorbs_the_mean_of_second_derivatives_in_any_parts) {
  tensors t;
  const curvature_scaled policy{.smoothing = 0.1};
  weight_values whole, parts;
  policy.refresh(whole, t.list(), {});
  policy.refresh(parts, t.list(), {});
  const parameter_info info = t.info(true);
  std::vector<double> h(5000, 1.0);
  for (std::uint32_t step = 0; step < 4; ++step) {
    const std::vector<directional> curvatures = {{{3, step, 0}, 2.0 + step}, {{3, step, 2}, 30.0}};
    const law of_whole = policy.law_at(1, 1, whole), of_parts = policy.law_at(1, 1, parts);
    const absorbed_step<law> seen{of_whole, {}, curvatures};
    policy.absorb(whole, info, 0, 5000, seen);
    for (const auto& [first, last] : {std::pair<std::size_t, std::size_t>{2048, 5000}, {0, 3}, {3, 2048}})
      policy.absorb(parts, info, first, last, absorbed_step<law>{of_parts, {}, curvatures});
    EXPECT_EQ(whole, parts);
    std::vector<double> observed(5000);
    for (const directional& c : curvatures) {
      const auto g = tile(gaussian{}.law_at(1, 1), c.key, info, 0, 5000);
      for (std::size_t j = 0; j < g.size(); ++j) observed[j] += c.value * g[j] * g[j] / 846;
    }
    for (std::size_t j = 0; j < h.size(); ++j) {
      const double scale = std::clamp(std::round(64 / std::sqrt(h[j])), 1.0, 256.0) / 64;
      h[j] = 0.9 * h[j] + 0.1 * observed[j] / (scale * scale);
    }
  }
  const auto z = tile(policy.law_at(1, 1, whole), {9, 0, 0}, info, 1001, 2000),
             g = tile(gaussian{}.law_at(1, 1), {9, 0, 0}, info, 1001, 2000);
  for (std::size_t j = 0; j < z.size(); ++j) {
    ASSERT_NEAR(1 + double{whole.of(info.id)[1001 + j]}, h[1001 + j], 1e-5 * h[1001 + j]);
    ASSERT_EQ(z[j], g[j] * law::level(whole.of(info.id)[1001 + j])) << "any range";
  }
  for (const float x : whole.of(t.info(false).id)) EXPECT_EQ(x, 0) << "another tensor";
}

TEST(curvature_scaled, small_steps_are_not_lost) {
  tensors t;
  const curvature_scaled policy{.smoothing = 1e-8};
  weight_values in;
  policy.refresh(in, t.list(), {});
  const parameter_info info = t.info(false);
  std::vector<double> sum(12);
  for (std::uint32_t step = 0; step < 500; ++step) {
    const std::vector<directional> curvatures = {{{3, step, 0}, 3.0}};
    const law l = policy.law_at(1, 1, in);
    const auto g = tile(gaussian{}.law_at(1, 1), curvatures[0].key, info, 0, 12);
    for (std::size_t j = 0; j < 12; ++j) sum[j] += 3.0 * g[j] * g[j] / 846 - 1;
    policy.absorb(in, info, 0, 12, absorbed_step<law>{l, {}, curvatures});
  }
  for (std::size_t j = 0; j < 12; ++j) EXPECT_NEAR(in.of(info.id)[j] / 1e-8, sum[j], 0.01) << "1 + 1e-8 would be 1";
}

// ½ Σ h z² of d weights along z = uσ: H comes to rest at ½(d + 2)·h.
TEST(curvature_scaled, learns_the_curvatures_of_a_badly_scaled_quadratic) {
  tensors t;
  const curvature_scaled policy{.smoothing = 0.003};
  weight_values in;
  policy.refresh(in, t.list(), {});
  const parameter_info info = t.info(false);
  std::vector<double> curvature;
  for (int j = 0; j < 12; ++j) curvature.push_back(0.2 * std::pow(1.6, (5 * j) % 12));  // 0.2 … 35, in another order
  std::vector<double> mean(12);
  constexpr std::uint32_t steps = 20000, settled = 5000;
  for (std::uint32_t step = 0; step < steps; ++step) {
    const law l = policy.law_at(1, 1, in);
    const auto z = tile(l, {5, step, 0}, info, 0, 12);
    double second = 0;
    for (std::size_t j = 0; j < 12; ++j) second += 0.5 * curvature[j] * std::pow(l.amplitude() * z[j], 2);
    const std::vector<directional> curvatures = {{{5, step, 0}, second}};
    policy.absorb(in, info, 0, 12, absorbed_step<law>{l, {}, curvatures});
    if (step >= settled)
      for (std::size_t j = 0; j < 12; ++j) mean[j] += (1 + double{in.of(info.id)[j]}) / (steps - settled);
  }
  for (std::size_t j = 0; j < 12; ++j) EXPECT_NEAR(mean[j] / (0.5 * (12 + 2) * curvature[j]), 1, 0.25) << j;
}

}  // namespace
}  // namespace zolt::test
