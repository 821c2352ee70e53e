#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// SensZOQ: two-point descent on a static set of sensitive weights, which are floats; all others are frozen in few bits.
///
///   S = the weights with the largest Σ (∂L/∂w)² over calibration batches, once and for all
///   g = (L(θ + ε z_S) − L(θ − ε z_S))/2ε,   θ_S ← θ_S − η g z_S,   z_S ~ N(0, I)
///
/// The set is chosen by most_sensitive, the weights are a sensitive_overlay, and its values are the parameter:
///
///   const auto frozen = quantize<int4, per_group<32>>("w", weights);
///   sensitive_overlay w("w", frozen, weights, most_sensitive(scores, 0.001));
///   optimizer opt{parameters(parameter("w", w.values())), method::senszoq{.rate = 1e-4}};
///
/// Defaults  a thousandth of the weights, as in the paper; radius and rate of MeZO: far fewer weights bear a larger rate.
///
/// Units    radius: RMS displacement of the sensitive weights in parameter units; rate: parameter units² per loss.
/// Cost     2·queries forward passes per step; no state. The overlay has 8 bytes per sensitive weight, 0.008 per weight at a thousandth.
/// Source   SensZOQ (Guo et al. 2025, arXiv 2406.02913).
/// Differs  scores are the caller's; the paper takes them from gradients on text of the kind that the model was trained on.
struct senszoq {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
