#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/estimator/node_direction.hpp"

namespace zolt::inline v0 {

/// Node perturbation from loss scalars: every layer's outputs move by ±σ r at once, and the two losses of an example credit them.
///
///   signal_l = (L(z + σ r) − L(z − σ r)) / (2 σ_l) · r_l,      r ±1 per example and output,   σ_l = noise · RMS(z_l)
///
/// The head's gradient is exact, as for exact_head. A layer's outputs are far fewer than its weights: that is what this gains over
/// perturbing weights, once per example of a batch.
///
/// Units    noise: fraction of the RMS of a layer's outputs. Losses of single examples.
/// Cost     1 forward and two from the first trained layer on; one outer product per trained layer. No state; inputs, outputs and
///          signals of the trained layers for one batch, and two batches of outputs.
/// Bias     O(σ²). Variance of a signal grows with the number of perturbed outputs of the whole network.
/// Source   Widrow & Lehr 1990 §VI (Madaline rule III); Werfel, Xie & Seung 2005 eq. 12 for one side.
/// Differs  both sides; outputs that do not respond (dead units) get 0 instead of noise.
struct node_perturbation {
  static constexpr std::string_view name = "node_perturbation";
  static constexpr purity_class purity = purity_class::p2;
  static constexpr activation_slope slope = activation_slope::measured;
  static constexpr bool reads_losses = true;
  double noise = 0.05;
  struct state {};

  template <class Field>
  void fields(Field&& field) const {
    field("noise", noise, bound::fraction);
  }
  std::size_t rounds(std::size_t) const { return 1; }
  node_round round(std::size_t, std::size_t hidden) const { return {0, hidden - 1, 2}; }
  void displace(const direction_key& key, const layer_trace& layer, const node_round&, std::uint32_t copy, tensor_view<float> out) const {
    const float length = node_direction::length_in(noise, layer);
    node_direction::independent(key, layer.number, 0, copy == 0 ? length : -length, out);
  }
  void observe(state&, const direction_key& key, const network_trace& trace, const node_responses& responses) const {
    const std::size_t examples = trace.examples();
    for (const layer_trace& layer : trace.hidden) {
      const float length = node_direction::length_in(noise, layer);
      if (length == 0) continue;
      node_direction::independent(key, layer.number, 0, 1, layer.signal);
      for (std::size_t b = 0; b < examples; ++b) {
        const auto derivative = static_cast<float>((responses.losses[b] - responses.losses[examples + b]) / (2.0 * length));
        for (std::size_t i = 0; i < layer.outputs; ++i)
          layer.signal(b, i) *= node_direction::responds(layer, b * layer.outputs + i) ? derivative : 0.0f;
      }
    }
  }
  void signals(state&, const direction_key&, const network_trace&) const {}
  friend bool operator==(const node_perturbation&, const node_perturbation&) = default;
};

/// Node perturbation with many orthogonal directions per layer, each a forward from that layer on, and the whole response of the outputs
/// instead of one loss.
///
///   signal_l = 1/(K σ_l) Σ_k (e · (o_k − o)) r_k,      r_k = row k of a Hadamard matrix times a random sign per example and output
///
/// What lies below the layer is not computed again, so that a probe costs the rest of the network alone. The response is weighed by the
/// error e instead of taking the loss of o_k: the curvature of the loss is no noise then.
///
/// Units    noise: fraction of the RMS of a layer's outputs.
/// Cost     1 forward, `copies` from every hidden layer but the last, `last_copies` from that one; one outer product per trained layer. No
///          state; inputs, outputs and signals of the trained layers for one batch, and as many batches as a round has copies.
/// Bias     that of the network between the layer and the outputs, O(σ). None for a linear one.
/// Source   node perturbation as above; orthogonal directions as in structured evolution strategies, Choromanski et al. 2018 §3.
struct orthogonal_node_perturbation {
  static constexpr std::string_view name = "orthogonal_node_perturbation";
  static constexpr purity_class purity = purity_class::p2;
  static constexpr activation_slope slope = activation_slope::measured;
  std::uint32_t copies = 8;
  std::uint32_t last_copies = 32;
  double noise = 0.05;
  struct state {
    std::vector<float> credit;  ///< of one example, by copy
    std::size_t working_bytes() const { return credit.capacity() * sizeof(float); }
  };

  template <class Field>
  void fields(Field&& field) const {
    field("copies", copies, bound::at_least_one);
    field("last_copies", last_copies, bound::at_least_one);
    field("noise", noise, bound::fraction);
  }
  std::size_t rounds(std::size_t hidden) const { return hidden; }
  node_round round(std::size_t r, std::size_t hidden) const { return {r, r, r + 1 == hidden ? last_copies : copies}; }
  void displace(const direction_key& key, const layer_trace& layer, const node_round&, std::uint32_t copy, tensor_view<float> out) const {
    node_direction::orthogonal(key, layer.number, copy, node_direction::length_in(noise, layer), out);
  }
  void observe(state& s, direction_key key, const network_trace& trace, const node_responses& responses) const {
    const layer_trace& layer = trace.hidden[responses.round.first];
    const float length = node_direction::length_in(noise, layer);
    if (length == 0) return;
    const std::size_t examples = trace.examples();
    const float share = 1 / (static_cast<float>(responses.round.count) * length);
    node_direction::independent(key, layer.number, 0, share, layer.signal);  // the signs that all copies of an example have in common
    s.credit.resize(std::bit_ceil(responses.round.count));
    for (std::size_t b = 0; b < examples; ++b) {
      std::fill(s.credit.begin(), s.credit.end(), 0.0f);
      for (std::size_t k = 0; k < responses.round.count; ++k) {
        const std::span<const float> change = responses.outputs.row(k * examples + b), error = trace.error.row(b);
        for (std::size_t c = 0; c < error.size(); ++c) s.credit[k] += error[c] * change[c];
      }
      node_direction::hadamard_transform(s.credit);
      for (std::size_t i = 0; i < layer.outputs; ++i)
        layer.signal(b, i) *= node_direction::responds(layer, b * layer.outputs + i) ? s.credit[i % s.credit.size()] : 0.0f;
    }
  }
  void signals(state&, const direction_key&, const network_trace&) const {}
  friend bool operator==(const orthogonal_node_perturbation&, const orthogonal_node_perturbation&) = default;
};

}  // namespace zolt::inline v0
