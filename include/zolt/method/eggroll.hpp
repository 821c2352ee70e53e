#pragma once

#include <cstdint>

#include "zolt/direction/low_rank.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/vote.hpp"

namespace zolt::inline v0::method {

/// EGGROLL: evolution strategies over low-rank directions, fresh ones for every member of the population.
///
///   z_i = A_i B_iᵀ,   E_i = z_i/√r,   F_i = score(L(W + ε z_i) − L(W − ε z_i)),   W ← W − η/√N · Σ_i F_i E_i
///
/// A member moves a matrix by rank r, a step by rank min(N r, rows, columns). A single member has no score.
///
/// Units    rate η: RMS step per weight; radius ε: parameter units, so that the paper's σ is ε·√r.
/// Cost     2·population forward passes per step; no state; Rank·(rows + columns) random bits per matrix and member.
/// Source   EGGROLL (arXiv 2511.16652) eqs. 4–8.
/// Differs  factors are ±1, so that z is a small whole number and codes can be probed. Scores are of mirrored pairs.
template <int Rank>
struct eggroll {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-3;
  double radius = 1;
  std::uint32_t population = 32;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = population}, sgd{.rate = rate}, low_rank<Rank>{.refresh = 1},
                          standard_scores{}, no_clip{});
  }
};

/// EGGROLL's integer form: every pair of the population votes for its better side, and a weight moves by one code where the vote is
/// significant.
///
///   f_i = sign(L(W − ε z_i) − L(W + ε z_i)),   Z = Σ_i f_i z_i/√(N r),   w ← w + sign(Z)·[|Z| ≥ Φ⁻¹(1 − α/2)]
///
/// Votes about a weight that no loss depends on are N r fair coins: the fraction that moves by chance is a binomial tail, near α.
///
/// Units    rate α: the expected fraction of weights that move by chance; let it fall with a schedule. radius ε: codes.
/// Cost     2·population forward passes per step; no state, no rounding at random, no float per weight.
/// Source   EGGROLL (arXiv 2511.16652) §5 and its released int8 trainer; α falls there as 1/(1 + 15t/1000).
/// Differs  noise is on the lattice: whole codes instead of int8 Gaussians shifted below one code in the activations.
template <int Rank>
struct integer_eggroll {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 0.05;
  double radius = 1;
  std::uint32_t population = 32;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = population}, vote{.rate = rate}, low_rank<Rank>{.refresh = 1},
                          sign_of_coefficient{}, no_clip{}, nearest{});
  }
};

}  // namespace zolt::inline v0::method
