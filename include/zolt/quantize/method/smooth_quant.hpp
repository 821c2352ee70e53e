#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/quantize/method/column_scaling.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::inline v0 {

/// Moves outliers of the activations into the weights that read them.
///
///   s_j = max|X_j|^α / max_k |W_kj|^(1 − α),   both the maximum over W and s at least 10⁻⁵
///
/// `weights` are all that share the input (queries, keys and values; gate and up), and all are multiplied by the same s; 1/s goes into what
/// makes the input (fold_into_vector, fold_into_rows).
///
/// Units    α: 0 leaves the activations as they are, 1 makes all their columns alike. s: activations^α · weights^(α − 1).
/// Shapes   activation_max: one per input; weights: outputs × inputs; s: one per input.
/// Cost     one pass over the weights.
/// Errors   α outside [0, 1]; no weights, or weights of other inputs; a maximum that is negative or not finite; a weight that is no number.
/// Source   Xiao et al. 2023 (SmoothQuant, arXiv 2211.10438) eq. 4; the bounds 10⁻⁵ as in its code.
inline std::vector<float> smoothing_vector(std::span<const float> activation_max, const std::vector<tensor_view<const float>>& weights,
                                           double alpha = 0.5) {
  constexpr std::string_view subject = "smoothing_vector";
  if (!(alpha >= 0 && alpha <= 1)) fail(subject, "alpha", alpha, "be at least 0 and at most 1");
  if (weights.empty()) fail(subject, "weights", "0", "be at least 1");
  std::vector<float> largest(activation_max.size());
  for (const tensor_view<const float>& w : weights) {
    const std::string which = "smoothing_vector: weights " + to_text(&w - weights.data());
    if (w.columns() != largest.size()) fail(which, "columns", w.columns(), "be " + to_text(largest.size()) + ", as activation_max");
    detail::check_finite(which, w);
    for (std::size_t i = 0; i < w.size(); ++i) {
      float& column = largest[i % largest.size()];
      column = std::max(column, std::fabs(w.data()[i]));
    }
  }
  std::vector<float> s(largest.size());
  for (std::size_t j = 0; j < s.size(); ++j) {
    if (!(activation_max[j] >= 0) || !exact::is_finite(activation_max[j]))
      fail(subject, "activation_max " + to_text(j), activation_max[j], "be finite and not negative");
    const double from_weights = std::pow(std::max(double{largest[j]}, 1e-5), 1 - alpha);
    s[j] = static_cast<float>(std::max(std::pow(double{activation_max[j]}, alpha) / from_weights, 1e-5));
  }
  return s;
}

/// Weights that share an input, quantized after smoothing.
///
/// Units    smoothing: see smoothing_vector.
/// Source   see smoothing_vector.
template <class Tensor>
struct smoothed {
  std::vector<float> smoothing;  ///< the inputs are to be divided by it
  std::vector<Tensor> weights;   ///< of w·diag(smoothing), as they were given
};

/// Format × granularity × range policy of weights that were smoothed first. See smoothing_vector for α.
///
/// Units    weights as given, times the smoothing vector.
/// Cost     a float copy of one weight, and what the quantizer says.
/// Errors   those of smoothing_vector and of the quantizer.
/// Source   Xiao et al. 2023 (arXiv 2211.10438) §4.
template <number_format Format, granularity Granularity = per_channel, class Range = absmax, class Scales = default_scales<Format>>
struct smooth_quant {
  double alpha = 0.5;
  Range range{};

  smoothed<quantized_tensor<Format, Granularity, Scales>> operator()(std::string_view name, std::span<const float> activation_max,
                                                                     const std::vector<tensor_view<const float>>& weights) const {
    smoothed<quantized_tensor<Format, Granularity, Scales>> result{smoothing_vector(activation_max, weights, alpha), {}};
    const quantizer<Format, Granularity, Range, nearest_even, Scales> quantize_one{.range = range};
    for (const tensor_view<const float>& w : weights) result.weights.push_back(quantize_one(name, with_columns_times(w, result.smoothing)));
    return result;
  }
};

}  // namespace zolt::inline v0
