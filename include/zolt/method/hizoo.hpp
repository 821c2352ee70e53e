#pragma once

#include <cstdint>

#include "zolt/direction/curvature_scaled.hpp"
#include "zolt/estimator/three_point.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// HiZOO: MeZO with directions and steps that a running diagonal of the Hessian shortens.
///
///   g = (L₊ − L₋)/2ε,   κ = |L₊ + L₋ − 2 L₀|/2ε²,   L± = L(θ ± ε H^(−½) u),  L₀ = L(θ),   u ~ N(0, I)
///   H ← (1 − a) H + a κ H u²,   θ ← θ − η g H^(−½) u with the new H,      H = 1 at first
///
/// Defaults  of the released code: rate 1e-6, radius 1e-3, a = 1e-8. Where steps are few, an `a` of 1e-6 … 1e-2 learns anything at all.
///
/// Units    radius: RMS displacement in parameter units where H is 1; rate: parameter units² per loss there; smoothing a: pure number. On
///          floats alone.
/// Cost     2·queries + 1 forward passes per step; 4 bytes of state per weight.
/// Source   HiZOO (Zhao et al. 2025, arXiv 2402.15173) Algorithm 1; the order of H and step as in its code.
/// Differs  see curvature_scaled: H acts between 1/16 and 4096. No weight decay. The default schedule of the code has a = 0, which is MeZO.
struct hizoo {
  static constexpr double state_bytes_per_weight = 4;
  double rate = 1e-6;
  double radius = 1e-3;
  double smoothing = 1e-8;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(three_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, curvature_scaled{.smoothing = smoothing},
                          no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
