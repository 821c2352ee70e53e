#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "zolt/linear/local.hpp"

namespace zolt::inline v0 {

/// Root-mean-square normalisation with a gain, and its backward.
///
///   y = g ∘ x · s,      s = 1/√(mean x² + epsilon)
///   ∂L/∂x = s·(g ∘ e − x·s²·mean(x ∘ g ∘ e)),      ∂L/∂g = e ∘ x·s
///
/// Units    epsilon: square of those of x.
/// Shapes   gain: width; x, y: rows × width.
/// Cost     a few operations per element; the gain under every probe.
/// Source   Zhang & Sennrich 2019 (arXiv 1910.07467) eq. 4; epsilon as in LLaMA.
template <readable_weights Gain>
class rms_norm {
 public:
  explicit rms_norm(const Gain& gain, double epsilon = 1e-5) : gain_(gain), epsilon_(epsilon) {}

  void forward(const probe_view& probes, tensor_view<const float> x, tensor_view<float> y) const {
    if (y.shape() != x.shape()) fail("rms_norm", "shape of y", y.shape().text(), "be " + x.shape().text() + ", that of x");
    const std::size_t width = x.columns(), batch = detail::rows_per_probe(probes, x.shape(), y.shape());
    const std::span<float> gain = detail::scratch(width * probes.count());
    probes.read(gain_, 0, gain);
    for (std::size_t row = 0; row < x.rows(); ++row) {
      const float scale = scale_of(x.row(row));
      const float* g = gain.data() + row / batch * width;
      for (std::size_t j = 0; j < width; ++j) y(row, j) = x(row, j) * scale * g[j];
    }
  }
  void backward(tensor_view<const float> x, tensor_view<const float> error, tensor_view<float> input_error, layer_signals& signals) const {
    for (const shape& given : {error.shape(), input_error.shape()})
      if (given != x.shape()) fail("rms_norm", "shape of an error", given.text(), "be " + x.shape().text() + ", that of x");
    const std::size_t width = x.columns();
    thread_local std::vector<float> memory;
    memory.resize(width + x.size());
    const std::span<float> gain = std::span(memory).first(width);
    const tensor_view<float> of_gain(memory.data() + width, x.shape());
    probe_view{}.read(gain_, 0, gain);
    for (std::size_t row = 0; row < x.rows(); ++row) {
      const float scale = scale_of(x.row(row));
      double along = 0;
      for (std::size_t j = 0; j < width; ++j) along += double{x(row, j)} * gain[j] * error(row, j);
      const auto pull = static_cast<float>(along / static_cast<double>(width)) * scale * scale;
      for (std::size_t j = 0; j < width; ++j) {
        of_gain(row, j) = error(row, j) * x(row, j) * scale;
        input_error(row, j) = scale * (gain[j] * error(row, j) - x(row, j) * pull);
      }
    }
    signals.vector(gain_, of_gain);
  }

 private:
  float scale_of(std::span<const float> x) const {
    double squares = 0;
    for (const float v : x) squares += double{v} * v;
    return static_cast<float>(1 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon_));
  }

  const Gain& gain_;
  double epsilon_;
};

}  // namespace zolt::inline v0
