#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/error.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

/// The indices of the weights with the largest scores, in ascending order: round(fraction·n) of them, at least one. Among equal scores the
/// smaller index is taken.
///
/// Scores are the caller's: Σ ĝ² over some calibration batches is the usual one, with gradients from anywhere, a zeroth-order estimate
/// included. Scores of several tensors in one list give one threshold for all of them.
///
/// Units    scores: any; only their order counts. fraction: of the weights.
/// Cost     4 bytes per weight while it runs; linear time, and a sort of what was chosen.
/// Errors   no scores, more than 2³² of them, one that is not finite; a fraction outside (0, 1].
/// Source   the diagonal of the empirical Fisher information as a measure of sensitivity: SensZOQ (Guo et al. 2025, arXiv 2406.02913).
inline std::vector<std::uint32_t> most_sensitive(std::span<const float> scores, double fraction) {
  constexpr std::string_view subject = "most_sensitive";
  if (scores.empty()) fail(subject, "scores", scores.size(), text_of(bound::at_least_one));
  if (scores.size() - 1 > std::numeric_limits<std::uint32_t>::max()) fail(subject, "scores", scores.size(), "be at most 4294967296");
  if (!holds(bound::fraction, fraction)) fail(subject, "fraction", fraction, text_of(bound::fraction));
  std::vector<std::uint32_t> order(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!exact::is_finite(scores[i])) fail(subject, "score " + to_text(i), scores[i], "be finite");
    order[i] = static_cast<std::uint32_t>(i);
  }
  const auto count = static_cast<std::size_t>(std::floor(fraction * static_cast<double>(scores.size()) + 0.5));
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(count, 1, order.size()));
  std::nth_element(order.begin(), end - 1, order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  std::sort(order.begin(), end);
  return {order.begin(), end};
}

/// Frozen weights, of any format, with a few of them as floats: what a fine-tune of the most sensitive weights alone trains.
///
///   ŵ_i = value_k where i = index_k,   frozen_i elsewhere
///
/// List `values()` as a float parameter and leave the frozen tensor out. Values start as the weights were before they were quantized; the
/// indices never change. The frozen tensor stays in the owner's memory, and so does the object through which it is named.
///
/// Units    values: those of the weights.
/// Shapes   that of the frozen tensor; one value per index.
/// Cost     8 bytes per index: 4 of value and 4 of index. read: two binary searches per call, a buffer per thread of the values in range.
/// Errors   weights of another shape, indices that do not ascend or lie beyond them, a value that is not finite.
/// Source   SensZOQ (Guo et al. 2025, arXiv 2406.02913): the sensitive weights dense, the rest in 4 bits.
template <class Frozen>
class sensitive_overlay {
 public:
  sensitive_overlay(std::string_view name, const Frozen& frozen, tensor_view<const float> weights, std::vector<std::uint32_t> indices)
      : frozen_(&frozen), indices_(std::move(indices)) {
    if (weights.shape() != frozen.shape())
      fail(name, "shape of the weights", weights.shape().text(), "be " + frozen.shape().text() + ", that of the frozen tensor");
    values_.reserve(indices_.size());
    for (std::size_t k = 0; k < indices_.size(); ++k) {
      const std::uint32_t i = indices_[k];
      if (i >= weights.size()) fail(name, "index " + to_text(k), i, "be below " + to_text(weights.size()));
      if (k != 0 && i <= indices_[k - 1]) fail(name, "index " + to_text(k), i, "be above " + to_text(indices_[k - 1]) + ", the one before");
      if (!exact::is_finite(weights.data()[i])) fail(name, "weight " + to_text(i), weights.data()[i], "be finite");
      values_.push_back(weights.data()[i]);
    }
  }
  sensitive_overlay(std::string_view, const Frozen&&, tensor_view<const float>, std::vector<std::uint32_t>) = delete;

  zolt::shape shape() const { return frozen_->shape(); }
  const Frozen& frozen() const { return *frozen_; }
  std::span<const std::uint32_t> indices() const { return indices_; }
  std::span<float> values() { return values_; }
  std::span<const float> values() const { return values_; }
  /// Bytes of values and indices.
  std::size_t memory() const { return values_.size() * (sizeof(float) + sizeof(std::uint32_t)); }

  /// out[k·n + j] = weight first + j under probe k, n = out.size() / probes.count().
  template <class Probes>
  void read(const Probes& probes, std::size_t first, std::span<float> out) const {
    probes.read(*frozen_, first, out);
    const std::size_t n = out.size() / probes.count();
    const auto position = [this](std::size_t i) {
      return static_cast<std::size_t>(std::lower_bound(indices_.begin(), indices_.end(), i) - indices_.begin());
    };
    const std::size_t from = position(first), count = position(first + n) - from;
    if (count == 0) return;
    thread_local std::vector<float> shown;
    if (shown.size() < count * probes.count()) shown.resize(count * probes.count());
    probes.read(values(), from, std::span(shown).first(count * probes.count()));
    for (std::size_t p = 0; p < probes.count(); ++p)
      for (std::size_t k = 0; k < count; ++k) out[p * n + indices_[from + k] - first] = shown[p * count + k];
  }

 private:
  const Frozen* frozen_;
  std::vector<std::uint32_t> indices_;
  std::vector<float> values_;
};

}  // namespace zolt::inline v0
