#include "zolt/estimator/romberg.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "zolt/estimator/difference.hpp"

namespace zolt::test {
namespace {

std::vector<probe> planned(const romberg& estimator) {
  std::vector<probe> plan;
  estimator.plan({7, 3, 0}, {}, {}, plan);
  return plan;
}
/// The coefficient of one query on a loss along its direction.
template <class Loss>
double derivative(const romberg& estimator, Loss&& loss) {
  std::vector<evaluation> seen;
  for (const probe& p : planned(estimator)) seen.push_back({p, loss(p.offset * estimator.radius)});
  std::vector<term> terms;
  estimator.estimate(seen, {}, terms);
  return terms.at(0).coefficient;
}

TEST(romberg, probes_both_sides_at_every_radius) {
  const auto plan = planned({.queries = 2, .halvings = 2});
  const std::vector<double> offsets = {1, -1, 0.5, -0.5, 0.25, -0.25};
  ASSERT_EQ(plan.size(), 12u);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(plan[i].offset, offsets[i % 6]);
    EXPECT_EQ(plan[i].key, (direction_key{7, 3, static_cast<std::uint32_t>(i / 6)}));
  }
  EXPECT_EQ(romberg{.halvings = 2}.smallest_offset(), 0.25);
}

TEST(romberg, weights_by_hand) {
  const romberg once{.halvings = 1}, twice{.halvings = 2};
  EXPECT_NEAR(once.weight(0), -1.0 / 3, 1e-15);
  EXPECT_NEAR(once.weight(1), 4.0 / 3, 1e-15);
  EXPECT_NEAR(twice.weight(0), 1.0 / 45, 1e-15);
  EXPECT_NEAR(twice.weight(1), -20.0 / 45, 1e-15);
  EXPECT_NEAR(twice.weight(2), 64.0 / 45, 1e-15);
}

// Degree 2K + 2 and below leaves no bias; the next odd degree leaves ε^(2K + 2) by the product of the nodes.
TEST(romberg, is_exact_for_polynomials_of_its_degree) {
  for (const std::uint32_t halvings : {1u, 2u, 3u})
    for (std::uint32_t degree = 1; degree <= 2 * halvings + 2; ++degree)
      EXPECT_NEAR(derivative({.radius = 1.5, .halvings = halvings}, [&](double x) { return std::pow(x, degree) + 5; }), degree == 1 ? 1 : 0,
                  1e-12)
          << halvings << " " << degree;
  EXPECT_NEAR(derivative({.radius = 2, .halvings = 1}, [](double x) { return std::pow(x, 5); }), -std::pow(2.0, 4) / 4, 1e-12);
}

TEST(romberg, halves_of_a_smooth_loss_agree_with_its_derivative_to_the_fourth_order) {
  const auto error = [](double radius) {
    return std::fabs(derivative({.radius = radius}, [](double x) { return std::sin(x + 0.4); }) - std::cos(0.4));
  };
  EXPECT_NEAR(error(0.2) / error(0.1), 16, 0.3);
}

TEST(romberg, a_lost_loss_loses_its_query) {
  const romberg estimator{.radius = 0.5, .queries = 3};
  std::vector<evaluation> seen;
  for (const probe& p : planned(estimator)) seen.push_back({p, 3 * p.offset * (p.key.query + 1)});
  std::vector<term> all, some;
  estimator.estimate(seen, {0.5}, all);
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t q = 0; q < 3; ++q) EXPECT_NEAR(all[q].coefficient, 3.0 * (static_cast<double>(q) + 1) / 0.5 / 0.5 / 3, 1e-12);
  seen[6].loss = std::numeric_limits<double>::quiet_NaN();  // of query 1, at the half radius
  estimator.estimate(seen, {0.5}, some);
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0].query, 0u);
  EXPECT_EQ(some[1].query, 2u);
  EXPECT_NEAR(some[1].coefficient, all[2].coefficient * 3 / 2, 1e-12);
}

// Independent noise of every loss: the variance over that of a plain difference at the same radius is Σ w² 4ᵏ = 65/9.
TEST(romberg, amplifies_noise_of_the_loss_as_said) {
  for (const std::uint32_t halvings : {1u, 2u}) {
    const romberg estimator{.halvings = halvings};
    double sum = 0;
    for (std::uint32_t k = 0; k <= halvings; ++k) sum += std::pow(estimator.weight(k), 2) * std::pow(4.0, k);
    double seen = 0;
    const auto plan = planned(estimator);
    for (std::size_t i = 0; i < plan.size(); ++i) {
      std::vector<evaluation> losses;
      for (std::size_t j = 0; j < plan.size(); ++j) losses.push_back({plan[j], i == j ? 1.0 : 0.0});
      std::vector<term> terms;
      estimator.estimate(losses, {}, terms);
      seen += std::pow(terms.at(0).coefficient, 2);
    }
    EXPECT_NEAR(seen, sum / 2, 1e-12) << halvings;  // two_point: two losses over 2 each
    EXPECT_NEAR(sum, halvings == 1 ? 65.0 / 9 : (1 + 400 * 4 + 4096 * 16) / 2025.0, 1e-12);
  }
}

}  // namespace
}  // namespace zolt::test
