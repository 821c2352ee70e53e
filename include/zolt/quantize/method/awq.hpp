#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/kernel/matmul.hpp"
#include "zolt/quantize/method/column_scaling.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::inline v0 {

/// A layer quantized for the inputs that it sees.
///
/// Units    loss: outputs squared, mean over inputs and outputs.
/// Source   see awq.
template <class Tensor>
struct awq_result {
  std::vector<float> smoothing;  ///< the inputs are to be divided by it
  Tensor weights;                ///< of w·diag(smoothing)
  double exponent = 0;
  double loss = 0;
  double nearest_loss = 0;  ///< of quantizing the weights as given
};

namespace detail {

/// Σ (x · e)² over all rows x of the inputs and all rows e of the errors, both `columns` wide.
inline double output_error(std::span<const float> errors, std::span<const float> inputs, std::size_t columns) {
  constexpr std::size_t rows_at_once = 64;
  const std::size_t rows = errors.size() / columns, count = inputs.size() / columns;
  std::vector<float> outputs(std::min(rows, rows_at_once) * count);
  double sum = 0;
  for (std::size_t r = 0; r < rows; r += rows_at_once) {
    const std::size_t some = std::min(rows_at_once, rows - r);
    kernel::multiply(errors.data() + r * columns, some, inputs.data(), count, columns, outputs.data(), some);
    for (const float y : std::span<const float>(outputs).first(some * count)) sum += double{y} * double{y};
  }
  return sum;
}

}  // namespace detail

/// Activation-aware quantization: input channels with large activations get a finer grid, by a factor that the inputs are divided by.
///
///   s = mean|X|^r / √(max · min),   r* = argmin_r ‖X·(Q(W·diag(s))·diag(s)⁻¹ − W)ᵀ‖²,   r = 0, 1/steps, … below 1
///
/// With `clip`, the largest magnitudes of a group are clamped to the share (1, 1 − 1/clip_steps, … above 1 − max_shrink) under which
/// its part of the outputs changes least; this is kept if all of the output is the better for it.
///
/// Units    none.
/// Shapes   weights: outputs × inputs; inputs: rows × inputs of the layer.
/// Cost     steps quantizations and products of the inputs with the weights; for the clip search max_shrink·clip_steps of `clip_rows` rows.
/// Errors   what a quantizer refuses; no inputs, inputs of other columns or not finite; clip with a range policy that fits no scale.
/// Source   Lin et al. 2024 (AWQ, arXiv 2306.00978) eq. 4 and 5; auto_scale and auto_clip of its code (20 steps, 0.5, 512 rows, s ≥ 10⁻⁴).
/// Differs  the loss is the output of the layer, not of its block. Losses are float sums whose order is that of the instruction set: two
///          machines may choose neighbouring exponents that are equally good.
template <number_format Format, granularity Granularity = per_group<128>, class Range = absmax, class Scales = default_scales<Format>>
struct awq {
  static constexpr std::string_view name = "awq";
  using tensor_type = quantized_tensor<Format, Granularity, Scales>;

  double steps = 20;
  bool clip = false;
  double clip_steps = 20;
  double max_shrink = 0.5;
  double clip_rows = 512;
  Range range{};

  template <class Field>
  void fields(Field&& field) const {
    field("steps", steps, bound::at_least_one);
    field("clip_steps", clip_steps, bound::at_least_one);
    field("max_shrink", max_shrink, bound::fraction_below_one);
    field("clip_rows", clip_rows, bound::at_least_one);
  }

  awq_result<tensor_type> operator()(std::string_view tensor_name, tensor_view<const float> weights,
                                     tensor_view<const float> inputs) const {
    std::vector<problem> problems;
    check_fields(*this, problems);
    if (!problems.empty()) throw error(std::move(problems));
    checked_layout<Granularity>(tensor_name, weights.shape());
    detail::check_inputs(tensor_name, inputs, weights.columns());
    if (inputs.rows() == 0) fail(tensor_name, "rows of the inputs", "0", "be at least 1");
    if (clip && std::same_as<Range, largest_magnitude>) fail(tensor_name, "clip", "true", "be false where the range policy fits no scale");

    column_statistics statistics(weights.columns());
    statistics.add(inputs);
    const std::vector<float> means = statistics.mean();
    awq_result<tensor_type> best;
    for (int i = 0; i < steps; ++i) {
      const double r = i / steps;
      std::vector<float> s = smoothing(means, r);
      tensor_type q = quantized(tensor_name, with_columns_times(weights, s));
      const double loss = loss_of(q, s, weights, inputs);
      if (i == 0) best.nearest_loss = loss;
      if (i == 0 || loss < best.loss) best = {std::move(s), std::move(q), r, loss, best.nearest_loss};
    }
    if (clip) {
      tensor_type q = quantized(tensor_name, clipped(with_columns_times(weights, best.smoothing), inputs, best.smoothing));
      if (const double loss = loss_of(q, best.smoothing, weights, inputs); loss < best.loss) best.weights = std::move(q), best.loss = loss;
    }
    return best;
  }

 private:
  tensor_type quantized(std::string_view tensor_name, tensor_view<const float> w) const {
    return quantizer<Format, Granularity, Range, nearest_even, Scales>{.range = range}(tensor_name, w);
  }

  static std::vector<float> smoothing(const std::vector<float>& means, double exponent) {
    std::vector<double> powers(means.size());
    std::transform(means.begin(), means.end(), powers.begin(), [&](float m) { return std::max(std::pow(double{m}, exponent), 1e-4); });
    const auto [least, greatest] = std::minmax_element(powers.begin(), powers.end());
    const double middle = std::sqrt(*least * *greatest);
    std::vector<float> s(means.size());
    std::transform(powers.begin(), powers.end(), s.begin(), [&](double p) { return static_cast<float>(p / middle); });
    return s;
  }

  static double loss_of(const tensor_type& q, std::span<const float> s, tensor_view<const float> weights, tensor_view<const float> inputs) {
    tensor<float> errors(weights.shape());
    q.decode(0, errors.flat());
    divide_columns(errors, s);
    for (std::size_t i = 0; i < errors.size(); ++i) errors.data()[i] -= weights.data()[i];
    return detail::output_error(errors.flat(), inputs.flat(), weights.columns()) / static_cast<double>(inputs.rows() * weights.rows());
  }

  /// Clamps every group of w at the limit that changes its part of the outputs least.
  tensor<float> clipped(tensor<float> w, tensor_view<const float> inputs, std::span<const float> s) const {
    const scale_layout layout = Granularity::layout(w.shape());
    const std::size_t count = layout.count(w.size()), per_row = layout.groups_per_row();
    const auto most = static_cast<std::size_t>(std::min(clip_rows, static_cast<double>(inputs.rows())));
    const std::size_t stride = (inputs.rows() + most - 1) / most;
    std::vector<float> x, group;
    for (std::size_t first = 0; first < per_row; ++first) {  // groups below each other see the same inputs
      const std::size_t start = first * layout.group, width = std::min(layout.group, w.columns() - start);
      x.clear();
      for (std::size_t r = 0; r < inputs.rows(); r += stride)
        for (std::size_t j = start; j < start + width; ++j) x.push_back(inputs(r, j) / s[j]);
      for (std::size_t k = first; k < count; k += per_row) {
        group.clear();
        layout.for_each_run(k, w.size(),
                            [&](std::size_t from, std::size_t to) { group.insert(group.end(), w.data() + from, w.data() + to); });
        const float limit = best_limit(group, x, width);
        layout.for_each_run(k, w.size(), [&](std::size_t from, std::size_t to) {
          for (std::size_t i = from; i < to; ++i) w.data()[i] = std::clamp(w.data()[i], -limit, limit);
        });
      }
    }
    return w;
  }

  float best_limit(std::span<const float> group, std::span<const float> x, std::size_t width) const {
    float largest = 0;
    for (const float w : group) largest = std::max(largest, std::fabs(w));
    float best = largest;
    double least = 0;
    std::vector<float> clamped(group.size()), errors(group.size());
    for (int i = 0; largest > 0 && i < std::max(1.0, max_shrink * clip_steps); ++i) {
      const float limit = static_cast<float>(1 - i / clip_steps) * largest;
      for (std::size_t j = 0; j < group.size(); ++j) clamped[j] = std::clamp(group[j], -limit, limit);
      const auto grid = range.template fit<Format>(clamped);
      if (!(grid.scale > 0)) break;
      for (std::size_t j = 0; j < group.size(); ++j)
        errors[j] = grid(Format::value_of(encode_weight<Format>(grid, clamped[j], nearest_even{}).ordinal)) - group[j];
      const double error = detail::output_error(errors, x, width);
      if (i == 0 || error < least) least = error, best = limit;
    }
    return best;
  }
};

}  // namespace zolt::inline v0
