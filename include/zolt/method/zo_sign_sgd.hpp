#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// ZO-signSGD: every weight moves by the rate, against the sign of its estimate.
///
///   ĝ = 1/Q Σ_q (L(θ + ε z_q) − L(θ − ε z_q))/2ε · z_q,   θ ← θ − η sign(ĝ)
///
/// Units    rate η: the step of every weight, in parameter units; radius: RMS displacement in parameter units.
/// Cost     2·queries forward passes per step; no state.
/// Source   Liu et al. 2019, signSGD via zeroth-order oracle, Algorithm 1 with the central difference of its variants; radius 1e-3 as in
///          ZO-Bench (arXiv 2402.11592). The rate's default is ours.
/// Differs  Gaussian directions instead of the unit sphere: the sign of an estimate does not see their length.
struct zo_sign_sgd {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-5;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sign_of_gradient{.rate = rate}, gaussian{}, no_normalisation{},
                          no_clip{});
  }
};

/// What ZO-Bench runs under that name: the sign of the scalar, the direction as it is.
///
///   θ ← θ − η sign(L(θ + ε z) − L(θ − ε z)) z
///
/// Units    rate η: RMS step per weight, in parameter units.
/// Cost     2·queries forward passes per step; no state.
/// Source   ZO-SGD-Sign of ZO-Bench (Zhang et al. 2024, arXiv 2402.11592), the active form of its code; its grid of rates is 1e-4 … 1e-8.
/// Differs  1/√Q over several queries; the benchmark has one.
struct zo_scalar_sign_sgd {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-5;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, sign_of_coefficient{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
