#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/statistics.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/estimator/kernel_smoothed.hpp"

namespace zolt::test {
namespace {

/// E r^power K(r) over the radii themselves.
double moment(std::uint32_t levels, int power) {
  const smoothing_kernel kernel = smoothing_kernel::of_levels(levels);
  double sum = 0;
  for (std::uint32_t j = 1; j <= levels; ++j) {
    const double r = static_cast<double>(j) / levels;
    sum += std::pow(r, power) * kernel(r);
  }
  return sum / levels;
}

TEST(smoothing_kernel, keeps_the_first_order_and_drops_the_third) {
  for (const std::uint32_t levels : {2u, 3u, 4u, 7u, 256u, 1024u, 100000u}) {
    EXPECT_NEAR(moment(levels, 1), 1, 1e-12) << levels;
    EXPECT_NEAR(moment(levels, 3), 0, 1e-12) << levels;
  }
}

TEST(smoothing_kernel, tends_to_that_of_a_uniform_radius) {
  const smoothing_kernel many = smoothing_kernel::of_levels(~std::uint32_t{0});
  EXPECT_NEAR(many.first, 75.0 / 4, 1e-6);
  EXPECT_NEAR(many.third, -105.0 / 4, 1e-6);
  EXPECT_NEAR(many(0.5), 15.0 / 4 * 0.5 * (5 - 7 * 0.25), 1e-6);
  EXPECT_EQ(many(-0.5), -many(0.5));
}

TEST(smoothing_kernel, of_two_levels_by_hand) {
  // r = ½, 1:  K(½)/2 + K(1) = 2 and K(½)/8 + K(1) = 0, so that K(½) = 16/3 and K(1) = −2/3.
  const smoothing_kernel two = smoothing_kernel::of_levels(2);
  EXPECT_NEAR(two(0.5), 16.0 / 3, 1e-13);
  EXPECT_NEAR(two(1), -2.0 / 3, 1e-13);
}

std::vector<probe> planned(const kernel_smoothed& estimator, const direction_key& key) {
  std::vector<probe> plan;
  estimator.plan(key, {}, {}, plan);
  return plan;
}

TEST(kernel_smoothed, radii_are_uniform_on_the_levels) {
  constexpr std::uint32_t levels = 12;
  const kernel_smoothed estimator{.queries = 500, .levels = levels};
  std::vector<std::size_t> counts(levels);
  for (std::uint32_t step = 0; step < 20; ++step) {
    const auto plan = planned(estimator, {7, step, 0});
    ASSERT_EQ(plan.size(), 1000u);
    EXPECT_EQ(plan == planned(estimator, {7, step, 0}), true);
    for (std::size_t i = 0; i < plan.size(); i += 2) {
      const direction_key key{7, step, static_cast<std::uint32_t>(i / 2)};
      EXPECT_EQ(plan[i].key, key);
      EXPECT_EQ(plan[i + 1].key, key);
      EXPECT_EQ(plan[i + 1].offset, -plan[i].offset);
      const double level = plan[i].offset * levels;
      ASSERT_NEAR(level, std::round(level), 1e-12);
      ++counts.at(static_cast<std::size_t>(std::lround(level)) - 1);
    }
  }
  EXPECT_LT(chi_square_errors(counts), allowed_standard_errors);
}

TEST(kernel_smoothed, moves_by_whole_codes_where_the_radius_is_a_multiple_of_a_power_of_two) {
  for (const kernel_smoothed& estimator :
       {kernel_smoothed{.radius = 4, .queries = 40, .levels = 4}, {.radius = 6, .queries = 40, .levels = 2}})
    for (const probe& p : planned(estimator, {3, 1, 0})) EXPECT_EQ(p.offset * estimator.radius, std::round(p.offset * estimator.radius));
}

TEST(kernel_smoothed, on_one_level_is_two_point) {
  const kernel_smoothed estimator{.radius = 0.5, .queries = 3, .levels = 1};
  const two_point plain{.radius = 0.5, .queries = 3};
  std::vector<probe> expected;
  plain.plan({1, 2, 0}, {}, {}, expected);
  const auto plan = planned(estimator, {1, 2, 0});
  EXPECT_EQ(plan == expected, true);
  std::vector<evaluation> seen;
  for (const probe& p : plan) seen.push_back({p, 3 * p.offset + p.key.query});
  seen[3].loss = std::numeric_limits<double>::infinity();
  std::vector<term> terms, plain_terms;
  estimator.estimate(seen, {0.5}, terms);
  plain.estimate(seen, {0.5}, plain_terms);
  ASSERT_EQ(terms.size(), 2u) << "the query with a lost loss is dropped";
  for (std::size_t i = 0; i < terms.size(); ++i) {
    EXPECT_EQ(terms[i].query, plain_terms[i].query);
    EXPECT_EQ(terms[i].coefficient, plain_terms[i].coefficient);
  }
}

/// A cubic of three weights, and the expectation of an estimate over all eight ±1 directions.
double cubic(const std::array<double, 3>& x) {
  return 0.3 * x[0] - 1.1 * x[1] + 0.7 * x[0] * x[2] + 0.4 * x[0] * x[0] * x[0] - 0.9 * x[1] * x[1] * x[2] + 0.5 * x[2] * x[2] * x[2];
}
constexpr std::array<double, 3> place = {0.2, -0.4, 0.6};

/// The gradient at `place` from its partial derivatives.
constexpr std::array<double, 3> gradient = {0.3 + 0.7 * 0.6 + 3 * 0.4 * 0.2 * 0.2, -1.1 - 2 * 0.9 * -0.4 * 0.6,
                                            0.7 * 0.2 - 0.9 * 0.4 * 0.4 + 3 * 0.5 * 0.6 * 0.6};

template <class Estimator>
std::array<double, 3> expected_estimate(const Estimator& estimator, std::uint32_t levels) {
  std::array<double, 3> mean{};
  for (unsigned direction = 0; direction < 8; ++direction) {
    const std::array<double, 3> z = {direction & 1 ? -1.0 : 1.0, direction & 2 ? -1.0 : 1.0, direction & 4 ? -1.0 : 1.0};
    for (std::uint32_t j = 1; j <= levels; ++j) {
      std::vector<evaluation> seen;
      for (const double sign : {1.0, -1.0}) {
        const double offset = sign * j / levels;
        auto x = place;
        for (std::size_t i = 0; i < 3; ++i) x[i] += estimator.radius * offset * z[i];
        seen.push_back({{{}, offset}, cubic(x)});
      }
      std::vector<term> terms;
      estimator.estimate(seen, {}, terms);
      for (std::size_t i = 0; i < 3; ++i) mean[i] += terms.at(0).coefficient * z[i] / (8.0 * levels);
    }
  }
  return mean;
}

TEST(kernel_smoothed, has_no_bias_on_a_cubic) {
  const auto smoothed = expected_estimate(kernel_smoothed{.radius = 2, .levels = 8}, 8);
  const auto plain = expected_estimate(two_point{.radius = 2}, 1);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(smoothed[i], gradient[i], 1e-12);
  EXPECT_GT(std::fabs(plain[0] - gradient[0]), 1) << "0.4·ε² = 1.6, and more from the mixed terms";
}

}  // namespace
}  // namespace zolt::test
