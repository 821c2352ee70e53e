#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/estimator/coefficient.hpp"

namespace zolt::inline v0 {

/// Takes every derivative as a noisy observation of the true one and keeps its posterior mean, that of a Kalman filter over the directions
/// of the step.
///
///   y_j = Q c_j,   prior of the true derivative N(0, p²);   for the observations j = 1 … Q, then those repeated:
///   r = y_j − μ_j,   s² ← d·s² + (1 − d)·r²,   n² = max(s², n₀²/100),   K = v_j/(v_j + n²),   μ_j ← μ_j + K r,   v_j ← (1 − K)·v_j
///   c_j ← μ_j
///
/// The directions are the axes of the filter, so each has a variance of its own and they share the noise alone, whose running mean square
/// s² begins at n₀² and goes on from step to step. After the Q directions the filter looks again at the loss it already has of the one with
/// the largest variance, until there were `samples` observations; with fewer samples than directions the last ones are taken as 0. Since
/// every observation of an axis is the same number, μ_j = (1 − ρ_j)·y_j and v_j = ρ_j·p² for what is left of the prior, ρ_j = Π (1 − K).
///
/// Units    prior p and noise n₀: those of a derivative along one direction, loss per unit. c: the same, a sum over the directions, not
///          their mean.
/// Cost     two numbers per model. Looks again at the first 64 directions alone, for which it needs no memory.
/// Bias     a derivative shrinks by 1 − ρ_j, the more the larger it is beside the noise so far: a soft clip.
/// Source   BSZO (Feng & Huang 2026, arXiv 2601.01452), its released code: d = 0.9, p = n₀ = √(number of weights/10⁶), Q = 2, samples = 3.
/// Differs  without the 10⁻¹⁰ that the code adds to every variance. Of n₀² the part (1 − weight) is kept in formula, not in the statistic.
struct bayesian_shrinkage {
  static constexpr std::string_view name = "bayesian_shrinkage";
  static constexpr coefficient_phase phase = coefficient_phase::normalise;
  static constexpr std::size_t most_repeated = 64;
  double prior = 1;
  double noise = 1;
  std::uint32_t samples = 3;
  double decay = 0.9;

  template <class Field>
  void fields(Field&& field) const {
    field("prior", prior, bound::positive);
    field("noise", noise, bound::positive);
    field("samples", samples, bound::at_least_one);
    field("decay", decay, bound::fraction_below_one);
  }
  std::uint32_t apply(std::span<term> terms, coefficient_statistics& statistics) const {
    const auto axes = static_cast<double>(terms.size());
    const std::size_t repeated = std::min(terms.size(), most_repeated);
    double known[most_repeated] = {};  // 1 − ρ
    for (std::size_t j = 0; j < terms.size(); ++j) {
      double& y = terms[j].coefficient;
      y = exact::product(axes, y);
      const double part = j < samples ? gain(1, y, statistics) : 0;
      if (j < repeated)
        known[j] = part;
      else
        y = exact::product(part, y);
    }
    for (std::size_t seen = terms.size(); repeated != 0 && seen < samples; ++seen) {
      const auto j = static_cast<std::size_t>(std::min_element(known, known + repeated) - known);
      known[j] += exact::product(gain(1 - known[j], terms[j].coefficient, statistics), 1 - known[j]);
    }
    for (std::size_t j = 0; j < repeated; ++j) terms[j].coefficient = exact::product(known[j], terms[j].coefficient);
    return 0;
  }
  friend bool operator==(const bayesian_shrinkage&, const bayesian_shrinkage&) = default;

 private:
  /// K of one more observation y of an axis that ρ is left of.
  double gain(double left, double y, coefficient_statistics& statistics) const {
    const double residual = exact::product(left, y), initial = exact::product(noise, noise);
    statistics.mean_square = exact::product(decay, statistics.mean_square) + exact::product(1 - decay, exact::product(residual, residual));
    statistics.weight = exact::product(decay, statistics.weight) + (1 - decay);
    const double running = statistics.mean_square + exact::product(1 - statistics.weight, initial);
    const double variance = exact::product(left, exact::product(prior, prior));
    return variance / (variance + std::max(running, exact::product(0.01, initial)));
  }
};

}  // namespace zolt::inline v0
