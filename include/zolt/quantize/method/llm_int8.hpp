#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

namespace zolt::inline v0 {

/// Which activations are outliers.
///
/// Units    threshold: activations.
/// Source   Dettmers et al. 2022 (LLM.int8(), arXiv 2208.07339) §3.2: 6.
struct llm_int8_options {
  static constexpr std::string_view name = "llm_int8";
  double threshold = 6.0;

  template <class Field>
  void fields(Field&& field) const {
    field("threshold", threshold, bound::positive);
  }
};

struct llm_int8_report {
  std::size_t outlier_columns = 0;  ///< inputs that were multiplied as floats
};

namespace detail {

/// Σ a_i·b_i exactly: a block of 2¹⁶ products of bytes does not leave 32 bits.
inline std::int64_t integer_product(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  constexpr std::size_t block = std::size_t{1} << 16;
  std::int64_t total = 0;
  for (std::size_t first = 0; first < count; first += block) {
    const std::size_t some = std::min(block, count - first);
    std::int32_t sum = 0;
    for (std::size_t i = first; i < first + some; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
    total += sum;
  }
  return total;
}

/// Columns in which |x| ≥ threshold somewhere. NaN is, so that it reaches the outputs.
inline std::vector<std::size_t> outlier_columns(tensor_view<const float> x, float threshold) {
  const auto least = std::bit_cast<std::uint32_t>(threshold);
  std::vector<bool> outlier(x.columns());
  for (std::size_t i = 0; i < x.size(); ++i)
    if ((std::bit_cast<std::uint32_t>(x.data()[i]) & 0x7fffffff) >= least) outlier[i % x.columns()] = true;
  std::vector<std::size_t> columns;
  for (std::size_t j = 0; j < outlier.size(); ++j)
    if (outlier[j]) columns.push_back(j);
  return columns;
}

}  // namespace detail

/// y = x ŵᵀ with 8-bit activations: columns of x that hold an outlier are multiplied as floats, the others as integers.
///
///   O = {j : |x_ij| ≥ threshold for some i},   t_i = max{|x_ij| : |x_ij| < threshold} / 127
///   y_ik = t_i·s_k · Σ_{j∉O} round(x_ij / t_i)·code_kj + Σ_{j∈O} x_ij·code_kj·s_k
///
/// As in the source, entries below the threshold count for t_i even where their column is an outlier. Nothing is calibrated. y has the
/// same bits on every machine.
///
/// Units    y: inputs times weights.
/// Shapes   w: outputs × inputs; x: rows × inputs; y: rows × outputs.
/// Cost     rows·outputs·inputs integer products and rows·outputs·|O| of floats; inputs·(rows + 1) bytes.
/// Errors   shapes that do not fit, a threshold out of bounds.
/// Source   Dettmers et al. 2022 (arXiv 2208.07339) eq. 8 and §3; bitsandbytes backends/default/ops.py.
/// Differs  t_i·s_k is the product of the two scales, where bitsandbytes multiplies maxima by a 1/127² of 7 digits; outliers
///          and the last sum are float and double instead of half. NaN and infinite inputs make their column an outlier and reach y.
template <class Byte, class Grids>
llm_int8_report llm_int8_linear(const coded_view<int8, per_channel, Byte, Grids>& w, tensor_view<const float> x, tensor_view<float> y,
                                const llm_int8_options& options = {}) {
  std::vector<problem> problems;
  check_fields(options, problems);
  if (!problems.empty()) throw error(std::move(problems));
  const shape s = w.shape();
  if (x.columns() != s.columns)
    fail("llm_int8_linear", "columns of x", x.columns(), "be " + to_text(s.columns) + ", the inputs of the weight");
  if (y.shape() != shape{x.rows(), s.rows}) fail("llm_int8_linear", "shape of y", y.shape().text(), "be " + shape{x.rows(), s.rows}.text());

  const auto threshold = static_cast<float>(options.threshold);
  const std::vector<std::size_t> outliers = detail::outlier_columns(x, threshold);
  std::vector<std::int8_t> codes(x.size()), weights(s.columns);
  std::vector<float> scales(x.rows());
  for (std::size_t r = 0; r < x.rows(); ++r) {
    float largest = 0;
    for (const float v : x.row(r))
      if (const float magnitude = std::fabs(v); magnitude < threshold) largest = std::max(largest, magnitude);
    scales[r] = largest / 127;
    std::int8_t* const row = codes.data() + r * s.columns;
    for (std::size_t j = 0; j < s.columns && scales[r] > 0; ++j)
      row[j] = static_cast<std::int8_t>(encode<int8>(x(r, j) / scales[r], nearest_even{}).ordinal);
    for (const std::size_t j : outliers) row[j] = 0;
  }
  for (std::size_t k = 0; k < s.rows; ++k) {
    const double scale = w.scale(k * s.columns);
    for (std::size_t j = 0; j < s.columns; ++j) weights[j] = static_cast<std::int8_t>(int8::ordinal_of(w.code(k * s.columns + j)));
    for (std::size_t r = 0; r < x.rows(); ++r) {
      const std::int64_t whole = detail::integer_product(codes.data() + r * s.columns, weights.data(), s.columns);
      double outlier_sum = 0;
      for (const std::size_t j : outliers) outlier_sum += double{x(r, j)} * weights[j];
      y(r, k) = static_cast<float>(scale * (exact::product(double{scales[r]}, static_cast<double>(whole)) + outlier_sum));
    }
  }
  return {outliers.size()};
}

template <class Scales>
llm_int8_report llm_int8_linear(const quantized_tensor<int8, per_channel, Scales>& w, tensor_view<const float> x, tensor_view<float> y,
                                const llm_int8_options& options = {}) {
  return llm_int8_linear(w.view(), x, y, options);
}

}  // namespace zolt::inline v0
