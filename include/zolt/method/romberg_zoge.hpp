#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/romberg.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// Romberg-ZOGE: two-point differences at halved radii along one direction, extrapolated to radius 0.
///
///   D(r) = (L(θ + r z) − L(θ − r z))/2r,   g = (4 D(ε/2) − D(ε))/3 for one halving,   θ ← θ − η g z
///
/// Defaults  are MeZO's but for the radius, which is larger: what extrapolation is for.
///
/// Units    radius ε: of the longest probe, RMS displacement in parameter units; rate: parameter units² per loss.
/// Cost     2·(halvings + 1)·queries forward passes per step; no state.
/// Source   Romberg-ZOGE (ICML 2026), of which the abstract was to be had.
struct romberg_zoge {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-2;
  std::uint32_t queries = 1;
  std::uint32_t halvings = 1;

  auto policies() const {
    return zolt::policies(romberg{.radius = radius, .queries = queries, .halvings = halvings}, sgd{.rate = rate}, gaussian{},
                          no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
