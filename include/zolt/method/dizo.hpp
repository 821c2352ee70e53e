#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/coefficient.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/optimizer/divergence_projection.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/sgd.hpp"

namespace zolt::inline v0::method {

/// Two-point descent whose layers are now and then scaled back toward the weights they came from, or on from them:
///
///   θ ← θ − η·c·z,   c = (L(θ + ε z) − L(θ − ε z)) / (2 ε);   every κ steps  θ_l ← θ0_l + a_l·(θ_l − θ0_l)
///
/// with one ratio a_l ∈ [1 − τ, 1 + τ] per projected tensor, found by J two-point steps on the ratios alone. policies() is the descent,
/// search() the projection; both belong to a zolt::divergence_projection:
///
///   method::dizo m{.rate = 1e-6};
///   divergence_projection training{parameters, m.search(), {"layer0.query", "layer0.value"}, m};
///
/// Units    rate, radius: in units of the parameters. projection_radius, limit: ratios. projection_rate: ratio² per loss.
/// Cost     2·queries forward passes per step and 2·iterations more every `interval` steps, 2.4 per step by default. A copy of the projected
///          tensors: 4 bytes per float weight, bits/8 per code.
/// Source   DiZO (Tan et al. 2025, arXiv 2502.03304); defaults κ = 50, J = 10, τ = 0.2, ε_p = 0.1, η_p = 2 as in the authors' code. The paper
///          projects the query and value matrices, the code the key and value matrices: name yours.
/// Differs  z = ±1, which codes can take; searched in ratios, see divergence_projection. η_p is the rate of the ratios.
struct dizo {
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;
  std::uint32_t interval = 50;
  std::uint32_t iterations = 10;
  double projection_radius = 0.1;
  double projection_rate = 2;
  double limit = 0.2;

  /// Of projected float weights; the state lies in the divergence_projection.
  static constexpr double state_bytes_per_weight = 4;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, rademacher{}, no_normalisation{}, no_clip{});
  }
  ratio_search search() const {
    return {.interval = interval, .iterations = iterations, .radius = projection_radius, .rate = projection_rate, .limit = limit};
  }
  friend bool operator==(const dizo&, const dizo&) = default;
};

}  // namespace zolt::inline v0::method
