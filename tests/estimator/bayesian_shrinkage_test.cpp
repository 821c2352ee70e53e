#include "zolt/estimator/bayesian_shrinkage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/weights.hpp"

namespace zolt::test {
namespace {

/// Terms of an estimator that divides by their number.
std::vector<term> terms_of(const std::vector<double>& derivatives) {
  std::vector<term> terms;
  for (const double y : derivatives)
    terms.push_back({static_cast<std::uint32_t>(terms.size()), y / static_cast<double>(derivatives.size())});
  return terms;
}

/// The filter as it is written for any directions: mean vector, covariance matrix, and a running noise that starts at its first value.
struct filter {
  double prior, noise, square;

  std::vector<double> posterior(const std::vector<double>& y, std::size_t samples) {
    const std::size_t k = y.size();
    std::vector<double> mean(k);
    std::vector<std::vector<double>> covariance(k, std::vector<double>(k));
    for (std::size_t j = 0; j < k; ++j) covariance[j][j] = prior * prior;
    for (std::size_t sample = 0; sample < samples; ++sample) {
      std::size_t axis = sample;
      if (sample >= k) {
        axis = 0;
        for (std::size_t j = 1; j < k; ++j)
          if (covariance[j][j] > covariance[axis][axis]) axis = j;
      }
      const double innovation = y[axis] - mean[axis];
      square = 0.9 * square + 0.1 * innovation * innovation;
      const double deviation = std::max(0.1 * noise, std::sqrt(square));
      std::vector<double> gain(k);
      for (std::size_t j = 0; j < k; ++j) gain[j] = covariance[j][axis] / (covariance[axis][axis] + deviation * deviation);
      const std::vector<double> row = covariance[axis];
      for (std::size_t i = 0; i < k; ++i) {
        mean[i] += gain[i] * innovation;
        for (std::size_t j = 0; j < k; ++j) covariance[i][j] -= gain[i] * row[j];
      }
    }
    return mean;
  }
};

TEST(bayesian_shrinkage, one_observation_by_hand) {
  // s² = 0.9·4 + 0.1·9 = 4.5, K = 1/(1 + 4.5)
  auto terms = terms_of({3});
  coefficient_statistics s;
  EXPECT_EQ((bayesian_shrinkage{.prior = 1, .noise = 2, .samples = 1}.apply(terms, s)), 0u);
  EXPECT_NEAR(terms[0].coefficient, 3 / 5.5, 1e-15);
  EXPECT_NEAR(s.mean_square, 0.9, 1e-15);
  EXPECT_NEAR(s.weight, 0.1, 1e-15);

  // Looked at again: r = 3 − 3/5.5, s² = 0.9·4.5 + 0.1·r², v = 4.5/5.5
  terms = terms_of({3});
  s = {};
  bayesian_shrinkage{.prior = 1, .noise = 2, .samples = 2}.apply(terms, s);
  const double mean = 3 / 5.5, rest = 3 - mean, square = 0.9 * 4.5 + 0.1 * rest * rest, variance = 4.5 / 5.5;
  EXPECT_NEAR(terms[0].coefficient, mean + variance / (variance + square) * rest, 1e-15);
}

TEST(bayesian_shrinkage, is_the_filter_over_many_steps) {
  draws d(3);
  for (const std::size_t k : {1u, 2u, 5u, 64u})
    for (const std::size_t samples : {1u, 2u, 3u, 9u, 80u}) {
      const bayesian_shrinkage policy{.prior = 0.7, .noise = 1.5, .samples = static_cast<std::uint32_t>(samples)};
      coefficient_statistics s;
      filter expected{0.7, 1.5, 1.5 * 1.5};
      for (int step = 0; step < 30; ++step) {
        std::vector<double> y(k);
        for (double& each : y) each = (step == 10 ? 1000.0 : 0.3) * d.normal();
        auto terms = terms_of(y);
        policy.apply(terms, s);
        const std::vector<double> mean = expected.posterior(y, samples);
        for (std::size_t j = 0; j < k; ++j)
          ASSERT_NEAR(terms[j].coefficient, mean[j], 1e-9 * std::fabs(y[j]) + 1e-12) << k << " " << samples << " " << step;
      }
    }
}

TEST(bayesian_shrinkage, believes_what_a_wide_prior_allows_and_nothing_against_a_narrow_one) {
  const std::vector<double> y = {0.5, -2, 1};
  for (const std::uint32_t samples : {3u, 5u}) {
    auto terms = terms_of(y);
    coefficient_statistics s;
    bayesian_shrinkage{.prior = 1e9, .noise = 1, .samples = samples}.apply(terms, s);
    for (std::size_t j = 0; j < y.size(); ++j) EXPECT_NEAR(terms[j].coefficient, y[j], 1e-12);

    terms = terms_of(y);
    s = {};
    bayesian_shrinkage{.prior = 1e-9, .noise = 1, .samples = samples}.apply(terms, s);
    for (const term& t : terms) EXPECT_NEAR(t.coefficient, 0, 1e-12);

    terms = terms_of({1e-6, -2e-6, 0});  // derivatives and noise far below the prior
    s = {};
    bayesian_shrinkage{.prior = 1, .noise = 1e-6, .samples = samples}.apply(terms, s);
    EXPECT_NEAR(terms[1].coefficient, -2e-6, 1e-15);
    EXPECT_EQ(terms[2].coefficient, 0);
  }
}

TEST(bayesian_shrinkage, the_noise_has_a_floor_and_directions_beyond_the_samples_are_zero) {
  auto terms = terms_of({1, 1, 1});
  coefficient_statistics s{.mean_square = 0, .weight = 1};  // a long run of zeros
  const bayesian_shrinkage policy{.prior = 1, .noise = 10, .samples = 2};
  policy.apply(terms, s);
  EXPECT_NEAR(terms[0].coefficient, 0.5, 1e-12) << "n = 1, a tenth of the first";
  EXPECT_EQ(terms[2].coefficient, 0);

  std::vector<term> none;
  const coefficient_statistics before = s;
  policy.apply(none, s);
  EXPECT_EQ(s, before);
}

TEST(bayesian_shrinkage, looks_again_at_the_first_directions_alone) {
  std::vector<double> y(100, 1.0);
  y[99] = 1e-3;
  auto once = terms_of(y), again = terms_of(y);
  coefficient_statistics s, t;
  bayesian_shrinkage{.samples = 100}.apply(once, s);
  bayesian_shrinkage{.samples = 200}.apply(again, t);
  for (std::size_t j = 0; j < 64; ++j) EXPECT_GT(again[j].coefficient, once[j].coefficient) << j;
  for (std::size_t j = 64; j < 100; ++j) EXPECT_EQ(again[j].coefficient, once[j].coefficient) << j;
}

}  // namespace
}  // namespace zolt::test
