#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

/// How the input channels of a layer become others: entry e adds factor·x[source] to activation `target`, and column `source` of the
/// weight to column `target`. A channel split in T has T entries of factor 1/T; two merged channels have one target and factor ½ each.
///
///   x'_t = Σ_e factor_e · x_source,   W'_t = Σ_e W_source   over the entries of target t,   x'·W'ᵀ ≈ x·Wᵀ
///
/// The factors are floats that a forward-only optimizer may train: zolt::parameter("reassembly", std::span(map.factor), …).
///
/// Units    factor: none.
/// Shapes   x: tokens × inputs, x': tokens × outputs; w: rows × inputs, w': rows × outputs.
/// Cost     12 bytes per entry; one product and one sum per entry and token.
/// Source   QLLM (Liu et al. 2023, arXiv 2310.08041).
struct channel_map {
  std::size_t inputs = 0, outputs = 0;
  std::vector<std::int32_t> source, target;
  std::vector<float> factor;

  /// out = the activations that the reassembled weight wants.
  /// Errors   shapes that do not fit.
  void apply(tensor_view<const float> x, tensor_view<float> out) const {
    check_shapes(x, out, x.rows());
    scatter(x, factor, out);
  }
  /// The same under every probe of a view, each with its own factors: rows of `out` lead with the probe, x does too or is shared.
  template <class Probes>
  void apply(const Probes& probes, tensor_view<const float> x, tensor_view<float> out) const {
    const std::size_t batch = out.rows() / probes.count();
    check_shapes(x, out, batch * probes.count());
    if (x.rows() != batch && x.rows() != out.rows())
      fail("channel_map", "rows of x", x.rows(), "be " + to_text(out.rows()) + " (a block of rows per probe) or " + to_text(batch));
    std::vector<float> factors(probes.count() * factor.size());
    probes.read(std::span(factor), 0, factors);
    for (std::size_t k = 0; k < probes.count(); ++k)
      scatter(x.rows_from(x.rows() == batch ? 0 : k * batch, batch), std::span(factors).subspan(k * factor.size(), factor.size()),
              out.rows_from(k * batch, batch));
  }
  /// The weight for reassembled activations, to be quantized as any other.
  tensor<float> weights(tensor_view<const float> w) const {
    if (w.columns() != inputs) fail("channel_map", "columns of w", w.columns(), "be " + to_text(inputs));
    tensor<float> result({w.rows(), outputs});
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (std::size_t e = 0; e < source.size(); ++e)
        result(r, static_cast<std::size_t>(target[e])) += w(r, static_cast<std::size_t>(source[e]));
    return result;
  }

 private:
  void check_shapes(tensor_view<const float> x, tensor_view<float> out, std::size_t rows) const {
    if (x.columns() != inputs) fail("channel_map", "columns of x", x.columns(), "be " + to_text(inputs));
    if (out.shape() != shape{rows, outputs})
      fail("channel_map", "shape of the result", out.shape().text(), "be " + shape{rows, outputs}.text());
  }
  void scatter(tensor_view<const float> x, std::span<const float> factors, tensor_view<float> out) const {
    for (std::size_t t = 0; t < x.rows(); ++t) {
      std::fill_n(out.row(t).data(), outputs, 0.0f);
      for (std::size_t e = 0; e < source.size(); ++e)
        out(t, static_cast<std::size_t>(target[e])) += exact::product(x(t, static_cast<std::size_t>(source[e])), factors[e]);
    }
  }
};

/// The largest magnitude of every column of calibration activations.
/// Errors   a value that is not finite.
inline std::vector<float> channel_maxima(tensor_view<const float> x) {
  std::vector<float> largest(x.columns());
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t c = 0; c < x.columns(); ++c) {
      if (!exact::is_finite(x(r, c)))
        fail("channel_reassembly", "activation of token " + to_text(r) + ", channel " + to_text(c), x(r, c), "be finite");
      largest[c] = std::max(largest[c], std::fabs(x(r, c)));
    }
  return largest;
}

namespace detail {
/// T = max(1, ⌈largest / θ⌉).
inline double pieces(float largest, double threshold) { return std::max(1.0, std::ceil(double{largest} / threshold)); }
}  // namespace detail

/// The least threshold of a scan from the largest channel downward that adds at most ratio·C channels.
///
///   θ_i = max − i·(max − min)/steps,   steps = max(100, ⌊max/½⌋),   Σ_j (T_j − 1) ≤ ⌊ratio·C⌋
///
/// Units    that of the activations; ratio: added channels per channel.
/// Cost     at most steps passes over the maxima.
/// Errors   no channels, a maximum that is not finite, a ratio that is negative.
/// Source   QLLM, as its code does it (find_threshold_uniform).
/// Differs  θ_i is computed from i, not accumulated; the scan ends at min or where all channels would be split, not one step below.
inline float disassembly_threshold(std::span<const float> largest, double ratio) {
  if (largest.empty()) fail("channel_reassembly", "channels", 0, text_of(bound::at_least_one));
  if (!holds(bound::non_negative, ratio)) fail("channel_reassembly", "ratio", ratio, text_of(bound::non_negative));
  const auto [low, high] = std::minmax_element(largest.begin(), largest.end());
  const double most = std::floor(ratio * static_cast<double>(largest.size())), greatest = *high;
  for (const float m : largest)
    if (!holds(bound::non_negative, m)) fail("channel_reassembly", "largest magnitude of a channel", m, text_of(bound::non_negative));
  const double steps = std::max(100.0, std::floor(greatest / 0.5)), width = (greatest - double{*low}) / steps;
  float best = *high;
  for (double i = 1; i <= steps && width > 0; ++i) {
    const auto threshold = static_cast<float>(greatest - exact::product(i, width));
    double added = 0;
    for (const float m : largest) added += threshold > 0 ? detail::pieces(m, threshold) - 1 : most + 1;
    if (added > most) break;
    best = threshold;
  }
  return best;
}

/// Splits every channel beyond the threshold into T = ⌈max/θ⌉ equal parts, so that no activation of the calibration exceeds θ. The layer is
/// the same function: T·(x/T)·w = x·w, up to rounding, exactly for powers of two.
///
/// Errors   a threshold that is not positive; more than 2²⁴ channels.
/// Source   QLLM, channel disassembly.
inline channel_map disassemble(std::span<const float> largest, float threshold) {
  if (std::all_of(largest.begin(), largest.end(), [](float m) { return m == 0; })) threshold = 1;
  if (!holds(bound::positive, threshold)) fail("channel_reassembly", "threshold", threshold, text_of(bound::positive));
  channel_map map;
  map.inputs = largest.size();
  double total = 0;
  for (const float m : largest) total += detail::pieces(m, threshold);
  if (!(total <= 0x1p24)) fail("channel_reassembly", "channels after the splits", total, "be at most 16777216: raise the threshold");
  for (std::size_t c = 0; c < largest.size(); ++c) {
    const double parts = detail::pieces(largest[c], threshold);
    for (double p = 0; p < parts; ++p) {
      map.source.push_back(static_cast<std::int32_t>(c));
      map.target.push_back(static_cast<std::int32_t>(map.outputs++));
      map.factor.push_back(static_cast<float>(1 / parts));
    }
  }
  return map;
}

/// What merging two channels costs: the squared change of the layer's outputs over all tokens.
///
///   ‖(x_i w_iᵀ + x_j w_jᵀ) − ½(x_i + x_j)(w_i + w_j)ᵀ‖² = ‖x_i − x_j‖²·‖w_i − w_j‖² / 4
///
/// Units    that of the outputs, squared.
/// Source   QLLM, channel assembly: w_i(x_i − x_j)/2 + w_j(x_j − x_i)/2, which is a product of differences.
/// Differs  exact; QLLM's code approximates it by distances of channels weighted with sums of weights.
inline double assembly_cost(std::span<const float> x_i, std::span<const float> x_j, std::span<const float> w_i,
                            std::span<const float> w_j) {
  const auto square = [](std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
      const double d = a[k] - b[k];  // a float: its square is exact
      sum += d * d;
    }
    return sum;
  };
  return square(x_i, x_j) * square(w_i, w_j) / 4;
}

/// Merges pairs of similar channels until as many are left as there were before the splits: cheapest pairs of one even and one odd channel
/// first, each channel at most once, parts of a split channel never.
///
/// Shapes   x: tokens × inputs, calibration activations; w: rows × inputs.
/// Cost     (C/2)² · (tokens + rows) operations, 4 bytes per element of x and w, 16 bytes per pair.
/// Errors   shapes that do not fit; fewer pairs of unsplit channels than merges.
/// Source   QLLM; bipartite soft matching of Bolya et al. 2023 (ToMe, arXiv 2210.09461).
/// Differs  a channel is merged once, so that the cost is what happens; in QLLM many may be averaged into one.
inline channel_map assemble(const channel_map& split, tensor_view<const float> x, tensor_view<const float> w) {
  if (x.columns() != split.inputs) fail("channel_reassembly", "columns of x", x.columns(), "be " + to_text(split.inputs));
  if (w.columns() != split.inputs) fail("channel_reassembly", "columns of w", w.columns(), "be " + to_text(split.inputs));
  const auto columns_of = [](tensor_view<const float> t) {
    tensor<float> columns({t.columns(), t.rows()});
    for (std::size_t r = 0; r < t.rows(); ++r)
      for (std::size_t c = 0; c < t.columns(); ++c) columns(c, r) = t(r, c);
    return columns;
  };
  const tensor<float> xs = columns_of(x), ws = columns_of(w);
  using pair = std::tuple<double, std::size_t, std::size_t>;
  std::vector<pair> pairs;
  for (std::size_t i = 0; i < split.outputs; i += 2)
    for (std::size_t j = 1; j < split.outputs; j += 2) {
      if (split.factor[i] != 1 || split.factor[j] != 1) continue;
      const auto a = static_cast<std::size_t>(split.source[i]), b = static_cast<std::size_t>(split.source[j]);
      pairs.emplace_back(assembly_cost(xs.view().row(a), xs.view().row(b), ws.view().row(a), ws.view().row(b)), i, j);
    }
  std::sort(pairs.begin(), pairs.end());

  const std::size_t wanted = split.outputs - split.inputs, none = split.outputs;
  std::vector<std::size_t> into(split.outputs, none);  // with whom a channel is merged
  std::size_t merged = 0;
  for (const auto& [cost, i, j] : pairs) {
    if (merged == wanted) break;
    if (into[i] == none && into[j] == none) into[i] = j, into[j] = i, ++merged;
  }
  if (merged < wanted)
    fail("channel_reassembly", "pairs of unsplit channels", merged, "be at least " + to_text(wanted) + ", the channels added: split less");

  channel_map result = split;
  result.outputs = 0;
  for (std::size_t e = 0; e < split.outputs; ++e)  // odd channels stay where they are
    if (into[e] == none || e % 2 == 1) result.target[e] = static_cast<std::int32_t>(result.outputs++);
  for (std::size_t e = 0; e < split.outputs; ++e)
    if (into[e] != none) {
      result.factor[e] = 0.5f;
      if (e % 2 == 0) result.target[e] = result.target[into[e]];
    }
  return result;
}

/// Splits the outlier channels of a layer and merges similar ones: as many channels as before, of smaller range.
///
/// Units    ratio: channels that splits may add, per channel.
/// Cost     as assemble.
/// Errors   those of channel_maxima, disassembly_threshold and assemble.
/// Source   QLLM (arXiv 2310.08041). Its low-rank correction is an adapter beside the layer and is not made here.
inline channel_map reassemble_channels(tensor_view<const float> x, tensor_view<const float> w, double ratio) {
  const std::vector<float> largest = channel_maxima(x);
  return assemble(disassemble(largest, disassembly_threshold(largest, ratio)), x, w);
}

}  // namespace zolt::inline v0
