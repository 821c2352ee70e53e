#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// ElasticZO: the body of a network by two-point descent, its last layer by the gradient that the forward pass gives away.
///
///   body:  θ ← θ − η g z,   g = (L(θ + ε z, φ) − L(θ − ε z, φ))/2ε,   z ~ N(0, I)
///   head:  φ ← φ − η_h · mean over the batch of (softmax(o) − onehot(label)) hᵀ
///
/// policies() are those of the body, head() those of the head; both belong to a zolt::elastic_optimizer:
///
///   elastic_optimizer training{parameters(w1, b1), parameters(w2, b2), method::elastic_zo{.rate = 1e-4}};
///   training.step(forward, softmax_cross_entropy{labels});
///
/// Defaults  radius, rate and queries of MeZO; head_rate is ours.
///
/// Units    radius ε, rate η: as MeZO. head_rate η_h: parameter units² per loss.
/// Cost     2·queries + 1 forward passes per step; no state. The input of the last layer for one batch.
/// Source   ElasticZO (Sugiura & Matsutani 2025, arXiv 2501.04287).
/// Differs  the head is one layer, whose gradient needs no stored activations but its own input; the paper backpropagates through the last
///          few. Their probes and gradients come from the same weights.
struct elastic_zo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double head_rate = 1e-3;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{});
  }
  auto head() const { return zolt::policies(exact_head{}, sgd{.rate = head_rate}, no_gradient_normalisation{}); }
  friend bool operator==(const elastic_zo&, const elastic_zo&) = default;
};

/// ElasticZO on codes: the body follows the sign of a difference of integer losses, by whole codes on a random fraction of its weights.
///
///   body:  θ ← θ + SR(−η·sign(L⁺ − L⁻)/√Q · z/√ρ),   z = ±1 on ρ = ratio·(η/ε)²/Q of the weights
///   head:  φ ← φ + SR(−η_h·a),   a the gradient of elastic_zo over its running RMS
///
/// With a ratio of 1 a touched weight moves by ε codes and nothing is left to round. Give the loss of the probes as an integer one:
///
///   training.step(forward, softmax_cross_entropy{labels}, integer_cross_entropy{labels});
///
/// Defaults  ours. A probe must change integer losses: that of one code on a few weights often does not.
///
/// Units    rate η, head_rate η_h: RMS step per weight, in codes; radius ε: codes.
/// Cost     2·queries + 1 forward passes per step; no state per weight, 4 bytes per row and column of the head.
/// Source   the split: ElasticZO-INT8 (arXiv 2501.04287), whose integer formulas we have not read; the integer loss: EGGROLL's trainer
///          (arXiv 2511.16652); the probes: ours.
/// Differs  losses are integers and the body moves by whole codes, but the products of the forward and the head's error are floats. Ties of
///          the losses make no step.
struct elastic_zo_int8 {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 2;
  double head_rate = 1;
  double radius = 4;
  double ratio = 1;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, sparse_rademacher{.ratio = ratio},
                          sign_of_coefficient{}, no_clip{}, stochastic{});
  }
  auto head() const { return zolt::policies(exact_head{}, sgd{.rate = head_rate}, factored_rms{}, stochastic{}); }
  friend bool operator==(const elastic_zo_int8&, const elastic_zo_int8&) = default;
};

}  // namespace zolt::inline v0::method
