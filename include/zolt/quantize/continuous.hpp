#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

/// Floats beside the codes that a forward-only optimizer may train: list them as dense parameters under this name and unit.
///
/// Units    unit: the median magnitude of the values that are not 0 (1 if all are), so that a rate is a share of what is usual.
/// Source   training scales with the codes frozen: QZO (arXiv 2505.13430); clips: ZeroQAT (arXiv 2509.00031).
struct continuous_parameter {
  std::string name;
  std::span<float> values;
  double unit = 1;
};

/// The continuous parameters of quantized weights or of what a method made of them: scales, zero points, codebooks, the logits of clips, the
/// smoothing vector, the factors of a channel map. Empty where all is codes. The spans are those of `weights`, which must live on.
///
/// Cost     a copy of each while its median is found.
template <class Weights>
std::vector<continuous_parameter> continuous_parameters(std::string_view name, Weights& weights) {
  static_assert(!std::is_const_v<Weights>, "zolt: the continuous parameters of constant weights cannot be trained");
  std::vector<continuous_parameter> all;
  const auto list = [&](std::string_view part, std::span<float> values) {
    std::vector<float> magnitudes;
    for (const float v : values)
      if (v != 0) magnitudes.push_back(std::fabs(v));
    const auto middle = magnitudes.begin() + static_cast<std::ptrdiff_t>(magnitudes.size() / 2);
    std::nth_element(magnitudes.begin(), middle, magnitudes.end());
    all.push_back({std::string(name) + "." + std::string(part), values, magnitudes.empty() ? 1.0 : double{*middle}});
  };
  if constexpr (requires { std::span<float>(weights.scales()); }) list("scales", weights.scales());
  if constexpr (requires { std::span<float>(weights.zeros()); }) list("zeros", weights.zeros());
  if constexpr (requires { std::span<float>(weights.codebooks()); }) list("codebooks", weights.codebooks());
  if constexpr (requires { std::span<float>(weights.high()); }) {
    list("high", weights.high());
    list("low", weights.low());
  }
  if constexpr (requires { std::span<float>(weights.smoothing); }) list("smoothing", weights.smoothing);
  if constexpr (requires { std::span<float>(weights.factor); }) list("factor", weights.factor);
  if constexpr (requires { weights.weights.scales(); })
    for (continuous_parameter& inner : continuous_parameters(name, weights.weights)) all.push_back(std::move(inner));
  return all;
}

/// Weights for inputs that were not divided by a smoothing vector: column j of `weights` divided by smoothing[j]. Both parts may be
/// parameters, and a forward sees them as its probes do.
///
/// Shapes   as the weights; smoothing: one per column.
/// Cost     a read of the weights and a division per weight.
/// Errors   a smoothing vector of another length.
/// Source   SmoothQuant (arXiv 2211.10438) eq. 3, AWQ (arXiv 2306.00978) §3.2, with the factor left in the layer.
template <class Weights>
class column_divided {
 public:
  column_divided(const Weights&&, std::span<const float>) = delete;  // the weights must live on
  column_divided(const Weights& weights, std::span<const float> smoothing) : weights_(&weights), smoothing_(smoothing) {
    if (smoothing.size() != weights.shape().columns)
      fail("column_divided", "smoothing", smoothing.size(), "be one per column, " + to_text(weights.shape().columns));
  }

  zolt::shape shape() const { return weights_->shape(); }
  template <class Probes>
  void read(const Probes& probes, std::size_t first, std::span<float> out) const {
    thread_local std::vector<float> factors;
    const std::size_t columns = smoothing_.size(), n = out.size() / probes.count();
    probes.read(*weights_, first, out);
    factors.resize(columns * probes.count());
    probes.read(smoothing_, 0, factors);
    for (std::size_t k = 0; k < probes.count(); ++k)
      for (std::size_t j = 0; j < n; ++j) out[k * n + j] /= factors[k * columns + (first + j) % columns];
  }

 private:
  const Weights* weights_;
  std::span<const float> smoothing_;
};

}  // namespace zolt::inline v0
