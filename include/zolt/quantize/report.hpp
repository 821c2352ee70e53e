#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zolt/core/tensor.hpp"
#include "zolt/parameter/storage.hpp"

namespace zolt::inline v0 {

/// What quantizing made of one tensor.
///
/// Units    relative_rmse: √(Σ(ŵ − w)² / Σw²). bits_per_weight: codes, scales and padding. clipped: weights outside the range of their
///          grid by more than half its last step, so that rounding alone does not explain where they went. zero_groups: groups that share a
///          scale and whose weights are all 0 now.
/// Source   quantization.md §15.
struct tensor_report {
  std::string name;
  std::string method;
  zolt::shape shape;
  std::size_t bytes = 0;
  std::size_t clipped = 0;
  std::size_t groups = 0;
  std::size_t zero_groups = 0;
  double squared_error = 0;
  double squared_weights = 0;

  double bits_per_weight() const { return shape.size() == 0 ? 0 : 8 * static_cast<double>(bytes) / static_cast<double>(shape.size()); }
  double relative_rmse() const { return squared_weights == 0 ? 0 : std::sqrt(squared_error / squared_weights); }
  double clip_rate() const { return shape.size() == 0 ? 0 : static_cast<double>(clipped) / static_cast<double>(shape.size()); }
};

/// A report for every tensor of a model.
struct quantization_report {
  std::vector<tensor_report> tensors;

  /// The tensors as one.
  tensor_report total() const {
    tensor_report all;
    all.name = "total";
    all.shape = {1, 0};
    for (const tensor_report& t : tensors) {
      all.method = &t == tensors.data() || all.method == t.method ? t.method : "mixed";
      all.shape.columns += t.shape.size();
      all.bytes += t.bytes;
      all.clipped += t.clipped;
      all.groups += t.groups;
      all.zero_groups += t.zero_groups;
      all.squared_error += t.squared_error;
      all.squared_weights += t.squared_weights;
    }
    return all;
  }
};

namespace detail {
/// The group of weight i: a block of rows has several runs.
template <class View>
std::size_t group_of(const View& view, std::size_t i, std::size_t next) {
  if constexpr (requires { view.layout().index(i); })
    return view.layout().index(i);
  else
    return next;
}
}  // namespace detail

/// Compares coded weights with the floats that they stand for.
///
/// Shapes   the same for both.
/// Cost     one decode, two calls of the grid per weight.
/// Errors   another shape.
template <class Weights>
tensor_report report_on(std::string_view name, std::string_view method, tensor_view<const float> original, const Weights& quantized,
                        std::size_t bytes) {
  const auto view = detail::view_of(quantized);
  using format = typename Weights::format;
  if (!(view.shape() == original.shape())) fail(name, "shape", view.shape().text(), "be " + original.shape().text() + ", as the original");
  tensor_report r;
  r.name = name;
  r.method = method;
  r.shape = original.shape();
  r.bytes = bytes;
  std::vector<bool> lives;
  std::vector<float> run;
  for (std::size_t i = 0; i < original.size();) {
    const std::size_t end = view.scale_end(i), group = detail::group_of(view, i, lives.size());
    const auto grid = grid_at(view, i);
    const auto limit = [&grid](int last, int before) {
      const double at = grid(format::value_of(last));
      return at + (at - grid(format::value_of(before))) / 2;
    };
    const auto [low, high] = std::minmax({limit(format::lowest, format::lowest + 1), limit(format::highest, format::highest - 1)});
    run.resize(end - i);
    view.decode(i, run);
    for (std::size_t j = 0; j < run.size(); ++j) {
      const double w = original.data()[i + j], e = run[j] - w;
      r.squared_error += e * e;
      r.squared_weights += w * w;
      r.clipped += w < low || w > high;
    }
    if (group >= lives.size()) lives.resize(group + 1);
    if (std::any_of(run.begin(), run.end(), [](float w) { return w != 0; })) lives[group] = true;
    i = end;
  }
  r.groups = lives.size();
  r.zero_groups = static_cast<std::size_t>(std::count(lives.begin(), lives.end(), false));
  return r;
}
template <class Weights>
  requires requires(const Weights& w) {
    { w.memory() } -> std::same_as<std::size_t>;
  }
tensor_report report_on(std::string_view name, std::string_view method, tensor_view<const float> original, const Weights& quantized) {
  return report_on(name, method, original, quantized, quantized.memory());
}

}  // namespace zolt::inline v0
