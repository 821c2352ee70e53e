#pragma once

#include <cmath>
#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// QZO: codes stay as they are, their scales are trained. List the scales as parameters and leave the codes out:
///
///   zolt::parameter("scales 0", w.scales(), {.lowest = 0})
///
///   d = (L(Δ + ε z) − L(Δ − ε z)) / 2ε,   d′ = clip(d, −C, C),   Δ ← max(Δ − η d′ z, 0)
///
/// With {.relative = true} a unit is the scale itself, Δ(1 ± ε z): one radius then suits scales of every magnitude, and no probe of less
/// than 1 turns the sign of a group around. Norms and biases may be listed beside the scales, with units of their own.
///
/// A group whose scale reached 0 is silent but not lost: with an absolute unit its derivative is still seen. A relative probe of 0 is 0.
///
/// Units    rate η and radius ε in units of the scales: η as sgd; limit C: loss per unit, of the derivative along each direction.
/// Cost     2·queries forward passes per step; no state.
/// Source   QZO (arXiv 2505.13430) eqs. 5–8; defaults of §4.1, where the unit is absolute.
/// Differs  any number of queries: each derivative is clipped by itself, then they are averaged. Clipping biases an estimate toward 0; the
///          paper's theorem averages the part that is not clipped.
struct qzo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-7;
  double radius = 1e-3;
  double limit = 100;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, no_normalisation{},
                          clip{.limit = limit / std::sqrt(static_cast<double>(queries))});
  }
};

/// QZO with steps of a length that does not depend on the loss: the derivative is divided by its running root mean square before it is
/// clipped, so that `limit` is a number of those and `rate` the RMS step of a scale. For scales with relative units.
///
///   d′ = clip(d / rms(d), −C, C),   Δ ← Δ·(1 − η d′ z),   z = ±1
///
/// For several queries the moves η d′ z/√Q of all directions add up.
///
/// Units    rate, radius: parts of a scale. limit C: multiples of the RMS.
/// Cost     2·queries forward passes per step; no state.
/// Source   ours, after QZO; running_rms says why one number per model is enough.
struct normalised_qzo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 0.015;
  double radius = 0.02;
  double limit = 3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, rademacher{}, running_rms{},
                          clip{.limit = limit});
  }
};

}  // namespace zolt::inline v0::method
