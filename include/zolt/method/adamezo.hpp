#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"

namespace zolt::inline v0::method {

/// AdaMeZO: Adam on a two-point estimate, whose moments are not kept but summed up again at every step, from the keys and scalars of the
/// last h steps.
///
///   g_τ = (L(θ + ε z_τ) − L(θ − ε z_τ))/2ε · z_τ,   m = (1 − β₁) Σ_{k ≤ h} β₁ᵏ g_{t−k},   v = (1 − β₂) Σ_{k ≤ h} β₂ᵏ g²_{t−k},
///   θ ← θ − η m̂/(√v̂ + δ),   z ~ N(0, I);   m̂ = m/(1 − β₁ⁿ) and v̂ = v/(1 − β₂ⁿ) for the n ≤ h + 1 steps in a sum
///
/// Defaults  ours: with h = 21 a tenth of a full first moment is missing, and v̂ is nearly the plain mean of 22 squares.
///
/// Units    rate: about the RMS step per weight in parameter units; radius: RMS displacement; window h: steps.
/// Cost     2·queries forward passes per step; no state; h + 1 directions and Adam steps per query, weight and step.
/// Source   AdaMeZO (Cai et al. 2026, arXiv 2605.00650), as secondary notes have it.
/// Differs  sums are corrected for their length, so that Adam's rates fit. The notes have η m/√(v + δ) as it is: with a full window their
///          rate is ours times √(1 − β₂^(h+1))/(1 − β₁^(h+1)), 0.16 for the defaults.
struct adamezo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-5;
  double radius = 1e-3;
  double first_decay = 0.9;
  double second_decay = 0.999;
  std::uint32_t window = 21;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(
        two_point{.radius = radius, .queries = queries},
        replayed<adam>{.rule = {.rate = rate, .first_decay = first_decay, .second_decay = second_decay}, .window = window}, gaussian{},
        no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
