#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// FZOO: N forward differences along ±1 directions from one baseline, the step divided by the deviation of their losses.
///
///   l_i = L(θ + ε u_i),   l_0 = L(θ),   σ = std(l_1 … l_N),   θ ← θ − η Σ_i (l_i − l_0)/(N σ) · u_i
///
/// Defaults  of the released code, for OPT-13B: rate 5e-5, radius 1e-4, 8 queries. On codes: a radius of whole codes, and a rate in codes.
///
/// Units    radius ε: parameter units; rate η: parameter units, times √((1 + (mean/σ)²)/N) for the RMS step per weight. The paper's rate is η·ε.
/// Cost     queries + 1 forward passes per step; no state.
/// Source   FZOO (Dang et al. 2025) Algorithm 1; the scale of the rate as in its code.
/// Differs  population deviation (as its code; the paper has N − 1). Losses that all tie make no step.
struct fzoo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 5e-5;
  double radius = 1e-4;
  std::uint32_t queries = 8;

  auto policies() const {
    return zolt::policies(one_sided{.radius = radius, .queries = queries}, sgd{.rate = rate}, rademacher{}, loss_deviation{}, no_clip{},
                          stochastic{});
  }
};

}  // namespace zolt::inline v0::method
