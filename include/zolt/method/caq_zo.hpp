#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// CAQ-ZO: both ends of a probe lie on the grid, one step from where the weight is, in the coordinate in which the grid is uniform.
///
///   z = φ(θ),   g = (L(φ⁻¹(z + Δ r)) − L(φ⁻¹(z − Δ r)))/2Δ,   z ← project(z − η g r),   r = ±1
///
/// For a format whose codes are numbered in order, z/Δ is that number: the method is a probe of one code, and a step in codes, whatever
/// distance a code is. Rounding ends of a probe that are off the grid would leave an error that no radius removes.
///
/// Steps of dense directions round at random on every weight: they hold the gradient, in loss per code, at a norm of the order of
/// weights/√queries whatever the rate is. More queries lower that floor; step-matched sparse probes keep it below the noise of the estimate.
///
/// Units    rate η: codes² per loss; radius: whole codes.
/// Cost     2·queries forward passes per step; no state.
/// Source   CAQ-ZO (arXiv 2605.10673): its probe. The rate's default is ours.
/// Differs  the projection is stochastic rounding, so that a step below half a code is not lost on average.
struct caq_zo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-2;
  double radius = 1;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, rademacher{}, no_normalisation{}, no_clip{},
                          stochastic{});
  }
};

}  // namespace zolt::inline v0::method
