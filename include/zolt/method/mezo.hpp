#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/momentum.hpp"

namespace zolt::inline v0::method {

/// MeZO: stochastic gradient descent along a Gaussian direction that is regenerated from its key.
///
///   g = (L(θ + ε z) − L(θ − ε z))/2ε,   θ ← θ − η g z,   z ~ N(0, I)
///
/// Defaults  of its scripts for full fine-tuning: rate 1e-6, radius 1e-3, one query. On floats (unit 1) alone.
///
/// Units    radius: RMS displacement in parameter units; rate: parameter units² per loss.
/// Cost     2·queries forward passes per step; no state.
/// Source   MeZO, Malladi et al. 2023 (arXiv 2305.17333) Algorithm 1.
/// Differs  no weight decay. Probes are undone exactly instead of by adding ε z again.
struct mezo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{});
  }
};

/// MeZO with heavy-ball momentum.
///
///   m ← β m + g z,   θ ← θ − η m
///
/// Units    as mezo; a steady gradient moves 1/(1 − β) times as far.
/// Cost     2·queries forward passes per step; 4 bytes of state per weight.
/// Source   MeZO (arXiv 2305.17333), its trainer on materialised estimates; ZO-SGD-MMT of ZO-Bench (arXiv 2402.11592), which takes β = 0.9.
/// Differs  the moment is kept; the paper's appendix recomputes it from past keys and scalars instead.
struct mezo_momentum {
  static constexpr double state_bytes_per_weight = 4;
  double rate = 1e-6;
  double radius = 1e-3;
  double decay = 0.9;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, momentum{.rate = rate, .decay = decay}, gaussian{},
                          no_normalisation{}, no_clip{});
  }
};

/// MeZO with Adam on the estimate.
///
///   m ← β₁ m + (1 − β₁) g z,   v ← β₂ v + (1 − β₂)(g z)²,   θ ← θ − η m̂/(√v̂ + δ)
///
/// Units    rate: about the RMS step per weight in parameter units.
/// Cost     2·queries forward passes per step; 8 bytes of state per weight.
/// Source   MeZO (arXiv 2305.17333), its trainer on materialised estimates.
/// Differs  the moments are kept; the paper's appendix recomputes them. No weight decay. The rate's default is ours.
struct mezo_adam {
  static constexpr double state_bytes_per_weight = 8;
  double rate = 1e-5;
  double radius = 1e-3;
  double first_decay = 0.9;
  double second_decay = 0.999;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries},
                          adam{.rate = rate, .first_decay = first_decay, .second_decay = second_decay}, gaussian{}, no_normalisation{},
                          no_clip{});
  }
};

}  // namespace zolt::inline v0::method
