#pragma once

#include <cstdint>

#include "zolt/direction/temporal_low_rank.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"

namespace zolt::inline v0::method {

/// TeZO: two-point descent along U diag(τ) Vᵀ, with U and V the run's own: a step draws Rank signs per matrix.
///
///   c = (L(W + ε Z) − L(W − ε Z)) / (2 ε),   Z = U diag(τ) Vᵀ,      W ← W − η·c·Z/r
///
/// A run ends where it began plus U diag(s) Vᵀ, s of r numbers. The paper's momentum is kept on τ, m ← β m + c τ; since U and V stay, that is
/// momentum of the estimate, m Z = U diag(m) Vᵀ.
///
/// Defaults  rate and radius are MeZO's: what the paper takes could not be had.
///
/// Units    radius ε: parameter units, the RMS displacement being ε·√r; rate: parameter units² per loss. The division by r is spread and
///          amplitude of the law; rates of an update that is c·Z are to be multiplied by r.
/// Cost     2·queries forward passes per step; no state.
/// Source   TeZO (Sun et al. 2025, arXiv 2501.19057), by secondary descriptions of its equations.
/// Differs  factors and τ are ±1; one rank for all matrices. Tensors of one row or column have fresh directions, sums of r signs. The paper's
///          Adam divides by a second moment of τ² (U∘U) (V∘V)ᵀ, which is one number per matrix when factors are ±1: there is none here. On
///          codes stochastic rounding strays from the r dimensions, where no later step brings it back; with residual<k> it strays less.
template <int Rank>
struct tezo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, temporal_low_rank<Rank>{}, no_normalisation{},
                          no_clip{}, stochastic{});
  }
};

/// TeZO-m: TeZO with momentum, which is made again from the coefficients of the last steps instead of being kept.
///
///   m ← β m + (1 − β) c·τ,      W ← W − η·U diag(m) Vᵀ/r
///
/// Defaults  rate and radius are MeZO's, β = 0.9.
///
/// Units    as tezo; window: steps. Of a moment with all steps β^(window + 1) is missing: 0.5 % by default.
/// Cost     2·queries forward passes per step; no state; window + 1 directions per query, weight and step, r signs each.
/// Source   TeZO (Sun et al. 2025, arXiv 2501.19057), TeZO-m, by secondary descriptions of its equations.
/// Differs  as tezo. Since U and V stay, Σ βᵃ c_a Z_a is U diag(Σ βᵃ c_a τ_a) Vᵀ exactly.
template <int Rank>
struct tezo_momentum {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  double decay = 0.9;
  std::uint32_t window = 50;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries},
                          replayed<momentum>{.rule = {.rate = rate * (1 - decay), .decay = decay}, .window = window},
                          temporal_low_rank<Rank>{}, no_normalisation{}, no_clip{}, stochastic{});
  }
};

}  // namespace zolt::inline v0::method
