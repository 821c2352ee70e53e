#pragma once

#include <cstdint>

#include "zolt/direction/pooled.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// PeZO: two-point descent along directions that are read from one small pool of uniform numbers, over and over.
///
///   c = (L(θ + ε z) − L(θ − ε z)) / (2 ε),   θ ← θ − η c z,   z_k = pool[(o_t + k) mod N]/rms(pool),   o_{t+1} = o_t + n mod N
///
/// Weights N apart in one tensor always move together; see pooled.
///
/// Defaults  rate and radius as MeZO has them; the pool is ours.
///
/// Units    radius ε: RMS displacement in parameter units; rate: parameter units² per loss; pool: numbers. For float weights only.
/// Cost     2·queries forward passes per step; no state per weight, 2·pool bytes per model, no random bits after the first step.
/// Source   PeZO (Tan et al. 2025, arXiv 2504.20314), pre-generation scheme.
/// Differs  scaled by the mean square of the pool as it was drawn; every tensor walks through the pool on its own.
struct pezo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;
  std::uint32_t pool = 4093;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, pooled{.size = pool}, no_normalisation{},
                          no_clip{});
  }
};

}  // namespace zolt::inline v0::method
