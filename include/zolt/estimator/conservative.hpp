#pragma once

#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/estimator/estimate.hpp"

namespace zolt::inline v0 {

/// A two-point estimate whose step is tried before it is made: forward, backward and not at all, in a second round of probes.
///
///   round 1:   c = (L(θ + ε z) − L(θ − ε z)) / (2 ε · spread)
///   round 2:   L₀ = L(θ),   L₊ = L(θ − η c z/√E z²),   L₋ = L(θ + η c z/√E z²)
///   c ← c if L₊ is the least (or ties), −c if L₋ is less than both, 0 otherwise
///
/// It tries the step of zolt::sgd: give it no_normalisation and no_clip, which would make another one. For dense parameters: a step is no
/// whole number of codes.
///
/// Units    radius ε: parameter units. c: loss per unit.
/// Cost     5 loss evaluations; 80 bytes. A loss of the second round that is not finite loses the step.
/// Source   ZO-SGD-Cons of ZO-Bench (Zhang et al. 2024, arXiv 2402.11592).
struct conservative {
  static constexpr std::string_view name = "conservative";
  static constexpr std::uint32_t queries = 1;
  double radius = 1;

  template <class Field>
  void fields(Field&& field) const {
    field("radius", radius, bound::positive);
  }
  void plan(const direction_key& key, const probe_scale& scale, std::span<const evaluation> seen, std::vector<probe>& next) const {
    if (seen.empty()) {
      for (const double offset : {1.0, -1.0}) next.push_back({key, offset});
    } else if (seen.size() == 2 && exact::is_finite(seen[0].loss) && exact::is_finite(seen[1].loss)) {
      const double step = scale.rate * derivative(seen, scale) / (radius * scale.spread);
      for (const double offset : {0.0, -step, step}) next.push_back({key, offset});
    }
  }
  void estimate(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    if (seen.size() < 5) return;
    const double stay = seen[2].loss, forward = seen[3].loss, backward = seen[4].loss;
    if (!exact::is_finite(stay) || !exact::is_finite(forward) || !exact::is_finite(backward)) return;
    const double chosen = forward <= stay && forward <= backward ? 1 : backward < stay ? -1 : 0;
    terms.push_back({seen[0].probe.key.query, chosen * derivative(seen, scale)});
  }
  friend bool operator==(const conservative&, const conservative&) = default;

 private:
  double derivative(std::span<const evaluation> seen, const probe_scale& scale) const {
    return (seen[0].loss - seen[1].loss) / (2 * radius * scale.spread);
  }
};

}  // namespace zolt::inline v0
