#pragma once

#include <cstddef>

#include "zolt/core/tensor.hpp"

/// What a transformer does between its products: functions of activations, and their derivatives. No weight is read here.
namespace language_model {

using activations = zolt::tensor_view<float>;
using known_activations = zolt::tensor_view<const float>;

/// Rows of activations are positions of one sequence after the other; a row holds one head after the other.
struct attention_heads {
  std::size_t heads = 1, key_heads = 1;  ///< the former a multiple of the latter, which neighbouring heads share
  std::size_t head_size = 1;             ///< even
  std::size_t positions = 1;             ///< of a sequence
  std::size_t prefix = 0;                ///< virtual positions before it, which every position sees: rows of keys and values alone

  /// Turns neighbouring pairs of every head by an angle that grows with the position, counted from the first virtual one, or back.
  void rotate(activations x, bool back = false) const;

  /// mixed(t) = Σ_s≤t softmax_s(q(t)·k(s)/√head_size) v(s), in every head. A backward knows no virtual positions.
  void mix(known_activations q, known_activations k, known_activations v, activations mixed) const;
  void mix_backward(known_activations q, known_activations k, known_activations v, known_activations error, activations q_error,
                    activations k_error, activations v_error) const;
};

/// gated = a / (1 + exp(−a)) ∘ b
void swish_gate(known_activations a, known_activations b, activations gated);
void swish_gate_backward(known_activations a, known_activations b, known_activations error, activations a_error, activations b_error);

/// y += x
void add(known_activations x, activations y);

}  // namespace language_model
