#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/estimator/estimate.hpp"

namespace zolt::inline v0 {

/// A central difference, and one unperturbed loss for all queries, by which every pair of losses has a second derivative as well.
///
///   c_q = (L₊ − L₋)/(2 ε √ρ Q),      κ_q = |L₊ + L₋ − 2 L₀|/(2 ε² ρ),      L± = L(θ ± ε z_q),  L₀ = L(θ)
///
/// Units    radius ε: parameter units (one code on coded storage). c: loss per unit; κ: loss per unit².
/// Cost     2·queries + 1 loss evaluations; 32·queries bytes.
/// Bias     of c as two_point. κ is half of zᵀ∇²L z to O(ε²), along a direction of E z² = 1, without its sign; noise of the losses makes it
///          larger. An L₀ that is not finite loses the curvatures and not the step.
/// Source   HiZOO (Zhao et al. 2025, arXiv 2402.15173) Algorithm 1.
struct three_point {
  static constexpr std::string_view name = "three_point";
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
    for (std::uint32_t q = 0; q < queries; ++q)
      for (const double offset : {1.0, -1.0}) next.push_back({{key.run, key.step, q}, offset});
  }
  void estimate(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    detail::append_pairs(seen.subspan(1), 2 * radius * scale.spread, terms, [](double up, double down) { return up - down; });
  }
  void curvatures(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    const double stay = seen[0].loss, length = radius * scale.spread;
    if (!exact::is_finite(stay)) return;
    detail::append_pairs(seen.subspan(1), 2 * length * length, terms,
                         [stay](double up, double down) { return std::fabs((up - stay) + (down - stay)); });
  }
  friend bool operator==(const three_point&, const three_point&) = default;
};

}  // namespace zolt::inline v0
