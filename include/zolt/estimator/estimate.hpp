#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// One way to see the parameters: at θ + offset·ε·z(key). One loss evaluation.
struct probe {
  direction_key key;
  double offset = 0;

  friend bool operator==(const probe&, const probe&) = default;
};

/// A probe and the loss it gave; a loss that is not finite marks a query as lost.
struct evaluation {
  zolt::probe probe;
  double loss = 0;
};

/// One term of a gradient estimate: ĝ = Σ coefficient · amplitude · z(key), per parameter unit.
struct term {
  std::uint32_t query = 0;
  double coefficient = 0;
};

/// What an estimator may know of the step beside the losses.
struct probe_scale {
  double spread = 1;  ///< RMS displacement over all weights at radius 1, in units: √density for a sparse ±1 law
  double rate = 0;    ///< of this step, schedule included
};

/// Turns loss evaluations into terms.
///
/// Units    losses as the user gives them; coefficients: loss per parameter unit.
/// Source   the seed-and-scalar form of a gradient estimate, Malladi et al. 2023 (arXiv 2305.17333) §2.1.
///
/// What the compiler cannot check:
///   • plan(key, scale, seen, next) appends the probes of the next round, given all evaluations so far; nothing appended means there are
///     enough; the first call has none seen and must append. It is a pure function of its arguments.
///   • estimate(seen, scale, terms) appends one term per surviving query; a query with a loss that is not finite appends none.
///   • the coefficients are such that E Σ c·amplitude·z is the gradient per unit of the smoothed loss: a two-sided difference over
///     radius ε is divided by 2·ε·spread.
///   • queries() is the number of directions of one step; every probe's key has a query below it.
template <class E>
concept estimator = std::copyable<E> && requires(const E& e, const direction_key& key, std::span<const evaluation> seen,
                                                 const probe_scale& scale, std::vector<probe>& probes, std::vector<term>& terms) {
  { e.radius } -> std::convertible_to<double>;
  { e.queries } -> std::convertible_to<std::uint32_t>;
  e.plan(key, scale, seen, probes);
  e.estimate(seen, scale, terms);
};

/// An estimator that measures second derivatives beside the first: curvatures(seen, scale, terms) appends one term per query that has one,
///
///   coefficient = κ_q/Q,      κ_q = |second derivative along z_q/√E z²|/2 per unit²,
///
/// with Q their number, so that their sum is the mean. For a direction that absorbs them they go into the log behind the terms of the
/// estimate, with the highest bit of their query set. No transform sees them, and no update is made of them.
///
/// What the compiler cannot check: curvatures is a pure function of its arguments and appends nothing for a loss that is not finite.
template <class E>
concept curvature_estimator = estimator<E> &&
    requires(const E& e, std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) {
  e.curvatures(seen, scale, terms);
};

}  // namespace zolt::inline v0
