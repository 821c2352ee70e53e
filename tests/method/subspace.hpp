#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/weights.hpp"
#include "zolt/optimizer/optimizer.hpp"

/// A matrix and a bias under a quadratic of curvature 1, and the subspaces that methods move it in.
namespace zolt::test {

struct small_model {
  tensor<float> matrix{{16, 8}}, bias{{1, 9}};
  std::vector<float> start = normal_weights(137, 4), target = normal_weights(137, 5);

  small_model() { restart(); }
  void restart() {
    for (std::size_t j = 0; j < 137; ++j) (j < 128 ? matrix.data()[j] : bias.data()[j - 128]) = start[j];
  }
  auto list() { return parameters(parameter("matrix", matrix), parameter("bias", bias)); }
  std::vector<double> all() const {
    std::vector<double> w(matrix.flat().begin(), matrix.flat().end());
    w.insert(w.end(), bias.flat().begin(), bias.flat().end());
    return w;
  }
  double loss() const {
    const auto w = all();
    double sum = 0;
    for (std::size_t j = 0; j < w.size(); ++j) sum += 0.5 * std::pow(w[j] - double{target[j]}, 2);
    return sum;
  }
};

inline double inner(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

/// The span of matrices, by an orthonormal basis.
struct subspace {
  std::vector<std::vector<double>> basis;

  void add(std::vector<double> m) {
    m = outside(m);
    const double length = std::sqrt(inner(m, m));
    if (length < 1e-6) return;
    for (double& x : m) x /= length;
    basis.push_back(std::move(m));
  }
  /// What is left of m.
  std::vector<double> outside(std::vector<double> m) const {
    for (const auto& b : basis) {
      const double along = inner(b, m);
      for (std::size_t j = 0; j < m.size(); ++j) m[j] -= along * b[j];
    }
    return m;
  }
};

/// Steps of a method on the model with every update equal to −rate·slope·amplitude·z, the slope along amplitude·z being what probes at
/// radius·z give.
template <class Method>
void expect_updates_along_the_law(const Method& how, std::uint32_t steps) {
  small_model m;
  optimizer opt{m.list(), how, options{.run = 3}};
  const auto law = opt.policies().direction.law_at(1, 1);
  for (std::uint32_t step = 0; step < steps; ++step) {
    std::vector<double> z;
    for (const auto& info : {info_of(parameter("matrix", m.matrix)), info_of(parameter("bias", m.bias))}) {
      std::vector<std::int16_t> some(info.shape.size());
      law.fill({3, step, 0}, info, 0, some);
      z.insert(z.end(), some.begin(), some.end());
    }
    const auto before = m.all();
    std::vector<double> losses;
    opt.step([&] {
      const auto w = m.all();
      for (std::size_t j = 0; j < z.size(); ++j) EXPECT_NEAR(w[j], before[j] + (losses.empty() ? 1 : -1) * how.radius * z[j], 1e-5) << step;
      losses.push_back(m.loss());
      return losses.back();
    });
    ASSERT_EQ(losses.size(), 2u);
    const double slope = (losses[0] - losses[1]) / (2 * how.radius * law.spread());
    const auto after = m.all();
    for (std::size_t j = 0; j < z.size(); ++j) {
      const double expected = -how.rate * slope * law.amplitude() * z[j];
      EXPECT_NEAR(after[j] - before[j], expected, std::fabs(expected) * 0x1p-11 + 2e-6) << step;
    }
  }
}

}  // namespace zolt::test
