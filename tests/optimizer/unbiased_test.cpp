#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/update/momentum.hpp"

// Estimates are unbiased: on a quadratic both differences have the gradient as their expectation exactly, because a law's third moments
// vanish. So a mean over many keys must lie within a few of its own standard errors of the gradient, component by component. Keys are
// fixed: a test passes always or never. With 48 components and 4.5 standard errors a correct law fails with probability 3e-4.

namespace zolt::test {
namespace {

constexpr std::size_t dimension = 48;

/// Σ ½ a_j (x_j − t_j)² + a_mix · x_0 x_1, with x in units of the parameter.
struct quadratic {
  std::vector<double> curvature, target;
  double mixed = 0.7;

  quadratic() {
    draws d(8);
    for (std::size_t j = 0; j < dimension; ++j) curvature.push_back(0.2 + d.fraction()), target.push_back(8 * d.fraction() - 4);
  }
  double operator()(std::span<const float> w, double unit) const {
    double sum = mixed * (w[0] / unit) * (w[1] / unit);
    for (std::size_t j = 0; j < dimension; ++j) sum += 0.5 * curvature[j] * (w[j] / unit - target[j]) * (w[j] / unit - target[j]);
    return sum;
  }
  /// Per unit.
  std::vector<double> gradient(std::span<const float> w, double unit) const {
    std::vector<double> g(dimension);
    for (std::size_t j = 0; j < dimension; ++j) g[j] = curvature[j] * (w[j] / unit - target[j]);
    g[0] += mixed * w[1] / unit, g[1] += mixed * w[0] / unit;
    return g;
  }
};

/// Means of vectors with their standard errors.
class mean_of_vectors {
 public:
  void add(std::span<const double> x) {
    for (std::size_t j = 0; j < dimension; ++j) sum_[j] += x[j], squares_[j] += x[j] * x[j];
    ++count_;
  }
  void expect(std::span<const double> expected, double bias = 0) const {
    const auto n = static_cast<double>(count_);
    for (std::size_t j = 0; j < dimension; ++j) {
      const double mean = sum_[j] / n, error = std::sqrt((squares_[j] / n - mean * mean) / n);
      EXPECT_NEAR(mean, expected[j], allowed_standard_errors * error + bias) << "component " << j;
      EXPECT_LT(allowed_standard_errors * error, 1.5) << "a tolerance that shows something: gradients are about 2";
    }
  }

 private:
  std::vector<double> sum_ = std::vector<double>(dimension), squares_ = std::vector<double>(dimension);
  std::size_t count_ = 0;
};

/// The mean of ĝ over many keys, on weights that never move: each step is estimated from its losses and then declined.
template <class Estimator, class Law>
void expect_unbiased_estimate(const Estimator& estimator, const Law& direction, std::size_t steps) {
  constexpr double unit = 0.125;
  std::vector<float> w(dimension);
  draws d(9);
  for (float& x : w) x = static_cast<float>(unit) * d.real(-4, 4);
  const quadratic loss;
  optimizer opt{parameters(parameter("w", w, {.unit = unit})), estimator, direction, sgd{.rate = 0.5}, options{.run = 1, .record = false}};

  const auto law = direction.law_at(0.5, estimator.queries);
  const std::vector<double> declined(opt.ask().size(), std::numeric_limits<double>::quiet_NaN());
  mean_of_vectors mean;
  std::vector<std::int16_t> z(dimension);
  for (std::uint32_t step = 0; step < steps; ++step) {
    const auto losses = opt.evaluate([&] { return loss(w, unit); });
    std::vector<evaluation> seen;
    for (const probe& p : opt.ask()) seen.push_back({p, losses[seen.size()]});
    std::vector<term> terms;
    estimator.estimate(seen, {.spread = law.spread()}, terms);
    std::vector<double> estimate(dimension);
    for (const term& t : terms) {
      law.fill({1, step, t.query}, {hash_of("w", 1), {1, dimension}}, 0, z);
      for (std::size_t j = 0; j < dimension; ++j) estimate[j] += t.coefficient * law.amplitude() * z[j];
    }
    mean.add(estimate);
    opt.tell(declined);
  }
  mean.expect(loss.gradient(w, unit));
}

TEST(unbiased, two_point_under_every_law) {
  expect_unbiased_estimate(two_point{.queries = 2}, rademacher{}, 20000);
  expect_unbiased_estimate(two_point{.radius = 0.5, .queries = 2}, gaussian{}, 20000);
  expect_unbiased_estimate(two_point{.radius = 2, .queries = 2}, uniform{}, 20000);
  expect_unbiased_estimate(two_point{.queries = 2}, sparse_rademacher{.ratio = 0, .min_density = 0.3}, 20000);
  expect_unbiased_estimate(two_point{.queries = 3}, sparse_rademacher{.ratio = 0, .min_density = 0.07}, 20000);
}

TEST(unbiased, one_sided_under_every_law) {
  expect_unbiased_estimate(one_sided{.radius = 0.1, .queries = 3}, rademacher{}, 20000);
  expect_unbiased_estimate(one_sided{.radius = 0.1, .queries = 3}, gaussian{}, 20000);
  expect_unbiased_estimate(one_sided{.radius = 0.1, .queries = 3}, uniform{}, 20000);
  expect_unbiased_estimate(one_sided{.radius = 0.1, .queries = 3}, sparse_rademacher{.ratio = 0, .min_density = 0.3}, 20000);
}

/// The mean move of coded weights over many steps from the same codes is −rate·gradient: probes on the lattice, the coefficient, its rounding to
/// twelve bits (2⁻¹³ of bias at most) and the stochastic write-back together.
template <class... Policies>
void expect_unbiased_step(double rate, std::size_t steps, const Policies&... policies) {
  quantized_tensor<int8, per_tensor> w(shape{6, 8});
  w.scales()[0] = 0.25f;
  draws d(10);
  for (std::size_t j = 0; j < dimension; ++j) w.view().set_code(j, int8::code_of(static_cast<int>(d.below(9)) - 4));
  const std::vector<std::byte> base(w.view().bytes().begin(), w.view().bytes().end());
  const quadratic loss;
  std::vector<float> values(dimension);
  const auto decoded = [&] { return w.decode(0, values), std::span<const float>(values); };
  std::vector<double> expected = loss.gradient(decoded(), 0.25);
  for (double& e : expected) e *= -rate;
  const std::vector<float> before = values;

  mean_of_vectors mean;
  for (std::size_t step = 0; step < steps; ++step) {
    optimizer opt{parameters(parameter("w", w)), policies..., no_normalisation{}, no_clip{}, options{.run = step, .reserved_steps = 1}};
    opt.step([&] { return loss(decoded(), 0.25); });
    decoded();
    std::vector<double> move(dimension);
    for (std::size_t j = 0; j < dimension; ++j) move[j] = (values[j] - before[j]) / 0.25;
    mean.add(move);
    std::copy(base.begin(), base.end(), w.view().bytes().begin());
  }
  mean.expect(expected, 0x1p-13 * 2);
}

TEST(unbiased, the_whole_step_on_codes) {
  expect_unbiased_step(0.3, 20000, sgd{.rate = 0.3}, sparse_rademacher{.ratio = 0, .min_density = 0.3});
  expect_unbiased_step(0.3, 20000, sgd{.rate = 0.3}, rademacher{}, two_point{.queries = 2});
  expect_unbiased_step(0.3, 20000, momentum{.rate = 0.3}, sparse_rademacher{.ratio = 0, .min_density = 0.3});
}

TEST(unbiased, residuals_carry_what_a_step_does_not_land) {
  // Steps of a hundredth of a code that no single code could hold: after many of them the codes stand where the sum is. A code is the nearest
  // one to code + residual, whose ties all go up: half a step of the finer grid, 1/32 of a code, is the most by which their mean may differ.
  quantized_tensor<int8, per_tensor> w(shape{6, 8});
  constexpr std::uint32_t steps = 40, runs = 2000;
  constexpr float coefficient = 0.013f;
  mean_of_vectors mean;
  std::vector<std::int16_t> z(dimension);
  for (std::uint64_t run = 0; run < runs; ++run) {
    std::fill(w.view().bytes().begin(), w.view().bytes().end(), std::byte{0});
    optimizer opt{parameters(parameter("w", w)), residual<4>{}, rademacher{}, options{.run = run, .reserved_steps = steps}};
    std::vector<double> rest(dimension);
    for (std::uint32_t step = 0; step < steps; ++step) {
      opt.apply({step, 0, 1.0f, 1}, std::vector<logged_term>{{0, coefficient}});
      rademacher{}.law_of(0).fill({run, step, 0}, {hash_of("w", 1), {6, 8}}, 0, z);
      for (std::size_t j = 0; j < dimension; ++j) rest[j] -= double{coefficient} * z[j];  // what the codes should have moved
    }
    for (std::size_t j = 0; j < dimension; ++j) rest[j] = int8::ordinal_of(w.view().code(j)) - rest[j];
    mean.add(rest);
  }
  mean.expect(std::vector<double>(dimension, 0.0), 1.0 / 32);
}

}  // namespace
}  // namespace zolt::test
