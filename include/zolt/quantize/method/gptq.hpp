#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/quantize/method/hessian.hpp"
#include "zolt/quantize/method/inverse_factor.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::inline v0 {

namespace detail {

/// Whether a grid is kept without regard to the others, so that groups can be fitted one after the other.
template <class Scales>
bool keeps_grids_apart() {
  using grid = typename Scales::grid;
  Scales kept(2);
  kept.keep(std::vector<grid>{{1}, {1}});
  const grid before = kept.view()[0];
  kept.keep(std::vector<grid>{{1}, {1e6f}});
  return before == kept.view()[0];
}

}  // namespace detail

/// Quantizes column after column, and lets the columns that are still floats make up for the error of each.
///
///   e = (w_i − decode(encode(w_i))) / U_ii,   w_j ← w_j − e·U_ij for j > i,   H⁻¹ = UᵀU,   H ← H + damping·mean(diag H)·I
///
/// The grid of a group is fitted when its first column is reached, to its weights as they are by then; with `static_groups` to the weights
/// as given. `activation_order` begins with the columns whose inputs are largest; the result has its columns in the order as given.
/// A column whose inputs were all zero becomes zeros.
///
/// Units    damping: mean diagonal of H. block: columns.
/// Shapes   weights: outputs × inputs, as the result; the Hessian has the layer's inputs.
/// Cost     ⅔·inputs³ + outputs·inputs² operations; 8·inputs·(inputs + outputs) bytes while it runs. No threads.
/// Errors   what a quantizer refuses; a Hessian of other columns or without an input that is not zero; one that is not positive definite
///          with this damping; activation_order with groups that are not static, whose columns would not be fitted together; groups that
///          are not static in scale storage that derives the scale of a group from others.
/// Source   Frantar et al. 2023 (arXiv 2210.17323) Algorithm 1; lazy groups as in its code: from the weights at the start of a block.
/// Differs  dead columns count neither in the mean of the diagonal nor for any scale; U comes from one factorization of the reversed H.
template <number_format Format, granularity Granularity = per_channel, class Range = absmax, class Scales = default_scales<Format>>
struct gptq {
  static constexpr std::string_view name = "gptq";
  using tensor_type = quantized_tensor<Format, Granularity, Scales>;

  double damping = 0.01;
  bool activation_order = false;
  bool static_groups = false;
  double block = 128;
  Range range{};

  template <class Field>
  void fields(Field&& field) const {
    field("damping", damping, bound::non_negative);
    field("block", block, bound::at_least_one);
  }

  tensor_type operator()(std::string_view tensor_name, tensor_view<const float> weights, const input_hessian& hessian,
                         quantization_events* events = nullptr) const {
    const bool lazy = check(tensor_name, weights.shape(), hessian);
    tensor<float> live(weights.shape());
    std::copy_n(weights.data(), weights.size(), live.data());
    detail::check_finite(tensor_name, weights);
    for (std::size_t i = 0; i < live.size(); ++i)
      if (const std::size_t j = i % live.columns(); hessian(j, j) == 0) live.data()[i] = 0;

    quantization_events nearest;
    run state{quantizer<Format, Granularity, Range, nearest_even, Scales>{.range = range}(tensor_name, live, &nearest),
              Granularity::layout(weights.shape()), column_order(hessian)};
    state.factor = factor(tensor_name, hessian, state.order);
    for (std::size_t r = 0; r < live.rows(); ++r)
      for (const std::size_t j : state.order) state.weights.push_back(double{live(r, j)});
    const std::size_t n = live.columns(), step = block < static_cast<double>(n) ? static_cast<std::size_t>(block) : n;
    for (std::size_t first = 0; first < n; first += step) {
      const std::size_t last = std::min(n, first + step);
      if (lazy) fit_groups(tensor_name, state, first, last);
      quantize_block(state, first, last);
    }
    if (events != nullptr) events->zero_groups += nearest.zero_groups, events->clamped += state.clamped;
    return std::move(state.result);
  }

 private:
  struct run {
    tensor_type result;
    scale_layout layout;
    std::vector<std::size_t> order;
    std::vector<double> factor{}, weights{}, errors{};  // weights and factor in that order of columns
    std::size_t clamped = 0;
  };

  bool check(std::string_view tensor_name, const shape& s, const input_hessian& hessian) const {
    std::vector<problem> problems;
    check_fields(*this, problems);
    if (!problems.empty()) throw error(std::move(problems));
    const scale_layout layout = checked_layout<Granularity>(tensor_name, s);
    if (hessian.columns() != s.columns)
      fail(tensor_name, "columns of the Hessian", hessian.columns(), "be " + to_text(s.columns) + ", the columns of the weights");
    if (static_groups || layout.groups_per_row() == 1) return false;
    if (activation_order) fail(tensor_name, "static_groups", "false", "be true for groups in activation order");
    if (!detail::keeps_grids_apart<Scales>())
      fail(tensor_name, "static_groups", "false",
           "be true: " + std::string(policy_name<Scales>()) + " derive the scale of a group from the others");
    return true;
  }

  /// Largest first, equal ones as they come.
  std::vector<std::size_t> column_order(const input_hessian& hessian) const {
    std::vector<std::size_t> order(hessian.columns());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (activation_order)
      std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return hessian(i, i) > hessian(j, j); });
    return order;
  }

  std::vector<double> factor(std::string_view tensor_name, const input_hessian& hessian, const std::vector<std::size_t>& order) const {
    const std::size_t n = order.size();
    std::vector<double> memory(n * n);
    const detail::upper_triangle u{memory.data(), n};
    double sum = 0, live = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i; j < n; ++j) u(i, j) = hessian(order[i], order[j]);
      if (u(i, i) != 0) sum += u(i, i), ++live;
    }
    if (live == 0) fail(tensor_name, "inputs of the Hessian", "0", "have one that is not zero");
    for (std::size_t i = 0; i < n; ++i) u(i, i) = (u(i, i) == 0 ? sum / live : u(i, i)) + damping * (sum / live);
    if (!detail::factor_inverse(u)) fail(tensor_name, "damping", damping, "be larger: the Hessian is not positive definite");
    return memory;
  }

  /// The grids of the groups that start in columns first … last. A group that is all zero by now keeps the grid of its first weights.
  void fit_groups(std::string_view tensor_name, run& s, std::size_t first, std::size_t last) const {
    const std::size_t count = s.layout.count(s.result.size()), per_row = s.layout.groups_per_row();
    std::vector<typename Scales::grid> grids(count);
    const auto kept = std::as_const(s.result).kept_scales().view();
    for (std::size_t k = 0; k < count; ++k) grids[k] = kept[k];
    std::vector<float> group;
    for (std::size_t k = 0; k < count; ++k) {
      if (const std::size_t start = k % per_row * s.layout.group; start < first || start >= last) continue;
      group.clear();
      s.layout.for_each_run(k, s.weights.size(), [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) group.push_back(static_cast<float>(s.weights[i]));
      });
      if (std::any_of(group.begin(), group.end(), [](float w) { return w != 0; })) grids[k] = range.template fit<Format>(group);
    }
    s.result.kept_scales().keep(grids);
    const auto view = s.result.view();
    for (std::size_t k = 0; k < count; ++k) detail::check_grid<Format>(tensor_name, s.layout, k, view.grids()[k]);
  }

  void quantize_block(run& s, std::size_t first, std::size_t last) const {
    const std::size_t n = s.order.size(), width = last - first, rows = s.result.rows();
    const detail::upper_triangle u{s.factor.data(), n};
    const auto view = s.result.view();
    s.errors.resize(rows * width);
    for (std::size_t r = 0; r < rows; ++r) {
      double* const w = &s.weights[r * n];
      const std::span<double> errors = std::span(s.errors).subspan(r * width, width);
      for (std::size_t i = first; i < last; ++i) {
        const std::size_t at = r * n + s.order[i], k = s.layout.index(at);
        const encoded e =
            detail::group_encoder<Format, typename tensor_type::grids_type>(view.grids(), k)(static_cast<float>(w[i]), nearest_even{});
        view.set_code(at, Format::code_of(e.ordinal));
        s.clamped += e.clamped;
        const double error = (w[i] - double{view.grids()[k](Format::value_of(e.ordinal))}) / u(i, i);
        errors[i - first] = error;
        detail::subtract_rows(w + i, last - i, std::span(&error, 1), u.row(i) + i, n);
      }
    }
    detail::for_each_panel(last, n, [&](std::size_t from, std::size_t to) {
      for (std::size_t r = 0; r < rows; ++r)
        detail::subtract_rows(&s.weights[r * n + from], to - from, std::span<const double>(s.errors).subspan(r * width, width),
                              u.row(first) + from, n);
    });
  }
};

}  // namespace zolt::inline v0
