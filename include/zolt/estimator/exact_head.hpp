#pragma once

#include <string_view>

#include "zolt/estimator/layer.hpp"

namespace zolt::inline v0 {

/// The exact gradient of the last layer, and nothing else: its error is known at the outputs, where no product with weights lies between.
///
///   ĝ_head = eᵀ h / B,      e = ∂L/∂outputs,   h = input of the last layer
///
/// For parameters that are the last layer's weights and bias. With everything below frozen, a caller may keep h per example and give a
/// forward of the last layer alone.
///
/// Units    loss per unit of the weight.
/// Cost     1 forward; one outer product of the head. No state; h of the batch.
/// Source   the delta rule, Widrow & Hoff 1960.
struct exact_head {
  static constexpr std::string_view name = "exact_head";
  static constexpr purity_class purity = purity_class::p1;
  static constexpr bool head_only = true;
  struct state {};

  void signals(state&, const direction_key&, const network_trace&) const {}
  friend bool operator==(const exact_head&, const exact_head&) = default;
};

}  // namespace zolt::inline v0
