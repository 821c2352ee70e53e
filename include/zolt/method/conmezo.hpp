#pragma once

#include <cstdint>

#include "zolt/direction/cone.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// ConMeZO: MeZO along directions in a cone around the running mean of its own estimates.
///
///   z = cos θ·√d·m/‖m‖ + sin θ·u,   c = (L(θ + ε z) − L(θ − ε z))/2ε,   θ ← θ − η c z,   m ← β m + (1 − β) c z,   u ~ N(0, I)
///
/// Defaults  of the released code for OPT: rate 1e-7, radius 1e-3, θ = 1.35 and so a cosine of 0.219, β = 0.99. A cosine of 0 is MeZO.
///
/// Units    radius: RMS displacement in parameter units; rate: parameter units² per loss. On floats alone.
/// Cost     2·queries forward passes per step; 4 bytes of state per weight.
/// Source   ConMeZO (Behric et al. 2025, arXiv 2511.02757), as its released code has it.
/// Differs  see cone: β is the same from the first step on.
struct conmezo {
  static constexpr double state_bytes_per_weight = 4;
  double rate = 1e-7;
  double radius = 1e-3;
  double cosine = 0.219;
  double decay = 0.99;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, cone{.cosine = cosine, .decay = decay},
                          no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
