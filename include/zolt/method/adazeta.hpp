#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/growing.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// AdaZeta: two-point descent on adapters by a number of queries that grows with the epochs.
///
///   ĝ = 1/Q_e Σ_q (L(θ + ε z_q) − L(θ − ε z_q))/2ε · z_q,   Q_e = min(max(⌊α eᵝ⌋, 1), queries),   θ ← θ − η ĝ
///
/// Defaults  of the paper and its script: rate 1e-4, radius 1e-3, α = 0.85, β = 0.45, at most 20 queries; the length of an epoch is that of
///           your data.
///
/// Units    radius: RMS displacement in parameter units; rate: parameter units² per loss; epoch: steps.
/// Cost     2·Q_e forward passes per step; no state.
/// Source   AdaZeta (Yang et al. 2024, arXiv 2406.18060).
/// Differs  its parameters are what it is given: the factors of low_rank_adapter, where the paper has tensor trains.
struct adazeta {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-4;
  double radius = 1e-3;
  std::uint32_t queries = 20;
  double first = 0.85;
  double growth = 0.45;
  std::uint32_t epoch = 100;

  auto policies() const {
    return zolt::policies(growing_two_point{.radius = radius, .queries = queries, .first = first, .growth = growth, .epoch = epoch},
                          sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
