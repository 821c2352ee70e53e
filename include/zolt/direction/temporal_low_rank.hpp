#pragma once

#include <cstdint>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/direction/low_rank.hpp"

namespace zolt::inline v0 {

/// U and V held for the whole run; a step and query turn the signs of some of the factors. A vector has no such structure: there both are
/// fresh.
struct held_factors {
  std::uint32_t record() const { return 0; }
  random_stream left(const direction_key& key, const parameter_info& info) const { return {held(key, info), info.id, stream::factor_left}; }
  random_stream right(const direction_key& key, const parameter_info& info) const {
    return {held(key, info), info.id, stream::factor_right};
  }
  /// Bit k is the sign of factor k in one direction: words 0 and 1 of its stream.
  std::uint64_t turned(const direction_key& key, const parameter_info& info) const {
    if (detail::is_vector(info.shape)) return 0;
    const random_stream signs(key, info.id, stream::direction);
    return signs.word(0) | std::uint64_t{signs.word(1)} << 32;
  }
  friend bool operator==(const held_factors&, const held_factors&) = default;

 private:
  static direction_key held(const direction_key& key, const parameter_info& info) {
    return detail::is_vector(info.shape) ? key : direction_key{key.run, 0, 0};
  }
};

/// Directions that combine the same Rank matrices of rank one for the whole run: only their signs are drawn anew.
///
///   z_ij = Σ_k τ_k U_ik V_jk,   U, V ∈ {−1, 1} of the run,   τ_k = ±1 of the step and query,   k = 1 … Rank,   E z² = Rank
///
/// A run moves a matrix within Rank dimensions, W₀ + U diag(s) Vᵀ; momentum, like every linear combination of estimates, is of that form
/// too. Components are uncorrelated over runs, not within one, where an estimate of the gradient G has the mean
///
///   E ĝ = (1/Rank) Σ_k ⟨G, U_k V_kᵀ⟩ U_k V_kᵀ
///
/// A vector has fresh signs in every direction, as in low_rank: Rank fixed dimensions would be few for it, and there is nothing to save.
///
/// Units    radius ε moves a weight by ε·z whole units, at most ε·Rank; RMS ε·√Rank.
/// Cost     as low_rank; of its random bits Rank per matrix and query are new.
/// Source   TeZO (Sun et al. 2025, arXiv 2501.19057): perturbations of all steps as one tensor of low CP rank, of which only the factor
///          over time is resampled.
/// Differs  signs in place of Gaussian factors, so that codes can take z. One rank for all tensors, where the paper chooses it for each.
template <int Rank>
struct temporal_low_rank {
  static constexpr std::string_view name = "temporal_low_rank";

  template <class Field>
  void fields(Field&& field) const {
    field("rank", static_cast<double>(Rank), bound::at_least_one);
  }
  low_rank_law<Rank, held_factors> law_at(double, std::uint32_t) const { return {}; }
  low_rank_law<Rank, held_factors> law_of(std::uint32_t) const { return {}; }
  friend bool operator==(const temporal_low_rank&, const temporal_low_rank&) = default;
};

}  // namespace zolt::inline v0
