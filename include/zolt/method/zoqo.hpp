#pragma once

#include "zolt/direction/uniform_codes.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// ZOQO: probes, update and weights stay on the grid of the codes.
///
///   u uniform on {−M … M} codes,   θ± = clamp(θ ± u),   θ ← clamp(θ − max(⌊η⌋, 1)·sign(ΔL)·sign(u))
///
/// Every weight with u ≠ 0 moves at least one code per step, whatever its gradient: what it reaches is limited by that noise, more so on
/// fewer bits, and many queries lessen it, for which the sign is that of the sum.
///
/// Units    rate η: codes, cut to a whole number of at least 1; M: codes.
/// Cost     2·queries forward passes per step; no state.
/// Source   ZOQO (ICASSP 2025): its update rule, with μ = M·s and s the code step.
/// Differs  more than one query: sign(Σ_q ΔL_q u_q) in place of one sign. Dense parameters beside codes move η units, not a whole number.
template <int M = 1>
struct zoqo {
  double rate = 1;
  std::uint32_t queries = 1;

  static constexpr double state_bytes_per_weight = 0;

  auto policies() const {
    return zolt::policies(two_point{.radius = 1, .queries = queries}, sign_of_gradient{.rate = rate}, uniform_codes<M>{},
                          no_normalisation{}, no_clip{}, always_one_code{});
  }
};

}  // namespace zolt::inline v0::method
