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
///          grid. zero_groups: runs that share a scale and whose weights are all 0 now.
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

  double bits_per_weight() const { return 8 * static_cast<double>(bytes) / static_cast<double>(shape.size()); }
  double relative_rmse() const { return squared_weights == 0 ? 0 : std::sqrt(squared_error / squared_weights); }
  double clip_rate() const { return static_cast<double>(clipped) / static_cast<double>(shape.size()); }
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

/// Compares coded weights with the floats that they stand for.
///
/// Shapes   the same for both.
/// Cost     one decode, two calls of the grid per weight.
/// Errors   another shape.
template <class Weights>
tensor_report report_on(std::string_view name, std::string_view method, tensor_view<const float> original, const Weights& quantized,
                        std::size_t bytes) {
  const auto view = [&quantized] {
    if constexpr (requires { quantized.view(); })
      return quantized.view();
    else
      return quantized;
  }();
  using format = typename Weights::format;
  if (!(view.shape() == original.shape())) fail(name, "shape", view.shape().text(), "be " + original.shape().text() + ", as the original");
  tensor_report r;
  r.name = name;
  r.method = method;
  r.shape = original.shape();
  r.bytes = bytes;
  std::vector<float> run;
  for (std::size_t i = 0; i < original.size();) {
    const std::size_t end = view.scale_end(i);
    const auto grid = grid_at(view, i);
    const float one_end = grid(format::value_of(format::lowest)), other_end = grid(format::value_of(format::highest));
    run.resize(end - i);
    view.decode(i, run);
    for (std::size_t j = 0; j < run.size(); ++j) {
      const float w = original.data()[i + j];
      const double e = double{run[j]} - double{w};
      r.squared_error += e * e;
      r.squared_weights += double{w} * double{w};
      r.clipped += w < std::min(one_end, other_end) || w > std::max(one_end, other_end);
    }
    ++r.groups;
    r.zero_groups += std::all_of(run.begin(), run.end(), [](float w) { return w == 0; });
    i = end;
  }
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
