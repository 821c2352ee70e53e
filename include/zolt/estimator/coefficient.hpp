#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/estimator/estimate.hpp"

namespace zolt::inline v0 {

/// Where in the fixed order of the scalar pipeline a transform stands: coefficients are normalised, then clipped.
enum class coefficient_phase { normalise, clip };

/// Reshapes the coefficients of one step. `statistics` is all its run-time state: two numbers that are checkpointed with a trajectory.
struct coefficient_statistics {
  double mean_square = 0;
  double weight = 0;  ///< of the observations in mean_square; 0 before the first

  friend bool operator==(const coefficient_statistics&, const coefficient_statistics&) = default;
};

/// What the compiler cannot check: apply keeps the order and number of terms, and is a pure function of its arguments.
/// It returns how many terms it cut short.
template <class T>
concept coefficient_transform = std::copyable<T> && requires(const T& t, std::span<term> terms, coefficient_statistics& statistics) {
  { T::phase } -> std::convertible_to<coefficient_phase>;
  { t.apply(terms, statistics) } -> std::same_as<std::uint32_t>;
};

/// Leaves coefficients as they are.
template <coefficient_phase Phase>
struct unchanged {
  static constexpr std::string_view name = "unchanged";
  static constexpr coefficient_phase phase = Phase;
  std::uint32_t apply(std::span<term>, coefficient_statistics&) const { return 0; }
  friend bool operator==(const unchanged&, const unchanged&) = default;
};
using no_normalisation = unchanged<coefficient_phase::normalise>;
using no_clip = unchanged<coefficient_phase::clip>;

/// Divides by the running root mean square of the directional derivatives, so that a rate is a step length: RMS units per weight and step.
///
///   o = mean_q (Q c_q)²,   s ← d·s + (1 − d)·min(o, 100·s/w),   w ← d·w + (1 − d),   c_q ← Q c_q / √(Q·s/w)
///
/// Q is the number of terms that survived: Q·c_q is the derivative along one direction whatever was lost, and Q terms of mean square 1/Q make
/// one step of the same length. The observation of this step is part of s, cut at ten times the running RMS so that one outlier cannot
/// hold the run.
///
/// Units    c becomes a pure number of mean square 1/Q.
/// Cost     two numbers per model.
/// Source   ours; bias correction by the weight w as in Adam (Kingma & Ba 2015 §3). One scalar per model carries what Adam's second moment
///          would learn here, because E[c² z_j²] is the same for every weight j.
struct running_rms {
  static constexpr std::string_view name = "running_rms";
  static constexpr coefficient_phase phase = coefficient_phase::normalise;
  double decay = 0.98;

  template <class Field>
  void fields(Field&& field) const {
    field("decay", decay, bound::fraction_below_one);
  }
  std::uint32_t apply(std::span<term> terms, coefficient_statistics& statistics) const {
    if (terms.empty()) return 0;
    const auto queries = static_cast<double>(terms.size());
    double observed = 0;
    for (const term& t : terms) observed += exact::product(t.coefficient, t.coefficient);
    observed = exact::product(observed, queries);
    if (statistics.weight > 0 && statistics.mean_square > 0)
      observed = std::min(observed, 100 * (statistics.mean_square / statistics.weight));
    statistics.mean_square = exact::product(decay, statistics.mean_square) + exact::product(1 - decay, observed);
    statistics.weight = exact::product(decay, statistics.weight) + (1 - decay);
    const double rms = std::sqrt(statistics.mean_square / statistics.weight / queries);
    if (rms > 0)
      for (term& t : terms) t.coefficient /= rms;
    return 0;
  }
  friend bool operator==(const running_rms&, const running_rms&) = default;
};

/// Cuts √Q·|c_q| at `limit` for Q terms, counted.
///
/// Units    limit: multiples of the RMS after running_rms, whatever Q is; loss per unit for one plain coefficient.
/// Source   directional derivative clipping, QZO (arXiv 2505.13430) eq. 8.
struct clip {
  static constexpr std::string_view name = "clip";
  static constexpr coefficient_phase phase = coefficient_phase::clip;
  double limit = 2;

  template <class Field>
  void fields(Field&& field) const {
    field("limit", limit, bound::positive);
  }
  std::uint32_t apply(std::span<term> terms, coefficient_statistics&) const {
    const double most = limit / std::sqrt(static_cast<double>(terms.size()));
    std::uint32_t cut = 0;
    for (term& t : terms) {
      cut += std::fabs(t.coefficient) > most;
      t.coefficient = std::clamp(t.coefficient, -most, most);
    }
    return cut;
  }
  friend bool operator==(const clip&, const clip&) = default;
};

}  // namespace zolt::inline v0
