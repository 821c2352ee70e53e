#pragma once

#include <cmath>
#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// Fixed-point ZO by sign-m-SPSA: forwards on weights in fixed point, of which a step takes nothing but who lost.
///
///   ĝ = 1/m Σ_i sign(L(N(w + ε z_i)) − L(N(w − ε z_i)))·z_i,   w ← SR(w − η ĝ)
///
/// N takes a weight to the nearest whole number of its tensor's scale, SR to one of its two neighbours. z is an integer of 7 bits and a
/// sign times 1/√846, so that weights, directions and their products are integers with a scale each. Steps are as long wherever the loss
/// is flat.
///
/// Defaults  m = 1, as the paper has beside 3. Rate and radius are ours; the radius should be several steps of the scale.
///
/// Units    radius ε: RMS displacement in parameter units, before N; rate η: RMS step per weight and unit of sign, η/√m for m signs at
///          random.
/// Cost     2·queries forward passes per step; no state. In place, 2 bytes per weight to undo by.
/// Source   Feng et al. 2024, Stepping forward on the last mile (arXiv 2411.04036): sign-m-SPSA, 16-bit weights. We know its estimator and
///          its three stages, perturb, difference, update, all quantized; not the text of its equations.
/// Differs  the rounding of the update: stochastic, which loses nothing in the mean. Its sharpness-aware point and its sparsity are left
///          out; 8-bit activations are the forward's business.
struct fixed_point_zo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-4;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  /// sign_of_coefficient divides by √m alone.
  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate / std::sqrt(static_cast<double>(queries))},
                          gaussian{}, sign_of_coefficient{}, no_clip{}, stochastic{});
  }
};

}  // namespace zolt::inline v0::method
