#include "zolt/estimator/growing.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace zolt::test {
namespace {

TEST(growing_two_point, queries_follow_the_schedule) {
  const growing_two_point paper{.epoch = 10};
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    const double exact = 0.85 * std::pow(1 + step / 10, 0.45);
    ASSERT_EQ(paper.queries_at(step), exact < 1 ? 1 : exact > 20 ? 20 : static_cast<std::uint32_t>(exact)) << step;
  }
  const growing_two_point roots{.queries = 100, .first = 1, .growth = 0.5, .epoch = 1};
  for (std::uint32_t root = 1; root <= 100; ++root) {  // whole, not a little less
    EXPECT_EQ(roots.queries_at(root * root - 1), root);
    EXPECT_EQ(roots.queries_at(root * root - 2 + (root == 1 ? 1 : 0)), root == 1 ? 1 : root - 1);
  }
  EXPECT_EQ((growing_two_point{.queries = 3, .first = 7}.queries_at(0)), 3u);
}

TEST(growing_two_point, plans_and_divides_by_the_queries_of_the_step) {
  const growing_two_point estimator{.radius = 0.5, .queries = 8, .first = 2, .growth = 1, .epoch = 5};
  for (const std::uint32_t step : {0u, 4u, 5u, 10u, 400u}) {
    const std::uint32_t wanted = std::min(8u, 2 * (1 + step / 5));
    std::vector<probe> plan, expected;
    estimator.plan({1, step, 0}, {}, {}, plan);
    two_point{.radius = 0.5, .queries = wanted}.plan({1, step, 0}, {}, {}, expected);
    EXPECT_EQ(plan == expected, true) << step;
    std::vector<evaluation> seen;
    for (const probe& p : plan) seen.push_back({p, 3 * p.offset});
    std::vector<term> terms;
    estimator.estimate(seen, {}, terms);
    ASSERT_EQ(terms.size(), wanted);
    for (const term& t : terms) EXPECT_NEAR(t.coefficient, 6.0 / wanted, 1e-12);
  }
}

}  // namespace
}  // namespace zolt::test
