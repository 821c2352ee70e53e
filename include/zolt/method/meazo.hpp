#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// MEAZO: the second moment of Adam as one number for the whole model.
///
///   g = (L(θ + ε z) − L(θ − ε z))/2ε,   v ← b v + (1 − b) g²,   θ ← θ − η g z/√v̂
///
/// Under one scalar per step, E[(g z_j)²] is the same for every weight, and one running mean square has all that Adam's v would learn.
///
/// Units    rate η: RMS step per weight, in parameter units; radius: RMS displacement.
/// Cost     2·queries forward passes per step; two numbers of state per model.
/// Source   MEAZO (2026), its scalar second moment; running_rms is the same with a weight for its first steps. Defaults are ours.
/// Differs  no constant beside √v̂: a derivative of 0 makes no step. An observation counts as ten times the running RMS at most. Several
///          queries share one observation, their mean square, and a step of 1/√Q each.
struct meazo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-5;
  double radius = 1e-3;
  double decay = 0.99;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, running_rms{.decay = decay},
                          no_clip{});
  }
};

}  // namespace zolt::inline v0::method
