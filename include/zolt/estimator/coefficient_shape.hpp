#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/exact.hpp"
#include "zolt/estimator/coefficient.hpp"

namespace zolt::inline v0 {

namespace detail {

/// Where the coefficients of one step lie. Measured from the smallest one in parts of their range, so that equal coefficients have a
/// deviation of exactly 0 and nothing overflows on the way.
struct coefficient_spread {
  double lowest = 0;
  double range = 0;      ///< 0: all are equal, and so the deviation is 0
  double mean = 0;       ///< of (c − lowest) / range
  double deviation = 0;  ///< of the same, over the population

  double place(double coefficient) const { return (coefficient - lowest) / range; }
};

inline coefficient_spread spread_of(std::span<const term> terms) {
  coefficient_spread s;
  if (terms.empty()) return s;
  const auto [low, high] =
      std::minmax_element(terms.begin(), terms.end(), [](const term& a, const term& b) { return a.coefficient < b.coefficient; });
  s.lowest = low->coefficient;
  s.range = high->coefficient - low->coefficient;
  if (!(s.range > 0)) return s;
  const auto count = static_cast<double>(terms.size());
  for (const term& t : terms) s.mean += s.place(t.coefficient);
  s.mean /= count;
  for (const term& t : terms) {
    const double from_mean = s.place(t.coefficient) - s.mean;
    s.deviation += exact::product(from_mean, from_mean);
  }
  s.deviation = std::sqrt(s.deviation / count);
  return s;
}

inline std::uint32_t make_zero(std::span<term> terms) {
  for (term& t : terms) t.coefficient = 0;
  return static_cast<std::uint32_t>(terms.size());
}

}  // namespace detail

/// The score of every coefficient among those of its step: how many deviations it lies above their mean.
///
///   c_q ← (c_q − mean)/(deviation·√Q),      deviation² = 1/Q Σ_q (c_q − mean)²
///
/// One term, or terms that are all equal, have no score: the step is none.
///
/// Units    c becomes a pure number; Q terms have a mean square of exactly 1/Q, so that a rate is the RMS step per weight.
/// Cost     no state.
/// Bias     removing the mean shortens the expected step by 1 − 1/Q and turns it nowhere; dividing by a deviation of the same losses makes
///          its length depend on them.
/// Source   the fitness standardization of evolution strategies, as in EGGROLL (arXiv 2511.16652) and QES (arXiv 2602.03120).
/// Differs  1/√Q keeps the length of a step independent of the number of queries.
struct standard_scores {
  static constexpr std::string_view name = "standard_scores";
  static constexpr coefficient_phase phase = coefficient_phase::normalise;
  std::uint32_t apply(std::span<term> terms, coefficient_statistics&) const {
    const detail::coefficient_spread s = detail::spread_of(terms);
    if (!(s.range > 0)) return detail::make_zero(terms);
    const double root = std::sqrt(static_cast<double>(terms.size()));
    for (term& t : terms) t.coefficient = (s.place(t.coefficient) - s.mean) / s.deviation / root;
    return 0;
  }
  friend bool operator==(const standard_scores&, const standard_scores&) = default;
};

/// Divides by the deviation of the derivatives of this step, which one_sided has for the price of its losses.
///
///   c_q ← c_q/σ,      σ² = 1/Q Σ_q (Q c_q − mean)²
///
/// After one_sided, Q·c_q = (L_q − L_0)/ε√ρ and the step is Σ_q (L_q − L_0)/(Q·deviation of L) z_q, whatever the radius: the rate here is that
/// of the released code; the paper's keeps its 1/ε, η_here = η_paper/ε. Losses that all tie have no deviation: all terms become 0 and are
/// counted.
///
/// Units    c becomes a pure number of mean square (1 + (mean/σ)²)/Q². A rate is not a step length: that is √(1 + (mean/σ)²)·η/√Q.
/// Cost     no state.
/// Source   FZOO (Dang et al. 2025) Algorithm 1.
/// Differs  population deviation as in its code; the paper divides by Q − 1. The code has no answer to a tie.
struct loss_deviation {
  static constexpr std::string_view name = "loss_deviation";
  static constexpr coefficient_phase phase = coefficient_phase::normalise;
  std::uint32_t apply(std::span<term> terms, coefficient_statistics&) const {
    const detail::coefficient_spread s = detail::spread_of(terms);
    if (!(s.range > 0)) return detail::make_zero(terms);
    const auto queries = static_cast<double>(terms.size());
    for (term& t : terms) t.coefficient = t.coefficient / s.range / (queries * s.deviation);
    return 0;
  }
  friend bool operator==(const loss_deviation&, const loss_deviation&) = default;
};

/// The rank of every coefficient in place of its value: no loss, however far out, counts more than the largest of Q.
///
///   c_q ← (r_q/(Q − 1) − ½)/√Q,      r_q the number of smaller coefficients, 0 … Q − 1
///
/// Equal coefficients share the mean of their ranks; one term, or terms that are all equal, become 0.
///
/// Units    c becomes a pure number of mean square (Q + 1)/(12 (Q − 1) Q) without ties: the RMS step per weight is 0.29·rate for many queries
///          and 0.5·rate for two.
/// Cost     no state; two sorts of Q terms.
/// Bias     as standard_scores. A rank is no linear map of a loss; for Gaussian directions and a linear loss the expected step still lies
///          along the gradient (Stein's lemma).
/// Source   the centred ranks of OpenAI's evolution strategies, Salimans et al. 2017 (arXiv 1703.03864) §2.1.
/// Differs  1/√Q keeps the length of a step independent of the number of queries.
struct centered_ranks {
  static constexpr std::string_view name = "centered_ranks";
  static constexpr coefficient_phase phase = coefficient_phase::normalise;
  /// Terms come in ascending order of their queries, as estimators append them: a sort by query brings that order back without memory.
  std::uint32_t apply(std::span<term> terms, coefficient_statistics&) const {
    const std::size_t count = terms.size();
    std::sort(terms.begin(), terms.end(), [](const term& a, const term& b) { return a.coefficient < b.coefficient; });
    const double root = std::sqrt(static_cast<double>(count));
    for (std::size_t first = 0, last = 0; first < count; first = last) {
      const double shared = terms[first].coefficient;
      while (last < count && terms[last].coefficient == shared) ++last;
      const std::size_t twice_rank = first + last - 1, twice_most = 2 * (count - 1);
      const double centered =
          count == 1 ? 0
                     : (2.0 * static_cast<double>(twice_rank) - static_cast<double>(twice_most)) / (2.0 * static_cast<double>(twice_most));
      for (std::size_t i = first; i < last; ++i) terms[i].coefficient = centered / root;
    }
    std::sort(terms.begin(), terms.end(), [](const term& a, const term& b) { return a.query < b.query; });
    return 0;
  }
  friend bool operator==(const centered_ranks&, const centered_ranks&) = default;
};

/// The sign of every coefficient, the direction as it is: every step is equally long.
///
///   c_q ← sign(c_q)/√Q
///
/// Units    c becomes a pure number of mean square 1/Q: a rate is the RMS step per weight.
/// Cost     no state.
/// Source   the active form of ZO-SGD-Sign in ZO-Bench (Zhang et al. 2024, arXiv 2402.11592), for one query; the vote of a pair in EGGROLL's
///          integer trainer (arXiv 2511.16652).
/// Differs  1/√Q keeps the length of a step independent of the number of queries.
struct sign_of_coefficient {
  static constexpr std::string_view name = "sign_of_coefficient";
  static constexpr coefficient_phase phase = coefficient_phase::normalise;
  std::uint32_t apply(std::span<term> terms, coefficient_statistics&) const {
    const double length = 1 / std::sqrt(static_cast<double>(terms.size()));
    for (term& t : terms) t.coefficient = t.coefficient > 0 ? length : t.coefficient < 0 ? -length : 0;
    return 0;
  }
  friend bool operator==(const sign_of_coefficient&, const sign_of_coefficient&) = default;
};

}  // namespace zolt::inline v0
