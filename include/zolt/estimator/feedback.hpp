#pragma once

#include <cstddef>

#include "zolt/estimator/layer.hpp"
#include "zolt/kernel/outer.hpp"

namespace zolt::inline v0::detail {

/// signal = slope ∘ (error · feedback): an error at the outputs told to a layer. Feedback: classes × outputs of the layer.
inline void tell_error(const network_trace& trace, const float* feedback, const layer_trace& layer) {
  const std::size_t classes = trace.error.columns();
  kernel::sum_outer_products({trace.error.data(), 1, classes}, feedback, layer.outputs, classes, trace.examples(), layer.outputs,
                             layer.signal.data(), layer.outputs);
  if (layer.slope.data() != nullptr)
    for (std::size_t i = 0; i < layer.signal.size(); ++i) layer.signal.data()[i] *= layer.slope.data()[i];
}

}  // namespace zolt::inline v0::detail
