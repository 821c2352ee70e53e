#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/exact.hpp"
#include "zolt/linear/linear.hpp"

namespace zolt::inline v0 {

/// Keys and values of a few virtual positions in front of every sequence of an attention layer: what prefix tuning trains, with all weights
/// frozen.
///
///   k' = [K; k],   v' = [V; v]   in every sequence,   so that position t attends to all of the prefix and to s ≤ t
///
/// K and V are float parameters in the owner's memory. A forward calls prepend_keys and prepend_values behind the projections, on keys as
/// attention reads them (rotated, where they are), and lets every query see `positions()` rows more.
///
/// Units    those of keys and values.
/// Shapes   K, V: positions × width, for all heads side by side; k, v: sequences of `length` rows, one after the other, leading with the
///          probe or shared by all; the result: sequences of positions + length rows, leading with the probe.
/// Cost     8 · width bytes per position and layer. A copy of the keys and values, and a buffer per thread of the prefix under every probe.
/// Errors   shapes that do not fit; rows that are not whole sequences.
/// Source   Li & Liang 2021 (arXiv 2101.00190) §4; by forward passes alone, with K and V themselves as parameters and started from real
///          activations: Malladi et al. 2023 (arXiv 2305.17333), whose defaults are 5 positions, rate 1e-2 or 1e-3 and radius 1e-1.
/// Differs  no network that makes K and V from fewer numbers, as in Li & Liang.
class attention_prefix {
 public:
  attention_prefix(tensor_view<float> keys, tensor_view<float> values) : keys_(keys), values_(values) {
    if (keys.size() == 0) fail("attention_prefix", "shape of the keys", keys.shape().text(), "have at least one element");
    if (values.shape() != keys.shape())
      fail("attention_prefix", "shape of the values", values.shape().text(), "be " + keys.shape().text() + ", that of the keys");
  }

  std::size_t positions() const { return keys_.rows(); }
  std::size_t width() const { return keys_.columns(); }
  tensor_view<float> keys() const { return keys_; }
  tensor_view<float> values() const { return values_; }

  /// Starts from the first positions of a real sequence: keys and values that the layer had there. A prefix drawn at random starts far from
  /// anything that the layers above have seen.
  /// Errors   fewer positions, another width, a number that is not finite.
  void start_from(tensor_view<const float> k, tensor_view<const float> v) const {
    check_start("keys", k);
    check_start("values", v);
    std::copy_n(k.data(), keys_.size(), keys_.data());
    std::copy_n(v.data(), values_.size(), values_.data());
  }

  void prepend_keys(const probe_view& probes, tensor_view<const float> k, std::size_t length, tensor_view<float> out) const {
    prepend(probes, keys_, k, length, out);
  }
  void prepend_values(const probe_view& probes, tensor_view<const float> v, std::size_t length, tensor_view<float> out) const {
    prepend(probes, values_, v, length, out);
  }

 private:
  void check_start(std::string_view what, tensor_view<const float> from) const {
    if (from.rows() < positions() || from.columns() != width())
      fail("attention_prefix", what, from.shape().text(),
           "be at least " + to_text(positions()) + " rows of " + to_text(width()) + ", those of the prefix");
    for (std::size_t i = 0; i < keys_.size(); ++i)
      if (!exact::is_finite(from.data()[i])) fail("attention_prefix", what, from.data()[i], "be finite");
  }
  void prepend(const probe_view& probes, tensor_view<float> prefix, tensor_view<const float> x, std::size_t length,
               tensor_view<float> out) const {
    constexpr std::string_view subject = "attention_prefix";
    if (length == 0 || x.rows() % length != 0) fail(subject, "rows", x.rows(), "be whole sequences of " + to_text(length));
    if (x.columns() != width()) fail(subject, "columns", x.columns(), "be " + to_text(width()) + ", those of the prefix");
    const std::size_t whole = positions() + length, sequences = out.rows() / whole, of_probe = sequences / probes.count();
    const bool shared = sequences * length != x.rows();
    if (out.shape() != shape{of_probe * probes.count() * whole, width()} || (shared && of_probe * length != x.rows()))
      fail(subject, "shape of the result", out.shape().text(),
           "be " + shape{x.rows() / length * whole, width()}.text() + ", or that for every one of " + to_text(probes.count()) + " probes");
    thread_local std::vector<float> buffer;
    if (buffer.size() < prefix.size() * probes.count()) buffer.resize(prefix.size() * probes.count());
    const std::span<float> shown = std::span(buffer).first(prefix.size() * probes.count());
    probes.read(prefix, 0, shown);
    for (std::size_t s = 0; s < sequences; ++s) {
      float* to = out.row(s * whole).data();
      std::copy_n(shown.data() + s / of_probe * prefix.size(), prefix.size(), to);
      std::copy_n(x.row((shared ? s % of_probe : s) * length).data(), length * width(), to + prefix.size());
    }
  }

  tensor_view<float> keys_, values_;
};

}  // namespace zolt::inline v0
