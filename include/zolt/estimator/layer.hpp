#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/tensor.hpp"
#include "zolt/estimator/purity.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// Where dh/dz comes from, for the activation h = φ(z) that lies between a layer and the next one.
///   measured    (φ(z') − φ(z)) / (z' − z) of the estimator's own probes, kept within ±2: any activation that works element by element and is no
///               steeper than that
///   rectifier   1 where the next layer read something positive: ReLU; needs no probe
///   one         no activation is assumed: for layers whose output goes elsewhere than through an activation into the next layer
enum class activation_slope : std::uint8_t { measured, rectifier, one };

/// Behind the name of an estimator; nothing for the usual one.
constexpr std::string_view text_of(activation_slope s) {
  return s == activation_slope::rectifier ? "<rectifier>" : s == activation_slope::one ? "<one>" : "";
}

/// A trained layer below the head, as one forward pass of a batch saw it.
struct layer_trace {
  std::size_t number = 0;          ///< of its call in the forward: the name of its random streams
  std::size_t outputs = 0;         ///< width of z = W x
  double output_rms = 0;           ///< of z, over the batch; 0 for an estimator without probes
  tensor_view<const float> slope;  ///< dh/dz of the activation h that the next layer read, rows × outputs; empty where none was found
  tensor_view<float> signal;       ///< for the estimator to write: ∂L/∂z of every example, rows × outputs; zero at first
};

/// The trained layers of one forward pass.
struct network_trace {
  std::span<const layer_trace> hidden;    ///< in order of their calls; the head is not among them
  tensor_view<const float> error;         ///< ∂L/∂outputs of every example; 0 in the rows of lost ones
  tensor_view<const float> stream_error;  ///< ∂L/∂(input of the head), through what lies between: for estimators that read it

  std::span<const std::uint8_t> lost;  ///< of every example, not 0 for one without part in the step; empty if there is none

  std::size_t examples() const { return error.rows(); }
  bool is_lost(std::size_t example) const { return !lost.empty() && lost[example] != 0; }
};

/// One forward that starts in the middle: `count` copies of the batch, in which hidden layers first … last are displaced. The outputs of
/// layers before them are those of the clean forward.
struct node_round {
  std::size_t first = 0, last = 0;
  std::uint32_t count = 1;
};

/// What a round of node probes gave, one block of rows per copy of the batch.
struct node_responses {
  node_round round;
  tensor_view<const float> outputs;  ///< change of the network's outputs; 0 in the rows of lost examples
  std::span<const double> losses;    ///< change of the loss of every example: for estimators that read losses
};

/// Turns what layers saw into signals: ∂L/∂z of every trained layer and example. The estimate of a weight is then an outer product,
/// ĝ = signalᵀ · input / examples, that is formed tile by tile and never stored.
///
/// Units    loss per unit of z.
/// Source   the split of a gradient into what a layer receives and what it is told, Rumelhart et al. 1986; here what it is told is
///          measured, learned or broadcast, never backpropagated.
///
/// What the compiler cannot check: signals(state, key, trace) writes the signal of every hidden layer as a function of its arguments alone;
/// a state is everything that an estimator remembers from step to step.
template <class E>
concept layer_estimator = std::copyable<E> &&
    requires(const E& e, typename E::state& state, const direction_key& key, const network_trace& trace) {
  { E::purity } -> std::convertible_to<purity_class>;
  e.signals(state, key, trace);
};

/// A layer estimator that displaces outputs of layers and watches what comes of it.
///
/// What the compiler cannot check: displace(key, layer, round, copy, out) writes the displacement of a layer's outputs, a pure function;
/// observe is called once per round, in order, before signals.
template <class E>
concept probing_layer_estimator = layer_estimator<E> &&
    requires(const E& e, typename E::state& state, const direction_key& key, const network_trace& trace, const layer_trace& layer,
             const node_responses& responses, tensor_view<float> out) {
  { e.rounds(std::size_t{}) } -> std::convertible_to<std::size_t>;
  { e.round(std::size_t{}, std::size_t{}) } -> std::same_as<node_round>;
  e.displace(key, layer, node_round{}, std::uint32_t{}, out);
  e.observe(state, key, trace, responses);
};

}  // namespace zolt::inline v0
