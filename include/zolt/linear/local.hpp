#pragma once

#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/layer_signals.hpp"
#include "zolt/optimizer/transposed_product.hpp"

namespace zolt::inline v0 {

/// A part of a network with a forward of its own: a normalisation, a block of a transformer.
///
/// What the compiler cannot check: y is a function of x, the weights and nothing else, and rows of y are rows of x (a row may depend on
/// others, as in attention).
template <class L>
concept local_layer = requires(const L& layer, const probe_view& probes, tensor_view<const float> x, tensor_view<float> y) {
  layer.forward(probes, x, y);
};

/// A part that can also say, from its input and ∂L/∂y, what ∂L/∂x is and what its own layers' signals are. What it needs of the forward it
/// computes again: nothing is kept but x.
///
/// What the compiler cannot check: backward is the derivative of forward; every trained weight of the part is given to `signals` once.
template <class L>
concept local_layer_with_backward = local_layer<L> && requires(const L& layer, tensor_view<const float> x, tensor_view<const float> error,
                                                               tensor_view<float> input_error, layer_signals& signals) {
  layer.backward(x, error, input_error, signals);
};

/// y = layer(x), as a part that an estimator may ask for its backward: block_backward every part, identity_broadcast the normalisation
/// before the head alone. For all others it is layer.forward(probes, x, y).
///
/// Shapes   x, y: rows × width.
/// Cost     that of forward. A part that offers a backward must live until the step ends.
template <class L>
void local(const probe_view& probes, const L& layer, tensor_view<const float> x, tensor_view<float> y) {
  static_assert(local_layer<L>, "zolt: a local layer needs forward(probes, x, y) const (see zolt::local_layer)");
  if constexpr (local_layer_with_backward<L>) {
    if (layer_observer* const observer = probes.observer()) {
      const local_call call{
          &layer, [](const void* object, tensor_view<const float> input, tensor_view<const float> error, tensor_view<float> input_error,
                     layer_signals& signals) { static_cast<const L*>(object)->backward(input, error, input_error, signals); }};
      observer->enter_local(call, x);
      layer.forward(probes, x, y);
      observer->leave_local(call, y);
      return;
    }
  }
  layer.forward(probes, x, y);
}

/// dx = dy w, with the weights as they are: the transposed product that a part's backward is made of.
///
/// Shapes   w: outputs × inputs; dy: rows × outputs; dx: rows × inputs.
/// Cost     2 · rows · outputs · inputs operations; one decode of w; per thread a tile of 64 KiB or one row of w, and a buffer as large as dx.
/// Errors   shapes that do not fit.
template <class Weights>
void linear_transposed(const Weights& w, tensor_view<const float> dy, tensor_view<float> dx) {
  static_assert(weight_matrix<Weights>, "zolt: a linear layer reads weights that have a shape() (see zolt::weight_matrix)");
  const shape s = w.shape();
  if (s.size() == 0) fail("linear_transposed", "shape of the weight", s.text(), "have at least one element");
  if (dy.columns() != s.rows)
    fail("linear_transposed", "columns of dy", dy.columns(), "be " + to_text(s.rows) + ", the outputs of the weight");
  if (const shape wanted{dy.rows(), s.columns}; dx.shape() != wanted)
    fail("linear_transposed", "shape of dx", dx.shape().text(), "be " + wanted.text());
  detail::multiply_transposed([&w](std::size_t first, std::span<float> out) { probe_view{}.read(w, first, out); }, s, dy, dx);
}

}  // namespace zolt::inline v0
