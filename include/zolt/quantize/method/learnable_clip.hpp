#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zolt/core/exact.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::inline v0 {

namespace detail {

/// e^−x for x ≥ 0, within 10⁻¹⁵ of it and the same bits on every machine: a power of two times Taylor's series on |r| ≤ ln 2 / 2.
inline double exp_of_minus(double x) {
  constexpr double log2_e = 1.4426950408889634, ln_2 = 0.6931471805599453;
  if (!(x < 700)) return 0;
  const double k = std::floor(exact::product(x, log2_e) + 0.5), r = exact::product(k, ln_2) - x;
  double sum = 1;
  for (int i = 14; i > 0; --i) sum = 1 + exact::product(sum, r / i);
  return std::ldexp(sum, -static_cast<int>(k));
}

/// 1 / (1 + e^−x).
inline float logistic(float x) {
  if (!exact::is_finite(x) && std::bit_cast<std::uint32_t>(x) << 1 > 0xff000000u) return x;  // NaN
  const double e = exp_of_minus(std::fabs(double{x}));
  return static_cast<float>(x < 0 ? e / (1 + e) : 1 / (1 + e));
}

}  // namespace detail

/// Learnable weight clipping: weights in `Bits` bits whose ranges are trained, seen by a forward as they will be quantized.
///
///   highest = σ(high)·max w,   lowest = σ(low)·min w,   h = (highest − lowest) / (2^Bits − 1),   z = round(−lowest / h)
///   ŵ = h·(clamp(round(w/h) + z, 0, 2^Bits − 1) − z)
///
/// One logit of each kind per group. They are float parameters: list `high()` and `low()`, and the weights too where they are to be
/// trained beside them. `read` shows ŵ under every probe; `quantized` bakes the present ranges into codes, of the same bits.
///
/// The weights stay in the owner's memory. max w and min w are those of the last `measure()`, which the constructor calls: weights that
/// a probe moves keep them, so that a loss is the same function in place and on read. Call it between steps if the weights are trained.
///
/// Units    logits: none. 4 leaves 98.2% of a side of the range, 0 leaves half.
/// Shapes   weights as given; logits: one per group of the granularity.
/// Cost     16 bytes per group. read: two logistic functions per group and a division per weight, under each probe; a scratch buffer per
///          thread of 2 floats per group and probe.
/// Errors   as quantizer: an empty tensor, a weight that is not finite, a group that does not divide the columns; a logit that is not
///          finite.
/// Source   OmniQuant (Shao et al. 2023, arXiv 2308.13137), learnable weight clipping; under zeroth-order training: ZeroQAT (arXiv
///          2509.00031).
/// Differs  the range includes 0, so that z is a code (OmniQuant's may leave them where all weights of a group have one sign); h is at
///          least 2⁻¹⁰⁰ instead of 10⁻⁵, which small weights could reach; the order of divisions is that of `absmax`.
template <int Bits, granularity Granularity = per_channel>
class learnable_clip {
 public:
  using format = unsigned_integer<Bits>;
  using tensor_type = quantized_tensor<format, Granularity>;

  learnable_clip(std::string_view name, tensor_view<const float> weights, double logit = 4)
      : weights_(weights), layout_(checked_layout<Granularity>(name, weights.shape())) {
    if (!holds(bound::non_negative, std::fabs(logit))) fail(name, "logit", logit, "be finite");
    high_.assign(layout_.count(weights.size()), static_cast<float>(logit));
    low_ = high_;
    ranges_.resize(high_.size());
    measure(name);
  }

  zolt::shape shape() const { return weights_.shape(); }
  tensor_view<const float> weights() const { return weights_; }
  std::span<float> high() { return high_; }
  std::span<const float> high() const { return high_; }
  std::span<float> low() { return low_; }
  std::span<const float> low() const { return low_; }
  /// Bytes of logits and ranges, without the weights.
  std::size_t memory() const { return high_.size() * (2 * sizeof(float) + sizeof(detail::value_range)); }

  /// Takes the ranges of the weights as they are now.
  void measure(std::string_view name = "learnable_clip") { measure(name, weights_); }
  /// Takes the ranges of what a transform made of the weights.
  void measure(std::string_view name, tensor_view<const float> made) {
    check_shape(name, made);
    detail::check_finite(name, made);
    for (std::size_t k = 0; k < ranges_.size(); ++k) {
      ranges_[k] = {};
      layout_.for_each_run(k, made.size(), [&](std::size_t first, std::size_t last) {
        const auto run = detail::range_of(made.flat().subspan(first, last - first));
        ranges_[k] = {std::min(ranges_[k].lowest, run.lowest), std::max(ranges_[k].highest, run.highest)};
      });
    }
  }

  /// The grid of group k under these logits.
  affine grid(std::size_t k, float high, float low) const {
    const float highest = exact::product(detail::logistic(high), ranges_[k].highest);
    const float lowest = exact::product(detail::logistic(low), ranges_[k].lowest);
    constexpr float least = 0x1p-100f;  // w / h stays finite
    if (!exact::is_finite(highest) || !exact::is_finite(lowest)) return {std::numeric_limits<float>::quiet_NaN(), 0};
    if (highest - lowest < least * format::value_of(format::highest)) return {least, 0};
    return detail::grid_of_range<format>(lowest, highest);
  }

  /// out[k·n + j] = quantized weight first + j under probe k, n = out.size() / probes.count().
  template <class Probes>
  void read(const Probes& probes, std::size_t first, std::span<float> out) const {
    probes.read(weights_, first, out);
    quantize(probes, first, out);
  }
  /// The second half of read, for what a transform made of the weights: `out` holds them under every probe, and then as they are quantized.
  template <class Probes>
  void quantize(const Probes& probes, std::size_t first, std::span<float> out) const {
    const std::size_t n = out.size() / probes.count(), last = first + n;
    if (n == 0) return;
    const auto [from, count] = groups_of(first, last);
    const std::span<float> highs = scratch(2 * count * probes.count()).first(count * probes.count());
    const std::span<float> lows{highs.data() + highs.size(), highs.size()};
    probes.read(high(), from, highs);
    probes.read(low(), from, lows);
    for (std::size_t p = 0; p < probes.count(); ++p)
      for (std::size_t i = first; i < last;) {
        const std::size_t end = std::min(last, layout_.end(i)), k = layout_.index(i), at = p * count + k - from;
        const affine g = grid(k, highs[at], lows[at]);
        for (; i < end; ++i) {
          float& w = out[p * n + i - first];
          if (exact::is_finite(w)) w = g(format::value_of(encode_weight<format>(g, w, nearest_even{}).ordinal));  // else the loss is lost
        }
      }
  }

  /// The codes and grids of the weights and logits as they are: it decodes to what `read` shows without an optimizer.
  tensor_type quantized(std::string_view name) const { return quantized(name, weights_); }
  /// The same of what a transform made of the weights.
  tensor_type quantized(std::string_view name, tensor_view<const float> made) const {
    check_shape(name, made);
    detail::check_finite(name, made);
    std::vector<affine> grids(high_.size());
    for (std::size_t k = 0; k < grids.size(); ++k) {
      if (!exact::is_finite(high_[k])) fail(name, "high logit " + to_text(k), high_[k], "be finite");
      if (!exact::is_finite(low_[k])) fail(name, "low logit " + to_text(k), low_[k], "be finite");
      grids[k] = grid(k, high_[k], low_[k]);
    }
    tensor_type result(shape());
    result.kept_scales().keep(grids);
    const auto view = result.view();
    for (std::size_t i = 0; i < result.size(); ++i) {
      const affine& g = grids[layout_.index(i)];
      view.set_code(i, format::code_of(encode_weight<format>(g, made.data()[i], nearest_even{}).ordinal));
    }
    return result;
  }

 private:
  void check_shape(std::string_view name, tensor_view<const float> made) const {
    if (made.shape() != shape()) fail(name, "shape", made.shape().text(), "be " + shape().text() + ", that of the weights");
  }
  struct group_range {
    std::size_t first, count;
  };
  /// The groups of weights [first, last), and whole rows of blocks where blocks reach over rows.
  group_range groups_of(std::size_t first, std::size_t last) const {
    if (layout_.block_rows == 1) return {layout_.index(first), layout_.index(last - 1) + 1 - layout_.index(first)};
    const std::size_t per_row = layout_.groups_per_row();
    const std::size_t top = layout_.index(first) / per_row, bottom = layout_.index(last - 1) / per_row;
    return {top * per_row, (bottom + 1 - top) * per_row};
  }
  static std::span<float> scratch(std::size_t count) {
    thread_local std::vector<float> buffer;
    if (buffer.size() < count) buffer.resize(count);
    return std::span(buffer).first(count);
  }

  tensor_view<const float> weights_;
  scale_layout layout_;
  std::vector<float> high_, low_;
  std::vector<detail::value_range> ranges_;
};

}  // namespace zolt::inline v0
