#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "zolt/quantize/method/calibration_inputs.hpp"
#include "zolt/quantize/method/row_sums.hpp"

namespace zolt::inline v0 {

/// How the squared error of a linear layer's output bends with its weights, from the inputs x of the layer.
///
///   H = (2/N) Σ x xᵀ,   the same for every output
///
/// Inputs are added in batches; how they are cut into batches does not change a bit of H.
///
/// Units    inputs squared.
/// Shapes   inputs: N rows × columns; H: columns × columns.
/// Cost     columns²/2 multiplications per row; 8·columns² bytes.
/// Errors   no columns, rows of another length, a NaN or infinite input (with its index).
/// Source   Frantar et al. 2023 (GPTQ, arXiv 2210.17323) eq. 1 and §3.
/// Differs  sums of exact products in double instead of a running mean in float.
class input_hessian {
 public:
  explicit input_hessian(std::size_t columns) : columns_(columns), sums_(columns * columns) {
    if (columns == 0) fail("input_hessian", "columns", columns, "be at least 1");
  }

  void add(tensor_view<const float> inputs) {
    detail::check_inputs("input_hessian", inputs, columns_);
    std::vector<double> rows, factors;
    for (std::size_t first = 0; first < inputs.rows(); first += detail::panel_rows) {
      const std::size_t count = std::min(detail::panel_rows, inputs.rows() - first);
      rows.assign(inputs.data() + first * columns_, inputs.data() + (first + count) * columns_);
      factors.resize(rows.size());
      for (std::size_t t = 0; t < count; ++t)
        for (std::size_t i = 0; i < columns_; ++i) factors[i * count + t] = -rows[t * columns_ + i];
      detail::for_each_panel(0, columns_, [&](std::size_t from, std::size_t to) {
        for (std::size_t i = 0; i < to; ++i) {
          const std::size_t start = std::max(i, from);
          detail::subtract_rows(&sums_[i * columns_ + start], to - start, std::span<const double>(factors).subspan(i * count, count),
                                &rows[start], columns_);
        }
      });
    }
    rows_ += inputs.rows();
  }

  std::size_t columns() const { return columns_; }
  /// Inputs so far: N.
  std::size_t rows() const { return rows_; }
  /// Element (i, j) of H; 0 before the first input.
  double operator()(std::size_t i, std::size_t j) const {
    const double sum = sums_[std::min(i, j) * columns_ + std::max(i, j)];
    return rows_ == 0 ? 0 : sum * (2 / static_cast<double>(rows_));
  }

 private:
  std::size_t columns_;
  std::size_t rows_ = 0;
  std::vector<double> sums_;  // of xᵢxⱼ for i ≤ j
};

/// tr((W − Ŵ) H (W − Ŵ)ᵀ): twice the squared error that replacing W by Ŵ makes in the outputs of a layer, per input.
///
/// Units    outputs squared.
/// Shapes   both weights: outputs × inputs.
/// Cost     outputs · inputs²/2 multiplications.
/// Errors   shapes that do not fit.
/// Source   Frantar et al. 2023 (arXiv 2210.17323) eq. 1.
inline double proxy_loss(tensor_view<const float> weights, tensor_view<const float> replaced, const input_hessian& hessian) {
  if (replaced.shape() != weights.shape())
    fail("proxy_loss", "shape of the replaced weights", replaced.shape().text(), "be " + weights.shape().text());
  const std::size_t n = hessian.columns();
  if (weights.columns() != n)
    fail("proxy_loss", "columns of the weights", weights.columns(), "be " + to_text(n) + ", those of the Hessian");
  std::vector<double> error(n);
  double loss = 0;
  for (std::size_t r = 0; r < weights.rows(); ++r) {
    for (std::size_t i = 0; i < n; ++i) error[i] = double{weights(r, i)} - double{replaced(r, i)};
    for (std::size_t i = 0; i < n; ++i) {
      double product = hessian(i, i) * error[i] / 2;
      for (std::size_t j = i + 1; j < n; ++j) product += hessian(i, j) * error[j];
      loss += 2 * error[i] * product;
    }
  }
  return loss;
}

}  // namespace zolt::inline v0
