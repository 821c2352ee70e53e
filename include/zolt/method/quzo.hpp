#pragma once

#include <cmath>

#include "zolt/direction/rounded.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// QuZO on floats: two-point estimates along Gaussian directions of few bits, rounded anew for the update.
///
///   u₁ = SR₁(u),  u₂ = SR₂(u) on a grid of 2^bits − 1 steps over ±4σ
///   ĝ = 1/Q Σ_q (L(θ + ε u₁) − L(θ − ε u₁)) / (2 ε) · u₂,      θ ← θ − η ĝ
///
/// Defaults  of the official scripts: rate 1e-5, radius 1e-3 (2e-3 on 7B and 8B models), one query, 4 bits.
///
/// Units    radius ε: deviation of a probe in parameter units; rate: parameter units² per loss.
/// Cost     2·queries forward passes per step; no state.
/// Source   QuZO (arXiv 2502.12346): the estimator Q-RGE2, its Q-RGE1 is `roundings::one`.
/// Differs  the released code seeds both roundings alike, which is Q-RGE1 whatever its flag says; `two` here is what the paper proves. The
///          grid is fixed at ±4σ for all tensors instead of each draw's own range, and has no ends: |u₁| up to 4.27σ, 2^bits + 1 points.
struct quzo {
  double rate = 1e-5;
  double radius = 1e-3;
  std::uint32_t queries = 1;
  int perturbation_bits = 4;
  roundings times = roundings::two;

  static constexpr double state_bytes_per_weight = 0;

  auto policies() const {
    const double step = 8 / (std::ldexp(1.0, perturbation_bits) - 1);
    return zolt::policies(two_point{.radius = radius * step, .queries = queries}, sgd{.rate = rate}, rounded{.step = step, .times = times},
                          no_normalisation{}, no_clip{}, stochastic{});
  }
};

/// QuZO on codes: probes are Gaussian directions of a deviation in codes, rounded to whole codes; so is the step.
///
///   u₁ = SR₁(s u),  u₂ = SR₂(s u) codes
///   ĝ = 1/Q Σ_q (L(θ + u₁) − L(θ − u₁)) / 2 · u₂/s²,      θ ← θ + SR(−η ĝ)
///
/// With a deviation s far below one code almost every u₁ is 0, and u₂ is 0 where u₁ is not. The variance of `two` is then up to (0.8/s)²
/// times that of `one_corrected`: 148 times at s = 1/20 and 32 weights.
///
/// Units    deviation s: codes. Rate: codes² per loss.
/// Cost     2·queries forward passes per step; no state.
/// Source   QuZO (arXiv 2502.12346), in the form on integer codes that QES (arXiv 2602.03120) compares itself with.
/// Differs  a probe that would leave the range stops at its end instead of staying where it is.
struct quzo_codes {
  double rate = 1;
  double deviation = 1;
  std::uint32_t queries = 1;
  roundings times = roundings::two;

  static constexpr double state_bytes_per_weight = 0;

  auto policies() const {
    return zolt::policies(two_point{.radius = 1, .queries = queries}, sgd{.rate = rate}, rounded{.step = 1 / deviation, .times = times},
                          no_normalisation{}, no_clip{}, stochastic{});
  }
};

}  // namespace zolt::inline v0::method
