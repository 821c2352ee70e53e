#include "zolt/estimator/three_point.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "zolt/estimator/difference.hpp"

namespace zolt::test {
namespace {

static_assert(curvature_estimator<three_point> && !curvature_estimator<two_point>);

constexpr double not_finite = std::numeric_limits<double>::quiet_NaN();

/// The terms of losses that stand in the order of the plan.
std::vector<term> terms_of(const three_point& e, const probe_scale& scale, const std::vector<double>& losses, bool second) {
  std::vector<probe> plan;
  e.plan({.run = 1, .step = 2}, scale, {}, plan);
  EXPECT_EQ(plan.size(), losses.size());
  std::vector<evaluation> seen;
  for (std::size_t i = 0; i < losses.size(); ++i) seen.push_back({plan[i], losses[i]});
  std::vector<term> terms;
  if (second)
    e.curvatures(seen, scale, terms);
  else
    e.estimate(seen, scale, terms);
  std::vector<probe> more;
  e.plan({.run = 1, .step = 2}, scale, seen, more);
  EXPECT_TRUE(more.empty());
  return terms;
}

TEST(three_point, one_unperturbed_loss_serves_all_queries) {
  std::vector<probe> plan;
  three_point{.queries = 2}.plan({.run = 1, .step = 2}, {}, {}, plan);
  EXPECT_EQ(plan, (std::vector<probe>{{{1, 2, 0}, 0}, {{1, 2, 0}, 1}, {{1, 2, 0}, -1}, {{1, 2, 1}, 1}, {{1, 2, 1}, -1}}));
}

// L(x) = 2 + 3 x + 5 x² at ±ε√ρ: slope 3, half of the second derivative 5; and the second query has −7 and a maximum.
TEST(three_point, first_and_second_derivative_of_a_parabola) {
  const three_point e{.radius = 0.5, .queries = 2};
  const probe_scale scale{.spread = 0.25};
  const auto at = [](double slope, double bend, double x) { return 2 + slope * x + bend * x * x; };
  const double x = 0.125;
  const std::vector<double> losses = {2, at(3, 5, x), at(3, 5, -x), at(-7, -4, x), at(-7, -4, -x)};
  const auto slopes = terms_of(e, scale, losses, false), curvatures = terms_of(e, scale, losses, true);
  ASSERT_EQ(slopes.size(), 2u);
  EXPECT_EQ(slopes[0].coefficient, 1.5);
  EXPECT_EQ(slopes[1].coefficient, -3.5);
  ASSERT_EQ(curvatures.size(), 2u);
  EXPECT_EQ(curvatures[0].coefficient, 2.5);
  EXPECT_EQ(curvatures[1].coefficient, 2) << "its magnitude";
  EXPECT_EQ(curvatures[1].query, 1u);
}

TEST(three_point, a_lost_loss_loses_what_it_is_needed_for) {
  const three_point e{.queries = 2};
  const std::vector<double> no_center = {not_finite, 3, 1, 5, 1}, no_pair = {1, 3, not_finite, 5, 1};
  EXPECT_EQ(terms_of(e, {}, no_center, false).size(), 2u);
  EXPECT_TRUE(terms_of(e, {}, no_center, true).empty());
  const auto slopes = terms_of(e, {}, no_pair, false), curvatures = terms_of(e, {}, no_pair, true);
  ASSERT_EQ(slopes.size(), 1u);
  EXPECT_EQ(slopes[0].query, 1u);
  EXPECT_EQ(slopes[0].coefficient, 2);
  ASSERT_EQ(curvatures.size(), 1u);
  EXPECT_EQ(curvatures[0].query, 1u);
  EXPECT_EQ(curvatures[0].coefficient, 2);
}

}  // namespace
}  // namespace zolt::test
