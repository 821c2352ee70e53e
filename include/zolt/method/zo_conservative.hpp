#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/conservative.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// ZO-SGD-Cons: the step of ZO-SGD, its opposite, or none: whichever has the least loss on the batch.
///
///   g = (L(θ + ε z) − L(θ − ε z))/2ε,   θ ← argmin of L over {θ − η g z, θ + η g z, θ}
///
/// Units    radius: RMS displacement in parameter units; rate: parameter units² per loss.
/// Cost     5 forward passes per step in two rounds; no state.
/// Source   ZO-Bench (Zhang et al. 2024, arXiv 2402.11592), its decision for ties; rates there from 1e-5 … 1e-8, radii 1e-2 … 1e-4.
/// Differs  the tried weights and the kept ones differ by the rounding of one coefficient to 12 bits.
struct zo_conservative {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;

  auto policies() const {
    return zolt::policies(conservative{.radius = radius}, sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
