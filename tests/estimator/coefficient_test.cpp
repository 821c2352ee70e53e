#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/estimator/coefficient.hpp"

namespace zolt::test {
namespace {

std::vector<term> terms_of(std::initializer_list<double> coefficients) {
  std::vector<term> terms;
  for (const double c : coefficients) terms.push_back({static_cast<std::uint32_t>(terms.size()), c});
  return terms;
}

TEST(running_rms, makes_the_first_step_one_long) {
  // The observation of a step is part of its own statistic: before there is another, the mean square of the result is exactly 1/Q.
  for (const double scale : {1e-12, 1.0, 1e9}) {
    auto terms = terms_of({3 * scale, -4 * scale});
    coefficient_statistics s;
    EXPECT_EQ(running_rms{}.apply(terms, s), 0u);
    EXPECT_NEAR(terms[0].coefficient, 0.6, 1e-12);
    EXPECT_NEAR(terms[1].coefficient, -0.8, 1e-12);
  }
}

TEST(running_rms, has_mean_square_one_over_the_queries) {
  constexpr std::size_t queries = 4, steps = 4000;
  const running_rms rms{.decay = 0.99};
  draws d(1);
  coefficient_statistics s;
  double squares = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    std::vector<term> terms;
    for (std::uint32_t q = 0; q < queries; ++q) terms.push_back({q, 17.0 * d.normal()});
    rms.apply(terms, s);
    for (const term& t : terms) squares += t.coefficient * t.coefficient;
  }
  // One square has variance 2/Q²: the mean of 16 000 has a standard error of 1.1 % of 1/Q. The observation in its own divisor adds a bias
  // of about (1 − decay)·2/Q = 0.5 %.
  EXPECT_NEAR(squares / (steps * queries), 1.0 / queries, 0.05 / queries);
}

TEST(running_rms, follows_a_scale_that_changes) {
  const running_rms rms{.decay = 0.5};
  coefficient_statistics s;
  for (int step = 0; step < 60; ++step) {
    auto terms = terms_of({step < 30 ? 1.0 : 100.0});
    rms.apply(terms, s);
    EXPECT_LE(std::fabs(terms[0].coefficient), 1 / std::sqrt(0.5) + 1e-9);
  }
  EXPECT_NEAR(s.mean_square / s.weight, 100.0 * 100.0, 1);
}

TEST(running_rms, leaves_zeros_and_no_terms_alone) {
  coefficient_statistics s;
  std::vector<term> none;
  running_rms{}.apply(none, s);
  EXPECT_EQ(s, coefficient_statistics{});
  auto zeros = terms_of({0, 0});
  running_rms{}.apply(zeros, s);
  EXPECT_EQ(zeros[0].coefficient, 0);
}

TEST(clip, cuts_and_counts) {
  auto terms = terms_of({-5, 3, 2.9, 3.1, -3, 0});
  coefficient_statistics s;
  EXPECT_EQ(clip{.limit = 3}.apply(terms, s), 2u);
  const std::vector<double> expected = {-3, 3, 2.9, 3, -3, 0};
  for (std::size_t i = 0; i < terms.size(); ++i) EXPECT_EQ(terms[i].coefficient, expected[i]);
  EXPECT_EQ(s, coefficient_statistics{});
}

TEST(unchanged, changes_nothing) {
  auto terms = terms_of({1e30, -2});
  coefficient_statistics s;
  EXPECT_EQ(no_normalisation{}.apply(terms, s) + no_clip{}.apply(terms, s), 0u);
  EXPECT_EQ(terms[0].coefficient, 1e30);
  EXPECT_EQ(s, coefficient_statistics{});
}

}  // namespace
}  // namespace zolt::test
