#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/quantize/method/calibration_inputs.hpp"

// What the methods share that move a factor per input channel from the activations into the weights: x·wᵀ = (x / s)·(w·diag(s))ᵀ. The
// vector s is an ordinary list of floats, and an optimizer may train it like any other parameter.
namespace zolt::inline v0 {

/// Largest and mean magnitude per column of all inputs of a layer.
///
/// Units    inputs.
/// Shapes   inputs: rows × columns, in any number of batches.
/// Cost     one pass; 12 bytes per column.
/// Errors   no columns, rows of another length, a NaN or infinite input (with its index).
/// Source   Xiao et al. 2023 (arXiv 2211.10438) §4 (largest); Lin et al. 2024 (arXiv 2306.00978) §3.2 (mean).
class column_statistics {
 public:
  explicit column_statistics(std::size_t columns) : largest_(columns), sums_(columns) {
    if (columns == 0) fail("column_statistics", "columns", columns, "be at least 1");
  }

  void add(tensor_view<const float> inputs) {
    detail::check_inputs("column_statistics", inputs, columns());
    for (std::size_t r = 0; r < inputs.rows(); ++r)
      for (std::size_t j = 0; j < columns(); ++j) {
        const float magnitude = std::fabs(inputs(r, j));
        largest_[j] = std::max(largest_[j], magnitude);
        sums_[j] += double{magnitude};
      }
    rows_ += inputs.rows();
  }

  std::size_t columns() const { return largest_.size(); }
  std::size_t rows() const { return rows_; }
  std::span<const float> largest() const { return largest_; }
  /// 0 before the first input.
  std::vector<float> mean() const {
    std::vector<float> means(columns());
    for (std::size_t j = 0; j < columns() && rows_ != 0; ++j) means[j] = static_cast<float>(sums_[j] / static_cast<double>(rows_));
    return means;
  }

 private:
  std::vector<float> largest_;
  std::vector<double> sums_;
  std::size_t rows_ = 0;
};

namespace detail {
inline void check_factors(std::string_view subject, std::span<const float> s, std::size_t channels) {
  if (s.size() != channels) fail(subject, "factors", s.size(), "be " + to_text(channels) + ", one per channel");
  for (std::size_t j = 0; j < s.size(); ++j)
    if (!(s[j] > 0) || !exact::is_finite(s[j])) fail(subject, "factor " + to_text(j), s[j], "be positive and finite");
}
}  // namespace detail

/// w ← w·diag(s): the layer itself.
inline void multiply_columns(tensor_view<float> w, std::span<const float> s) {
  detail::check_factors("multiply_columns", s, w.columns());
  for (std::size_t r = 0; r < w.rows(); ++r)
    for (std::size_t j = 0; j < s.size(); ++j) w(r, j) *= s[j];
}

/// w ← w·diag(s)⁻¹: undoes multiply_columns up to rounding (exactly where s are powers of two); also x / s for activations.
inline void divide_columns(tensor_view<float> w, std::span<const float> s) {
  detail::check_factors("divide_columns", s, w.columns());
  for (std::size_t r = 0; r < w.rows(); ++r)
    for (std::size_t j = 0; j < s.size(); ++j) w(r, j) /= s[j];
}

/// Row j / s_j: the linear layer that makes the activations. Its bias goes through fold_into_vector.
inline void fold_into_rows(tensor_view<float> previous, std::span<const float> s) {
  detail::check_factors("fold_into_rows", s, previous.rows());
  for (std::size_t j = 0; j < s.size(); ++j)
    for (float& w : previous.row(j)) w /= s[j];
}

/// Entry j / s_j: the gain of the norm that makes the activations, and its bias or that of a linear layer.
inline void fold_into_vector(std::span<float> previous, std::span<const float> s) {
  detail::check_factors("fold_into_vector", s, previous.size());
  for (std::size_t j = 0; j < s.size(); ++j) previous[j] /= s[j];
}

/// A copy of w·diag(s).
inline tensor<float> with_columns_times(tensor_view<const float> w, std::span<const float> s) {
  tensor<float> result(w.shape());
  std::copy_n(w.data(), w.size(), result.data());
  multiply_columns(result, s);
  return result;
}

}  // namespace zolt::inline v0
