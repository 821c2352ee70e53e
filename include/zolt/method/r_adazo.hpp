#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/adaptive.hpp"

namespace zolt::inline v0::method {

/// R-AdaZO: Adam on a zeroth-order estimate, with the second moment of the first moment.
///
///   g = (L(θ + ε z) − L(θ − ε z))/2ε,   m ← β₁ m + (1 − β₁) g z,   v ← β₂ v + (1 − β₂) m²,   θ ← θ − η m/√(v + ζ)
///
/// Units    radius: RMS displacement in parameter units; rate: about the step of a weight in parameter units, see refined_adam.
/// Cost     2·queries forward passes per step; 8 bytes of state per weight.
/// Source   R-AdaZO (Shu et al. 2025, arXiv 2502.01014), as secondary notes have it. Defaults are ours.
/// Differs  central differences along Gaussian directions for forward differences along √d times directions of the unit sphere.
struct r_adazo {
  static constexpr double state_bytes_per_weight = 8;
  double rate = 1e-5;
  double radius = 1e-3;
  double first_decay = 0.9;
  double second_decay = 0.99;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries},
                          refined_adam{.rate = rate, .first_decay = first_decay, .second_decay = second_decay}, gaussian{},
                          no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
