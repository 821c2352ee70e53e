#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "zolt/estimator/feedback.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/estimator/node_direction.hpp"

namespace zolt::inline v0 {

/// Direct feedback alignment: every layer is told the error of the outputs through a fixed random matrix, which is a function of the run's
/// key and stored nowhere.
///
///   signal_l = φ'(z_l) ∘ (e R_l),      R_l: ±1, classes × outputs of the layer
///
/// Layers learn to agree with the feedback they get. Here for comparison: feedback that is learned (learned_feedback) is better everywhere.
///
/// Units    those of R: a rule that is not normalised per layer would need its scale.
/// Cost     1 forward; one outer product per trained layer. No state; inputs, slopes and signals of the trained layers for one batch.
/// Bias     any: the signal is no estimate of a gradient, it becomes aligned to one.
/// Source   Nøkland 2016 (arXiv 1609.01596) eq. 7.
/// Differs  ±1 instead of uniform entries; φ' is that of a rectifier, which needs no probe.
struct direct_feedback {
  static constexpr std::string_view name = "direct_feedback";
  static constexpr purity_class purity = purity_class::p2;
  static constexpr activation_slope slope = activation_slope::rectifier;
  struct state {
    std::vector<float> feedback;  ///< of the layer at hand
    std::size_t working_bytes() const { return feedback.capacity() * sizeof(float); }
  };

  void signals(state& s, const direction_key& key, const network_trace& trace) const {
    for (const layer_trace& layer : trace.hidden) {
      s.feedback.resize(trace.error.columns() * layer.outputs);
      node_direction::for_each_sign({key.run, 0, 0}, layer.number, stream::feedback, s.feedback.size(),
                                    [&s](std::size_t i, float sign) { s.feedback[i] = sign; });
      detail::tell_error(trace, s.feedback.data(), layer);
    }
  }
  friend bool operator==(const direct_feedback&, const direct_feedback&) = default;
};

}  // namespace zolt::inline v0
