#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// FP16/BF16 ZO: MeZO on tensors of 16-bit floats, probed and updated where they lie.
///
///   g = (L(N(θ + ε z)) − L(N(θ − ε z)))/2ε,   θ ← SR(θ − η g z),   z ~ N(0, I)
///
/// N takes a weight to the nearest number of its format; SR to one of the two neighbours, right in the mean. An update is far below a
/// step: at |w| = 0.02 a step of bf16 is 1.2e-4, and rounded to nearest every η g z of 1e-6·g would be lost for |g| < 60. So the write-back
/// belongs to the method. Losses and g are doubles, z is an integer of 7 bits and a sign; weights that are floats are not rounded.
///
/// Defaults  of mezo. A probe moves only weights whose half step is below ε |z|: 1e-3 is 8 steps of bf16 at |w| = 0.02, and at |w| = 1 an
///          eighth of one. Larger weights need a larger unit.
///
/// Units    radius: RMS displacement in parameter units, before N; rate: parameter units² per loss.
/// Cost     2·queries forward passes per step; no state. In place, 2 bytes per weight to undo by.
/// Source   MeZO (arXiv 2305.17333), whose scripts hold OPT in fp16; stochastic rounding of weights: Gupta et al. 2015 (arXiv 1502.02551)
///          §3.
/// Differs  the released code draws z in the weights' type, rounds to nearest, and adds −2ε z and ε z to come back, which drifts.
struct narrow_mezo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{},
                          stochastic{});
  }
};

}  // namespace zolt::inline v0::method
