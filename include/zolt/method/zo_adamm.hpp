#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/momentum.hpp"

namespace zolt::inline v0::method {

/// ZO-Adam as ZO-Bench runs it: Adam with its usual numbers on a two-point estimate.
///
///   ĝ = (L(θ + ε z) − L(θ − ε z))/2ε · z,   θ ← Adam(θ, ĝ),   z ~ N(0, I)
///
/// Units    rate: about the RMS step per weight in parameter units; radius: RMS displacement.
/// Cost     2·queries forward passes per step; 8 bytes of state per weight.
/// Source   ZO-Adam of ZO-Bench (Zhang et al. 2024, arXiv 2402.11592): radius 1e-3, rates from a grid of 1e-4 … 1e-8. It is the same method.
using zo_adam = mezo_adam;

/// ZO-AdaMM: a forward difference, and moments of which the second never falls.
///
///   ĝ = 1/Q Σ_q (L(θ + ε z_q) − L(θ))/ε · z_q
///   m ← β₁ m + (1 − β₁) ĝ,   v ← β₂ v + (1 − β₂) ĝ²,   v̂ ← max(v̂, v),   θ ← θ − η m/(√v̂ + δ)
///
/// Units    rate: at most about the step of a weight, in parameter units; radius: RMS displacement.
/// Cost     queries + 1 forward passes per step; 12 bytes of state per weight.
/// Source   ZO-AdaMM, Chen et al. 2019 (arXiv 1910.06513) Algorithm 1. The numbers are those of ZO-Bench; the paper's are for other tasks.
/// Differs  Gaussian directions z for √d·u with u on the unit sphere, whose covariance they share: the radius is μ/√d. No projection but
///          onto the bounds of a parameter.
struct zo_adamm {
  static constexpr double state_bytes_per_weight = 12;
  double rate = 1e-5;
  double radius = 1e-3;
  double first_decay = 0.9;
  double second_decay = 0.999;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(one_sided{.radius = radius, .queries = queries},
                          amsgrad{.rate = rate, .first_decay = first_decay, .second_decay = second_decay}, gaussian{}, no_normalisation{},
                          no_clip{});
  }
};

}  // namespace zolt::inline v0::method
