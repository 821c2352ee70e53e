#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/weights.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/estimator/difference.hpp"

namespace zolt::test {
namespace {

std::vector<term> terms_of(const std::vector<double>& coefficients) {
  std::vector<term> terms;
  for (const double c : coefficients) terms.push_back({static_cast<std::uint32_t>(3 * terms.size() + 1), c});
  return terms;
}

/// The coefficients after a transform, which keeps the queries in their order and touches no statistic; in `cut`, how many it counted.
template <class Transform>
std::vector<double> shaped(const Transform& transform, const std::vector<double>& coefficients, std::uint32_t* cut = nullptr) {
  auto terms = terms_of(coefficients);
  const auto before = terms;
  coefficient_statistics statistics{3, 0.5};
  const std::uint32_t counted = transform.apply(terms, statistics);
  EXPECT_EQ(statistics, (coefficient_statistics{3, 0.5}));
  if (cut != nullptr) *cut = counted;
  std::vector<double> result;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    EXPECT_EQ(terms[i].query, before[i].query);
    result.push_back(terms[i].coefficient);
  }
  return result;
}

void expect_near(const std::vector<double>& given, const std::vector<double>& expected, double tolerance = 1e-14) {
  ASSERT_EQ(given.size(), expected.size());
  for (std::size_t i = 0; i < given.size(); ++i) EXPECT_NEAR(given[i], expected[i], tolerance) << i;
}

std::vector<double> some_coefficients(std::size_t count, std::uint64_t seed) {
  draws d(seed);
  std::vector<double> c(count);
  for (double& x : c) x = 5 + 2.0 * d.normal();
  return c;
}

double mean_square(const std::vector<double>& c) {
  double sum = 0;
  for (const double x : c) sum += x * x;
  return sum / static_cast<double>(c.size());
}

TEST(standard_scores, by_hand) {
  expect_near(shaped(standard_scores{}, {1, 3}), {-1 / std::sqrt(2.0), 1 / std::sqrt(2.0)});
  // Mean 2, deviation √(14/4), √Q = 2.
  const double unit = std::sqrt(3.5) * 2;
  expect_near(shaped(standard_scores{}, {2, 5, 1, 0}), {0, 3 / unit, -1 / unit, -2 / unit});
}

TEST(standard_scores, make_a_step_as_long_as_the_rate_whatever_the_losses_measure) {
  for (const std::size_t count : {2u, 5u, 64u}) {
    const auto c = some_coefficients(count, count);
    const auto scores = shaped(standard_scores{}, c);
    EXPECT_NEAR(mean_square(scores), 1 / static_cast<double>(count), 1e-13);
    for (const double scale : {1e-200, 7.0, 1e200}) {
      std::vector<double> other = c;
      for (double& x : other) x = scale * (x - 3);
      expect_near(shaped(standard_scores{}, other), scores, 1e-12);
    }
  }
}

TEST(standard_scores, of_equal_terms_is_no_step) {
  for (const std::vector<double>& equal : {std::vector<double>{0.1, 0.1, 0.1}, {0.7}, {0, 0}, {1e-300, 1e-300, 1e-300, 1e-300, 1e-300}}) {
    std::uint32_t cut = 0;
    EXPECT_EQ(shaped(standard_scores{}, equal, &cut), std::vector<double>(equal.size(), 0.0));
    EXPECT_EQ(cut, equal.size());
  }
  EXPECT_EQ(shaped(standard_scores{}, {}).size(), 0u);
}

TEST(loss_deviation, after_one_sided_is_free_of_the_radius) {
  const std::vector<double> losses = {2, 2.5, 1.5, 3, 2.75};  // the baseline first
  const double mean = (2.5 + 1.5 + 3 + 2.75) / 4;
  double variance = 0;
  for (std::size_t q = 1; q < 5; ++q) variance += (losses[q] - mean) * (losses[q] - mean) / 4;
  for (const double radius : {1e-4, 1.0}) {
    const one_sided estimator{.radius = radius, .queries = 4};
    std::vector<probe> plan;
    estimator.plan({}, {}, {}, plan);
    std::vector<evaluation> seen;
    for (std::size_t i = 0; i < plan.size(); ++i) seen.push_back({plan[i], losses[i]});
    std::vector<term> terms;
    estimator.estimate(seen, {0.25}, terms);
    coefficient_statistics statistics;
    EXPECT_EQ(loss_deviation{}.apply(terms, statistics), 0u);
    for (std::size_t q = 0; q < 4; ++q)
      EXPECT_NEAR(terms[q].coefficient, (losses[q + 1] - losses[0]) / (4 * std::sqrt(variance)), 1e-12) << radius;
  }
}

TEST(loss_deviation, keeps_the_mean_and_makes_the_deviation_one) {
  const auto c = some_coefficients(50, 4);
  const auto divided = shaped(loss_deviation{}, c);
  double mean = 0, square = 0;
  for (const double x : divided) mean += x / 50;
  for (const double x : divided) square += (50 * (x - mean)) * (50 * (x - mean)) / 50;
  EXPECT_NEAR(square, 1, 1e-12);
  for (std::size_t i = 0; i < c.size(); ++i) EXPECT_NEAR(divided[i] / divided[0], c[i] / c[0], 1e-12) << "one divisor for all";
}

TEST(loss_deviation, counts_ties) {
  std::uint32_t cut = 0;
  EXPECT_EQ(shaped(loss_deviation{}, {0.3, 0.3, 0.3}, &cut), std::vector<double>(3, 0.0));
  EXPECT_EQ(cut, 3u);
  EXPECT_EQ(shaped(loss_deviation{}, {-4}, &cut), std::vector<double>(1, 0.0));
  EXPECT_EQ(cut, 1u);
  EXPECT_EQ(shaped(loss_deviation{}, {}, &cut).size(), 0u);
  EXPECT_EQ(cut, 0u);
}

TEST(centered_ranks, by_hand) {
  expect_near(shaped(centered_ranks{}, {10, -3, 1000, 4}), {(2.0 / 3 - 0.5) / 2, -0.25, 0.25, (1.0 / 3 - 0.5) / 2});
  expect_near(shaped(centered_ranks{}, {1, 0}), {0.5 / std::sqrt(2.0), -0.5 / std::sqrt(2.0)});
  expect_near(shaped(centered_ranks{}, {5, 5, 1, 9, 5}), {0, 0, -0.5 / std::sqrt(5.0), 0.5 / std::sqrt(5.0), 0});
  expect_near(shaped(centered_ranks{}, {2, 1, 1}), {0.5 / std::sqrt(3.0), -0.25 / std::sqrt(3.0), -0.25 / std::sqrt(3.0)});
  EXPECT_EQ(shaped(centered_ranks{}, {7}), std::vector<double>{0});
  EXPECT_EQ(shaped(centered_ranks{}, {7, 7, 7}), std::vector<double>(3, 0.0));
  EXPECT_EQ(shaped(centered_ranks{}, {}).size(), 0u);
}

TEST(centered_ranks, see_the_order_alone) {
  const auto c = some_coefficients(33, 5);
  std::vector<double> curved = c, negated = c;
  for (double& x : curved) x = std::exp(3 * x);
  for (double& x : negated) x = -x;
  const auto ranks = shaped(centered_ranks{}, c);
  EXPECT_EQ(shaped(centered_ranks{}, curved), ranks);
  const auto mirrored = shaped(centered_ranks{}, negated);
  for (std::size_t i = 0; i < c.size(); ++i) EXPECT_EQ(mirrored[i], -ranks[i]);
  EXPECT_NEAR(mean_square(ranks), 34.0 / (12 * 32 * 33), 1e-15) << "without ties, as documented";
}

TEST(sign_of_coefficient, has_one_length) {
  EXPECT_EQ(shaped(sign_of_coefficient{}, {3}), std::vector<double>{1});
  EXPECT_EQ(shaped(sign_of_coefficient{}, {-1e-300, 5, 0, -7}), (std::vector<double>{-0.5, 0.5, 0, -0.5}));
  EXPECT_EQ(shaped(sign_of_coefficient{}, {}).size(), 0u);
}

template <class Transform>
void expect_no_order(const Transform& transform, double tolerance) {
  auto c = some_coefficients(20, 6);
  c[3] = c[11];
  const auto before = shaped(transform, c);
  draws d(7);
  std::vector<std::size_t> place(c.size());
  for (std::size_t i = 0; i < place.size(); ++i) place[i] = i;
  for (std::size_t i = place.size() - 1; i > 0; --i) std::swap(place[i], place[d.below(i + 1)]);
  std::vector<double> moved(c.size());
  for (std::size_t i = 0; i < c.size(); ++i) moved[place[i]] = c[i];
  const auto after = shaped(transform, moved);
  for (std::size_t i = 0; i < c.size(); ++i) EXPECT_NEAR(after[place[i]], before[i], tolerance);
}

TEST(coefficient_shape, a_term_is_shaped_alike_wherever_it_stands) {
  expect_no_order(centered_ranks{}, 0);
  expect_no_order(sign_of_coefficient{}, 0);
  expect_no_order(standard_scores{}, 1e-15);  // sums in the order of terms
  expect_no_order(loss_deviation{}, 1e-14);
}

}  // namespace
}  // namespace zolt::test
