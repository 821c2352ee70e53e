#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "zolt/estimator/layer.hpp"

namespace zolt::inline v0 {

namespace detail {

/// The error of the residual stream at the head, told to every trained layer that adds to the stream.
struct broadcast_of_stream_error {
  static constexpr bool reads_stream = true;
  static constexpr activation_slope slope = activation_slope::one;
  struct state {};

  friend bool operator==(const broadcast_of_stream_error&, const broadcast_of_stream_error&) = default;
  void signals(state&, const direction_key&, const network_trace& trace) const {
    for (const layer_trace& layer : trace.hidden) std::copy_n(trace.stream_error.data(), layer.signal.size(), layer.signal.data());
  }
};

}  // namespace detail

/// For residual networks: what the head wants the residual stream to be is told to every trained layer that adds to the stream.
///
///   signal_l = ∂L/∂x_final = Jᵀ Wᵀ e,      W: head,   J: Jacobian of what lies between the stream and the head (a normalisation)
///
/// In x_{l+1} = x_l + f_l(x_l) the true error of the stream at layer l is ∂L/∂x_final · (I + …): its leading term needs no product at all. Its
/// cosine to the truth falls from block to block, so train the top half and leave the rest out of the parameters: a layer with a poor signal
/// takes full-size normalised steps too.
///
/// For parameters of the head and of layers whose output is as wide as the head's input (the output projections of attention and of the
/// feed-forward part). A normalisation before the head is seen if it is called through zolt::local; otherwise J is the identity.
///
/// Units    loss per unit of the stream.
/// Cost     1 forward; one product with the head transposed, one outer product per trained layer. No state, no probe; inputs of the trained
///          layers and two errors of the stream for one batch.
/// Bias     every term of the chain through the blocks above, O(their Jacobians).
/// Source   broadcasting an error without transport as in Nøkland 2016 (arXiv 1609.01596), with the identity where it has random matrices.
struct identity_broadcast : detail::broadcast_of_stream_error {
  static constexpr std::string_view name = "identity_broadcast";
  static constexpr purity_class purity = purity_class::p2;
  friend bool operator==(const identity_broadcast&, const identity_broadcast&) = default;
};

/// The same between blocks, and an ordinary backward inside each block that offers one.
///
/// A block called through zolt::local whose type has a `backward` gets the error of the stream at its output and gives the signals of its
/// own layers; nothing passes from block to block. Layers outside such blocks are told the error of the stream as by identity_broadcast.
///
/// Units    loss per unit of the stream.
/// Cost     as identity_broadcast, and what the blocks' backward costs: a block that keeps nothing recomputes its forward from its input. The
///          inputs of the blocks, and inputs and signals of their trained layers, for one batch.
/// Bias     as identity_broadcast at the output of a block, none inside it.
/// Source   local credit inside, none between: Nøkland & Eidnes 2019 (arXiv 1901.06656) with a broadcast error instead of local losses.
struct block_backward : detail::broadcast_of_stream_error {
  static constexpr std::string_view name = "block_backward";
  static constexpr purity_class purity = purity_class::p3;
  static constexpr bool calls_backward = true;
  friend bool operator==(const block_backward&, const block_backward&) = default;
};

}  // namespace zolt::inline v0
