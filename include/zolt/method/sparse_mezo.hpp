#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/direction/masked.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// Sparse MeZO: only weights of small magnitude are probed and updated.
///
///   m = [|θ_l| ≤ h_l] per tensor l,   g = (L(θ + ε m∘z) − L(θ − ε m∘z)) / (2 ε),      θ ← θ − η g m∘z,   z ~ N(0, I)
///
/// Defaults  sparsity 0.75 (0.5 to 0.8 help, in the paper); rate and radius as MeZO: the mask bears a larger rate than MeZO does.
///
/// Units    radius ε in parameter units; rate: parameter units² per loss; sparsity: the fraction of weights that are off.
/// Cost     2·queries forward passes per step and a read of the weights every `interval` steps; 1/8 byte per weight.
/// Source   Sparse MeZO (arXiv 2402.15751): threshold once per tensor, mask anew every step.
/// Differs  the paper's pseudo-code compares θ with h, its text the magnitude: it is the magnitude. The mask is kept, one bit per weight,
///          because a probe in place moves weights across h.
struct sparse_mezo {
  double rate = 1e-6;
  double radius = 1e-3;
  double sparsity = 0.75;
  std::uint32_t interval = 1;
  std::uint32_t queries = 1;

  static constexpr double state_bytes_per_weight = 0.125;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate},
                          masked<gaussian, magnitude_mask>{.base = {}, .mask = {.sparsity = sparsity, .interval = interval}},
                          no_normalisation{}, no_clip{}, stochastic{});
  }
};

/// The same on codes, with ±1 probes on a step-matched random part of the weights that the mask keeps.
///
///   θ ← θ + SR(−η c m∘z/√ρ),   c the two-point difference divided by its running RMS,   ρ as sparse_rademacher says
///
/// Units    radius: whole codes; rate: RMS step per kept weight, in codes.
/// Cost     2·queries forward passes per step and a read of the weights every `interval` steps; 1/8 byte per weight and 16 per model.
/// Source   the mask: Sparse MeZO (arXiv 2402.15751). The probes: ours.
/// Differs  ±1 in place of Gaussian, because codes move by whole codes; normalised and clipped, because the density follows the rate.
struct sparse_mezo_codes {
  double rate = 0.01;
  double radius = 1;
  double sparsity = 0.75;
  std::uint32_t interval = 1;
  std::uint32_t queries = 1;
  sparse_rademacher probes = {};

  static constexpr double state_bytes_per_weight = 0.125;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate},
                          masked<sparse_rademacher, magnitude_mask>{.base = probes, .mask = {.sparsity = sparsity, .interval = interval}},
                          running_rms{}, clip{}, stochastic{});
  }
};

}  // namespace zolt::inline v0::method
