#pragma once

#include <cstdint>

#include "zolt/direction/rounded.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/replayed_residual.hpp"

namespace zolt::inline v0::method {

/// QES, quantized evolution strategies: one rounding of the noise for probe and update, and error feedback in place of a float copy.
///
///   δ_i = SR(σ z_i),   F_i = clip(score(L(w + δ_i) − L(w − δ_i)), ±3),   ĝ = Σ_i F_i δ_i / (√N σ√κ),
///   u = −η ĝ + γ e,   w ← w + nearest(u),   e ← u − nearest(u)
///
/// Code and residual together follow the float trajectory: w′ + e′ = w + e − η ĝ for γ = 1. The residual is computed again from the last
/// `window` steps, so that nothing is kept per weight.
///
/// With γ < 1 a weight keeps at most the last 1/(1 − γ) steps in mind: where those together stay below half a code it never moves, and a
/// rate far below (1 − γ)/2 trains nothing.
///
/// Units    rate η: RMS step per weight in codes; deviation σ: codes. For N mirrored pairs and κ of `rounded` the paper's α is η·√N/√κ, and
///          that of its released code, which adds up both sides of every pair, η/(2√(N κ)).
/// Cost     2·population forward passes per step; no state; (window + 1) times the random numbers of an update.
/// Source   QES (arXiv 2602.03120) §4; deviation, window and retention of its INT4 runs, the rate as its code has it at α = 5·10⁻⁴.
/// Differs  scores are divided by √N and noise by its true deviation, so that a rate is a step length. Residuals start from 0, as in the
///          paper; the code starts from uniform noise, and so moves weights in its first steps that no later one would.
struct qes {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 0.05;
  double deviation = 0.01;
  std::uint32_t population = 50;
  std::uint32_t window = 50;
  double retention = 0.9;

  auto policies() const {
    return zolt::policies(two_point{.queries = population}, sgd{.rate = rate},
                          rounded{.step = 1 / deviation, .times = roundings::one_corrected}, standard_scores{}, clip{.limit = 3},
                          replayed_residual{.window = window, .retention = retention});
  }
};

/// QES with its residual in memory, in 2^−Bits codes: the sum of code, residual and update is rounded stochastically to that grid and split.
///
/// Units    as qes.
/// Cost     2·population forward passes per step; Bits/8 bytes of state per weight (residual).
/// Source   QES (arXiv 2602.03120) §4, whose residual is a 16-bit float.
/// Differs  γ = 1; fixed point of any width instead of float.
template <int Bits>
struct qes_residual {
  static constexpr double state_bytes_per_weight = residual_field<Bits>::width / 8.0;
  double rate = 0.05;
  double deviation = 0.01;
  std::uint32_t population = 50;

  auto policies() const {
    return zolt::policies(two_point{.queries = population}, sgd{.rate = rate},
                          rounded{.step = 1 / deviation, .times = roundings::one_corrected}, standard_scores{}, clip{.limit = 3},
                          residual<Bits>{});
  }
};

}  // namespace zolt::inline v0::method
