#pragma once

#include "zolt/direction/sparse.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// Step-matched sparse probes on codes, without any state per weight: the default composition with its numbers at hand.
///
///   ρ = ratio·(η/ε)²/Q of the weights are ±1 in z;   c = (L(θ + ε z) − L(θ − ε z))/(2 ε √ρ Q)
///   c ← clip(c/rms(c)),   θ ← θ + SR(−η Σ_q c_q z_q/√ρ)
///
/// A weight that a probe touched moves about as far in the update as it did in the probe, ε codes: rounding to whole codes then adds no more
/// noise than the estimate has.
///
/// Units    rate η: RMS step per weight, in units (codes); radius ε: units.
/// Cost     2·queries forward passes per step; no state.
/// Source   ours; each policy names what it builds on.
struct step_matched {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 0.05;
  double radius = 1;
  double ratio = 1;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, sparse_rademacher{.ratio = ratio},
                          running_rms{}, clip{}, stochastic{});
  }
};

/// The same with error feedback of `Bits` bits: what a step does not land stays beside the code in 2^−Bits codes.
///
/// Units    as step_matched.
/// Cost     2·queries forward passes per step; Bits/8 bytes of state per coded weight (residual), in fields of a power of two of bits.
/// Source   ours; error feedback on codes as in QES (arXiv 2602.03120).
template <int Bits>
struct step_matched_residual {
  static constexpr double state_bytes_per_weight = residual_field<Bits>::width / 8.0;
  double rate = 0.05;
  double radius = 1;
  double ratio = 1;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, sparse_rademacher{.ratio = ratio},
                          running_rms{}, clip{}, residual<Bits>{});
  }
};

}  // namespace zolt::inline v0::method
