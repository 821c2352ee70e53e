#pragma once

#include <cmath>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/estimator/estimate.hpp"

namespace zolt::inline v0 {

namespace detail {
/// f(L₊, L₋) of every pair of losses that are both finite, over divisor·Q for the Q of them.
template <class Function>
void append_pairs(std::span<const evaluation> pairs, double divisor, std::vector<term>& terms, Function&& f) {
  const std::size_t before = terms.size();
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2)
    if (exact::is_finite(pairs[i].loss) && exact::is_finite(pairs[i + 1].loss))
      terms.push_back({pairs[i].probe.key.query, f(pairs[i].loss, pairs[i + 1].loss)});
  const double all = divisor * static_cast<double>(terms.size() - before);
  for (std::size_t i = before; i < terms.size(); ++i) terms[i].coefficient /= all;
}
}  // namespace detail

/// Central difference over `queries` independent directions.
///
///   c_q = (L(θ + ε z_q) − L(θ − ε z_q)) / (2 ε √ρ Q),      ĝ = Σ_q c_q · z_q/√E z²
///
/// with Q the number of queries whose losses are both finite.
///
/// Units    radius ε: parameter units (one code on coded storage). c: loss per unit.
/// Cost     2·queries loss evaluations; 16·queries bytes.
/// Bias     estimates the gradient of the ε-smoothed loss, O(ε²) from ∇L; variance grows with dimension / queries. A code at the end of its
///          range moves in one of its two probes only and has half its gradient; report::clamped_probes counts them.
/// Source   Spall 1992 eq. 2.2; Malladi et al. 2023 (arXiv 2305.17333) Definition 1.
/// Differs  a coefficient is rounded to at most 12 significant bits where it meets a parameter (relative 2⁻¹³), so that replay is exact.
struct two_point {
  static constexpr std::string_view name = "two_point";
  double radius = 1;
  std::uint32_t queries = 1;

  template <class Field>
  void fields(Field&& field) const {
    field("radius", radius, bound::positive);
    field("queries", queries, bound::at_least_one);
  }
  void plan(const direction_key& key, const probe_scale&, std::span<const evaluation> seen, std::vector<probe>& next) const {
    if (!seen.empty()) return;
    for (std::uint32_t q = 0; q < queries; ++q)
      for (const double offset : {1.0, -1.0}) next.push_back({{key.run, key.step, q}, offset});
  }
  void estimate(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    detail::append_pairs(seen, 2 * radius * scale.spread, terms, [](double up, double down) { return up - down; });
  }
  friend bool operator==(const two_point&, const two_point&) = default;
};

/// Forward difference over `queries` independent directions that share one unperturbed baseline.
///
///   c_q = (L(θ + ε z_q) − L(θ)) / (ε √ρ Q)
///
/// Units    as two_point.
/// Cost     queries + 1 loss evaluations; 16·queries bytes.
/// Bias     O(ε) from ∇L where two_point has O(ε²). A baseline that is not finite loses the whole step.
/// Source   Duchi et al. 2015 eq. 1; the shared baseline as in FZOO (Dang et al. 2025) Algorithm 1.
struct one_sided {
  static constexpr std::string_view name = "one_sided";
  double radius = 1;
  std::uint32_t queries = 1;

  template <class Field>
  void fields(Field&& field) const {
    field("radius", radius, bound::positive);
    field("queries", queries, bound::at_least_one);
  }
  void plan(const direction_key& key, const probe_scale&, std::span<const evaluation> seen, std::vector<probe>& next) const {
    if (!seen.empty()) return;
    next.push_back({{key.run, key.step, 0}, 0.0});
    for (std::uint32_t q = 0; q < queries; ++q) next.push_back({{key.run, key.step, q}, 1.0});
  }
  void estimate(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    const std::size_t before = terms.size();
    const double baseline = seen[0].loss;
    if (!exact::is_finite(baseline)) return;
    for (const evaluation& e : seen.subspan(1))
      if (exact::is_finite(e.loss)) terms.push_back({e.probe.key.query, e.loss - baseline});
    const double divisor = radius * scale.spread * static_cast<double>(terms.size() - before);
    for (std::size_t i = before; i < terms.size(); ++i) terms[i].coefficient /= divisor;
  }
  friend bool operator==(const one_sided&, const one_sided&) = default;
};

}  // namespace zolt::inline v0
