#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/bayesian_shrinkage.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// BSZO: forward differences along k directions from one baseline, shrunk to their posterior means by a Kalman filter.
///
///   y_j = (L(θ + ε z_j) − L(θ))/ε,   μ = filter(y),   θ ← θ − η Σ_j μ_j z_j,   z_j ~ N(0, I)
///
/// Defaults  of the released code: two directions and a third look at one of them, rate 1e-7, radius 1e-4. Its prior and noise are
///           √(number of weights/10⁶) each, which is for you to give: 1 is that of a million weights.
///
/// Units    radius: RMS displacement in parameter units; rate: parameter units² per loss, of the sum over the directions; prior and noise:
///          loss per unit, see bayesian_shrinkage.
/// Cost     queries + 1 forward passes per step; two numbers of state per model.
/// Source   BSZO (Feng & Huang 2026, arXiv 2601.01452).
/// Differs  the released code's fourth version evaluates the direction of largest variance anew, this one looks again at the loss it has,
///          as the third does. All directions are evaluated, also where `samples` is less than their number.
struct bszo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-7;
  double radius = 1e-4;
  std::uint32_t queries = 2;
  std::uint32_t samples = 3;
  double prior = 1;
  double noise = 1;

  auto policies() const {
    return zolt::policies(one_sided{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{},
                          bayesian_shrinkage{.prior = prior, .noise = noise, .samples = samples}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
