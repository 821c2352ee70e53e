#pragma once

#include <cstddef>

#include "forward.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/linear/local.hpp"

namespace fashion_mnist {

/// Backpropagation, as an estimator of one's own: the error of the outputs comes down through every layer's transposed weights. It is no
/// forward-only method and has no place in the library; here it is what learned signals are measured against, under the same normaliser and
/// write-back.
template <class Weights>
struct chained_error {
  static constexpr zolt::purity_class purity = zolt::purity_class::p3;  // the last one, and beyond it
  static constexpr zolt::activation_slope slope = zolt::activation_slope::rectifier;
  const network<Weights>* net = nullptr;
  struct state {};

  void signals(state&, const zolt::direction_key&, const zolt::network_trace& trace) const {
    zolt::tensor_view<const float> above = trace.error;
    for (std::size_t l = trace.hidden.size(); l-- > 0; above = trace.hidden[l].signal) {
      const zolt::layer_trace& layer = trace.hidden[l];
      zolt::linear_transposed(net->weights[l + 1], above, layer.signal);
      for (std::size_t i = 0; i < layer.signal.size(); ++i) layer.signal.data()[i] *= layer.slope.data()[i];
    }
  }
};

}  // namespace fashion_mnist
