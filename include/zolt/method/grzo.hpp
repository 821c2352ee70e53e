#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/direction/per_example.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// GRZO: a direction of its own for every example of the batch, two batched forward passes for all of them.
///
///   Δ_i = U ∘ (r_i s_iᵀ),   δ_i = (ℓ_i(W + ε Δ_i) − ℓ_i(W − ε Δ_i))/2,   a_i = δ_i / std(δ),
///   ĝ = U ∘ (Rᵀ diag(a) S) / B,   W ← W − η ĝ
///
/// The loss of probe k is that of example probes[k].key.query alone (see zolt::per_example). An example whose loss is not finite drops out,
/// the deviation is that of the others.
///
/// Units    rate η: parameter units, whatever the losses; radius ε: RMS displacement.
/// Cost     2 batched forward passes per step, each with one more product; no state.
/// Source   GRZO (arXiv 2606.02857); rate, radius and batch of its released runs. The same directions as Flipout (Wen et al. 2018).
/// Differs  its ĝ has a factor 1/2ε that the deviation took out of the losses: η here is that of the paper over 2ε. No constant is added to
///          the deviation: where it is 0, as with one example, there is no step.
struct grzo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 5e-5;
  double radius = 1e-3;
  std::uint32_t examples = 16;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = examples}, sgd{.rate = rate}, per_example<gaussian>{}, loss_deviation{},
                          no_clip{});
  }
};

/// Per-example directions on codes without any state: one-code probes on a fraction of the weights that follows the step.
///
///   ρ = ratio·(η/ε)² of the weights are ±1 in U;   a_i ← clip(δ_i/rms(δ)),   W ← W + SR(−η/√(ρB) · U ∘ (Rᵀ diag(a) S))
///
/// All examples of a step share the touched weights; their updates add up before they are rounded once.
///
/// Units    rate η: RMS step per weight in codes; radius ε: codes.
/// Cost     2 batched forward passes per step; no state.
/// Source   ours: GRZO's directions under the step-matched recipe.
struct per_example_step_matched {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 0.1;
  double radius = 1;
  double ratio = 1;
  std::uint32_t examples = 128;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = examples}, sgd{.rate = rate},
                          per_example<sparse_rademacher>{{.ratio = ratio}}, running_rms{}, clip{}, stochastic{});
  }
};

/// The same with error feedback of `Bits` bits.
///
/// Units    as per_example_step_matched.
/// Cost     2 batched forward passes per step; Bits/8 bytes of state per coded weight (residual).
/// Source   ours, as above.
template <int Bits>
struct per_example_residual {
  static constexpr double state_bytes_per_weight = residual_field<Bits>::width / 8.0;
  double rate = 0.1;
  double radius = 1;
  double ratio = 4;
  std::uint32_t examples = 128;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = examples}, sgd{.rate = rate},
                          per_example<sparse_rademacher>{{.ratio = ratio}}, running_rms{}, clip{}, residual<Bits>{});
  }
};

}  // namespace zolt::inline v0::method
