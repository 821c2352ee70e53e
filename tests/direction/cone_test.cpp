#include "zolt/direction/cone.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"

namespace zolt::test {
namespace {

static_assert(absorbing_direction<cone> && !absorbing_before_update<cone> && !absorbing_curvatures<cone> && !cone_law::whole_units);

struct tensors {
  std::vector<float> odd = std::vector<float>(3000), small = std::vector<float>(12);
  auto list() { return parameters(parameter("odd", odd), parameter("small", small)); }
  auto turned_list() { return parameters(parameter("small", small), parameter("odd", odd)); }
  parameter_info info(bool of_odd) { return of_odd ? info_of(parameter("odd", odd)) : info_of(parameter("small", small)); }
};

template <class Law>
std::vector<std::int16_t> tile(const Law& law, const direction_key& key, const parameter_info& info, std::size_t first, std::size_t count) {
  std::vector<std::int16_t> z(count);
  law.fill(key, info, first, z);
  return z;
}

/// An axis that has absorbed one step of two terms.
cone_axis taught(const cone& policy, tensors& t) {
  cone_axis in;
  policy.refresh(in, t.list(), {});
  const std::vector<directional> slopes = {{{3, 0, 0}, 2.0}, {{3, 0, 1}, -0.5}};
  const cone_law law = policy.law_at(1, 2, in);
  for (const bool of_odd : {true, false}) {
    const parameter_info info = t.info(of_odd);
    policy.absorb(in, info, 0, info.shape.size(), absorbed_step<cone_law>{law, slopes});
  }
  policy.refresh(in, t.list(), {});
  return in;
}

TEST(cone, is_the_gaussian_until_it_has_an_axis) {
  tensors t;
  const cone policy{.cosine = 0.9};
  const gaussian base{};
  cone_axis untaught, made;
  policy.refresh(made, t.list(), {});
  EXPECT_EQ(made.bytes(), 4 * 3012u);
  EXPECT_EQ(made.count, 3012);
  for (const cone_axis* in : {&untaught, &made}) {
    const cone_law law = policy.law_at(1, 1, *in);
    const auto z = tile(law, {3, 1, 2}, t.info(true), 0, 3000), g = tile(base.law_at(1, 1), {3, 1, 2}, t.info(true), 0, 3000);
    for (std::size_t j = 0; j < z.size(); ++j) ASSERT_EQ(z[j], 4 * g[j]);
    EXPECT_EQ(4 * law.amplitude(), base.law_at(1, 1).amplitude());
  }
}

TEST(cone, the_axis_is_a_running_mean_of_estimates_in_any_parts) {
  tensors t;
  const cone policy{.cosine = 0.6, .decay = 0.75};
  cone_axis whole, parts;
  policy.refresh(whole, t.list(), {});
  policy.refresh(parts, t.list(), {});
  const parameter_info info = t.info(true);
  std::vector<double> mean(3000);
  for (std::uint32_t step = 0; step < 4; ++step) {
    const std::vector<directional> slopes = {{{3, step, 0}, 2.0 - step}, {{3, step, 1}, 0.3}};
    const cone_law of_whole = policy.law_at(1, 2, whole), of_parts = policy.law_at(1, 2, parts);
    std::vector<double> estimate(3000);
    for (const directional& s : slopes) {
      const auto z = tile(of_whole, s.key, info, 0, 3000);
      for (std::size_t j = 0; j < z.size(); ++j) estimate[j] += s.value * z[j] * of_whole.amplitude();
    }
    for (std::size_t j = 0; j < mean.size(); ++j) mean[j] = 0.75 * mean[j] + 0.25 * estimate[j];
    policy.absorb(whole, info, 0, 3000, absorbed_step<cone_law>{of_whole, slopes});
    for (const auto& [first, last] : {std::pair<std::size_t, std::size_t>{2048, 3000}, {0, 5}, {5, 2048}})
      policy.absorb(parts, info, first, last, absorbed_step<cone_law>{of_parts, slopes});
    policy.refresh(whole, t.list(), {});
    policy.refresh(parts, t.turned_list(), {});
    EXPECT_EQ(whole, parts);
    double squares = 0;
    for (std::size_t j = 0; j < mean.size(); ++j) {
      ASSERT_NEAR(whole.mean.of(info.id)[j], mean[j], 1e-6);
      squares += mean[j] * mean[j];
    }
    EXPECT_NEAR(whole.squares, squares, 1e-5 * squares);
  }
}

TEST(cone, is_the_rounded_sum_of_axis_and_gaussian_at_any_place) {
  tensors t;
  const cone policy{.cosine = 0.6};
  const cone_axis in = taught(policy, t);
  const cone_law law = policy.law_at(1, 1, in);
  EXPECT_EQ(policy.law_of(law.record(), in), law);
  const parameter_info info = t.info(true);
  const auto g = tile(gaussian{}.law_at(1, 1), {7, 1, 0}, info, 0, 3000), z = tile(law, {7, 1, 0}, info, 0, 3000);
  double squares = 0;
  for (std::size_t j = 0; j < z.size(); ++j) {
    const double m = in.mean.of(info.id)[j] / std::sqrt(in.squares / 3012);
    ASSERT_NEAR(z[j], 4 * (0.8 * g[j] + 0.6 * std::sqrt(846.0) * m), 0.5 + 1e-9);
    squares += std::pow(law.amplitude() * z[j], 2);
  }
  EXPECT_NEAR(squares / 3000, 1, 0.1) << "as long as without an axis";
  const auto part = tile(law, {7, 1, 0}, info, 1001, 1500);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), z.begin() + 1001));
}

TEST(cone, a_component_far_out_stops) {
  tensors t;
  const cone policy{.cosine = 0.99};
  cone_axis in;
  policy.refresh(in, t.list(), {});
  in.mean.of(t.info(true).id)[0] = 5;
  in.mean.of(t.info(true).id)[1] = -1e-3f;
  policy.refresh(in, t.list(), {});
  const auto z = tile(policy.law_at(1, 1, in), {7, 1, 0}, t.info(true), 0, 2);
  EXPECT_EQ(z[0], cone_law::largest) << "54 deviations along the axis";
  EXPECT_LT(std::abs(z[1]), 200);
}

TEST(cone, leans_by_its_cosine_and_spreads_by_its_sine) {
  tensors t;
  const cone policy{.cosine = 0.6};
  const cone_axis in = taught(policy, t);
  const cone_law law = policy.law_at(1, 1, in);
  const parameter_info info = t.info(false);
  constexpr double keys = 20000;
  std::vector<double> sums(12), squares(12);
  for (std::uint32_t step = 0; step < keys; ++step) {
    const auto z = tile(law, {7, step, 0}, info, 0, 12);
    for (std::size_t j = 0; j < 12; ++j) {
      const double component = law.amplitude() * z[j];
      sums[j] += component, squares[j] += component * component;
    }
  }
  for (std::size_t j = 0; j < 12; ++j) {
    const double mean = 0.6 * in.mean.of(info.id)[j] * std::sqrt(3012 / in.squares);
    EXPECT_LT(standard_errors(sums[j], keys * mean, keys * 0.64), allowed_standard_errors) << j;
    EXPECT_NEAR(squares[j] / keys - mean * mean, 0.64, 0.05) << j;
  }
}

}  // namespace
}  // namespace zolt::test
