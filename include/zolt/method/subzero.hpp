#pragma once

#include <cstdint>

#include "zolt/direction/orthogonal_low_rank.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// SubZero: two-point descent within subspaces of rank r, U C Vᵀ with orthogonal columns, that are drawn anew every `refresh` steps.
///
///   c = (L(W + ε Z) − L(W − ε Z)) / (2 ε r),   Z = U C Vᵀ,      W ← W − η·c·Z/r
///
/// Z/r has E (Z/r)² = 1 per weight, as √(mn)/r times the orthonormal product has in the released code: its rate is the one here, its ε is
/// ε·r. A window of steps moves a matrix by rank r and within r² dimensions. On codes a probe moves a weight by ε·z whole codes, |z| ≤ r², and
/// the update is rounded stochastically; ε is then a whole number.
///
/// Defaults  the released code has r = 8, 2000 steps per subspace and ε·r = 1e-3; its example, prompt tuning, r = 24, 1000 steps,
///           ε·r = 1e-2 and a rate of 1e-3. The rate here is MeZO's.
///
/// Units    radius ε: parameter units; rate: parameter units² per loss; refresh T₀: steps.
/// Cost     2·queries forward passes per step; no state.
/// Source   SubZero (Yu et al. 2024, arXiv 2410.08989) and its released code.
/// Differs  U, V and C are ±1, orthogonal by construction and not by a QR decomposition, and r is at most 16. Tensors of one row or column have
///          directions ±r, where the released code has Gaussians. Small matrices are not reshaped towards a square.
template <int Rank>
struct subzero {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3 / Rank;
  std::uint32_t refresh = 1000;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, orthogonal_low_rank<Rank>{.refresh = refresh},
                          no_normalisation{}, no_clip{}, stochastic{});
  }
};

}  // namespace zolt::inline v0::method
