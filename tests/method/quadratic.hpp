#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

/// A quadratic with a known gradient, on floats or on codes, and what every step of a method did there.
namespace zolt::test {

/// Σ ½ a_j (x_j − t_j)².
struct quadratic {
  std::vector<double> curvature, target;

  explicit quadratic(std::size_t dimension) {
    draws d(8);
    for (std::size_t j = 0; j < dimension; ++j) curvature.push_back(0.5 + d.fraction()), target.push_back(4 * d.fraction() - 2);
  }
  double operator()(std::span<const float> x) const {
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += 0.5 * curvature[j] * std::pow(double{x[j]} - target[j], 2);
    return sum;
  }
};

/// One step: the losses of its plan, its directions as a probe displaces them (E z² = 1 where the law is dense), and the move it made.
struct observed_step {
  std::vector<probe> plan;
  std::vector<double> losses;
  std::vector<std::vector<double>> z;
  std::vector<double> before, move;
};

struct observed_run {
  std::vector<observed_step> steps;
  double first_loss = 0, last_loss = 0;
};

/// A move as a test expects it, to the 12 significant bits of a coefficient and the rounding of the weights.
inline void expect_move(const observed_step& step, std::span<const double> expected) {
  for (std::size_t j = 0; j < step.move.size(); ++j)
    EXPECT_NEAR(step.move[j], expected[j], std::fabs(expected[j]) * 0x1p-12 + 1e-6) << "weight " << j;
}

/// Steps of a method on weights `w`, whose values in units of the parameter `read` gives.
template <class Weights, class Method, class Read>
observed_run observe(Weights& w, const Method& method, int steps, std::size_t dimension, double unit, Read&& read) {
  const quadratic loss(dimension);
  const auto parameter_of = [&] {
    if constexpr (requires { w.scales(); })
      return parameter("w", w);
    else
      return parameter("w", w, {.unit = unit});
  };
  optimizer opt{parameters(parameter_of()), method, options{.run = 3}};
  observed_run run;
  run.first_loss = loss(read());
  for (int s = 0; s < steps; ++s) {
    observed_step step;
    const auto x = read();
    step.before.assign(x.begin(), x.end());
    const auto plan = opt.ask();
    step.plan.assign(plan.begin(), plan.end());
    const auto losses = opt.evaluate([&] { return loss(read()); });
    step.losses.assign(losses.begin(), losses.end());
    opt.tell(step.losses);
    const auto law = opt.policies().direction.law_of(opt.recorded().steps.back().law);
    for (std::uint32_t q = 0; q < opt.policies().estimator.queries; ++q) {
      std::vector<std::int16_t> raw(dimension);
      law.fill({3, opt.step_number() - 1, q}, {hash_of("w", 1), {1, dimension}}, 0, raw);
      step.z.emplace_back();
      for (const std::int16_t z : raw) step.z.back().push_back(law.amplitude() * z);
    }
    const auto after = read();
    for (std::size_t j = 0; j < dimension; ++j) step.move.push_back(double{after[j]} - step.before[j]);
    run.steps.push_back(std::move(step));
  }
  run.last_loss = loss(read());
  return run;
}

/// The same on floats of unit 1 that start from a normal draw.
template <class Method>
observed_run observe_on_floats(const Method& method, int steps, std::size_t dimension = 48) {
  std::vector<float> w = normal_weights(dimension, 4);
  return observe(w, method, steps, dimension, 1.0, [&] { return std::span<const float>(w); });
}

/// The same on codes of a format, whose values are their ordinals.
template <class Format, class Granularity, class Method>
observed_run observe_on_codes(const Method& method, int steps, std::size_t dimension = 64) {
  quantized_tensor<Format, Granularity> w(shape{1, dimension});
  for (float& scale : w.scales()) scale = 1;
  draws d(5);
  for (std::size_t j = 0; j < dimension; ++j) w.view().set_code(j, Format::code_of(static_cast<int>(d.below(13)) - 6));
  std::vector<float> values(dimension);
  return observe(w, method, steps, dimension, 1.0, [&] { return w.decode(0, values), std::span<const float>(values); });
}

}  // namespace zolt::test
