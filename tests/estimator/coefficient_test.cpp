#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
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
    const bool settling = step >= 30 && step < 33;  // an observation counts as ten times the running RMS at most
    if (!settling) {
      EXPECT_LE(std::fabs(terms[0].coefficient), 1 / std::sqrt(0.5) + 1e-9) << step;
    }
  }
  EXPECT_NEAR(s.mean_square / s.weight, 100.0 * 100.0, 1);
}

TEST(running_rms, one_outlier_does_not_hold_the_run) {
  const running_rms rms{};
  coefficient_statistics s;
  for (const double c : {1.0, 1.0, 1e30}) {
    auto terms = terms_of({c});
    rms.apply(terms, s);
  }
  auto next = terms_of({1});
  rms.apply(next, s);
  EXPECT_GT(next[0].coefficient, 0.1) << "ten times the running RMS is as far as an observation counts";
}

TEST(running_rms, keeps_the_length_of_a_step_when_queries_are_lost) {
  const running_rms rms{.decay = 0};
  for (const std::size_t surviving : {8u, 4u, 1u}) {
    coefficient_statistics s;
    const double each = 3.0 / static_cast<double>(surviving);  // an estimator divides by the queries that survived
    std::vector<term> terms(surviving, term{0, each});
    rms.apply(terms, s);
    double squares = 0;
    for (const term& t : terms) squares += t.coefficient * t.coefficient;
    EXPECT_NEAR(squares, 1, 1e-12) << surviving;
    EXPECT_NEAR(s.mean_square / s.weight, 9, 1e-12) << "the statistic is that of one direction, whatever was lost";
  }
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
  coefficient_statistics s;
  for (const auto& [given, expected, cut] : {std::tuple{-5.0, -3.0, 1u}, {3.0, 3.0, 0u}, {2.9, 2.9, 0u}, {3.1, 3.0, 1u}, {0.0, 0.0, 0u}}) {
    auto terms = terms_of({given});
    EXPECT_EQ(clip{.limit = 3}.apply(terms, s), cut);
    EXPECT_EQ(terms[0].coefficient, expected);
  }
  auto four = terms_of({-2, 1.5, 1, 1.6});
  EXPECT_EQ(clip{.limit = 3}.apply(four, s), 2u) << "among four terms, 3 RMS is 1.5";
  const std::vector<double> expected = {-1.5, 1.5, 1, 1.5};
  for (std::size_t i = 0; i < four.size(); ++i) EXPECT_EQ(four[i].coefficient, expected[i]);
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
