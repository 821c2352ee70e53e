#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "zolt/estimator/difference.hpp"

namespace zolt::test {
namespace {

constexpr direction_key key{.run = 7, .step = 3, .query = 0};
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class Estimator>
std::vector<probe> plan_of(const Estimator& e) {
  std::vector<probe> plan;
  e.plan(key, {}, {}, plan);
  return plan;
}

template <class Estimator>
std::vector<term> terms_of(const Estimator& e, std::span<const double> losses, double spread = 1) {
  std::vector<evaluation> seen;
  for (const probe& p : plan_of(e)) seen.push_back({p, losses[seen.size()]});
  std::vector<probe> more;
  e.plan(key, {}, seen, more);
  EXPECT_TRUE(more.empty()) << "one round is enough";
  std::vector<term> terms;
  e.estimate(seen, {.spread = spread}, terms);
  return terms;
}

TEST(two_point, plans_both_signs_of_every_direction) {
  EXPECT_EQ(plan_of(two_point{.queries = 2}), (std::vector<probe>{{{7, 3, 0}, 1}, {{7, 3, 0}, -1}, {{7, 3, 1}, 1}, {{7, 3, 1}, -1}}));
}

TEST(two_point, divides_by_the_distance_and_the_queries) {
  const auto terms = terms_of(two_point{.radius = 4, .queries = 2}, std::array{5.0, 1.0, 2.0, 10.0}, 0.5);
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].query, 0u);
  EXPECT_EQ(terms[0].coefficient, (5.0 - 1.0) / (2 * 4 * 0.5 * 2));
  EXPECT_EQ(terms[1].query, 1u);
  EXPECT_EQ(terms[1].coefficient, (2.0 - 10.0) / (2 * 4 * 0.5 * 2));
}

TEST(two_point, leaves_lost_queries_out_of_the_mean) {
  const auto terms = terms_of(two_point{.queries = 3}, std::array{5.0, 1.0, nan, 10.0, 3.0, 1.0});
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].coefficient, 4.0 / (2 * 2));
  EXPECT_EQ(terms[1].query, 2u);
  EXPECT_EQ(terms[1].coefficient, 2.0 / (2 * 2));
  EXPECT_TRUE(terms_of(two_point{.queries = 2}, std::array{nan, 1.0, 1.0, nan}).empty());
}

TEST(two_point, appends_to_the_terms_of_others) {
  std::vector<term> terms = {{9, 2.0}};
  const two_point e{.queries = 1};
  const std::array seen = {evaluation{plan_of(e)[0], 3}, evaluation{plan_of(e)[1], 1}};
  e.estimate(seen, {1}, terms);
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].coefficient, 2.0);
  EXPECT_EQ(terms[1].coefficient, 1.0);
}

TEST(one_sided, plans_a_baseline_and_one_sign_of_every_direction) {
  EXPECT_EQ(plan_of(one_sided{.queries = 2}), (std::vector<probe>{{{7, 3, 0}, 0}, {{7, 3, 0}, 1}, {{7, 3, 1}, 1}}));
}

TEST(one_sided, divides_by_the_radius_and_the_queries) {
  const auto terms = terms_of(one_sided{.radius = 4, .queries = 2}, std::array{1.0, 5.0, -1.0}, 0.5);
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].coefficient, 4.0 / (4 * 0.5 * 2));
  EXPECT_EQ(terms[1].coefficient, -2.0 / (4 * 0.5 * 2));
}

TEST(one_sided, needs_its_baseline) {
  EXPECT_TRUE(terms_of(one_sided{.queries = 2}, std::array{nan, 5.0, -1.0}).empty());
  const auto terms = terms_of(one_sided{.queries = 2}, std::array{1.0, nan, -1.0});
  ASSERT_EQ(terms.size(), 1u);
  EXPECT_EQ(terms[0].query, 1u);
  EXPECT_EQ(terms[0].coefficient, -2.0);
}

}  // namespace
}  // namespace zolt::test
