#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

/// Additive vector quantization: a group of neighbouring weights of a row is a sum of one vector from each codebook, times the row's scale.
///
///   w[o, G·i + j] = scale[o] · Σ_m C[m][code[o, i, m]][j],   j < G = GroupSize
///
/// Codes are frozen. Codebooks and scales are floats: list `codebooks()` and `scales()` as parameters, and `read` shows the weights under
/// every probe. 2 bits per weight: additive_codebook_tensor<2, 8> (2×8) and additive_codebook_tensor<1, 16> (1×16).
///
/// Units    codebooks: weights per scale; scales: weights per codebook value.
/// Shapes   codes: rows × columns/G × Codebooks; codebooks: Codebooks × 2^CodeBits × G; scales: rows.
/// Cost     decode: Codebooks loads of G floats per group. read: that under every probe, and a pass over the codebooks per probe where the
///          range has enough codes; a scratch of one set of codebooks per thread (16 KiB for 2×8, 2 MiB for 1×16).
/// Errors   an empty shape, columns that G does not divide, buffers of other sizes, a code beyond the codebook, floats that are not finite.
/// Source   AQLM (Egiazarian et al. 2024, arXiv 2401.06118); zeroth-order training of its scales: QZO (arXiv 2505.13430).
/// Differs  codebooks are float32 where AQLM stores float16.
template <std::size_t Codebooks, int CodeBits, std::size_t GroupSize = 8>
class additive_codebook_tensor {
  static_assert(Codebooks >= 1 && CodeBits >= 1 && CodeBits <= 16 && GroupSize >= 1,
                "zolt: an additive codebook has at least one codebook, codes of 1 to 16 bits and groups of at least one weight");

 public:
  using code_type = std::conditional_t<(CodeBits <= 8), std::uint8_t, std::uint16_t>;
  static constexpr std::size_t codebook_count = Codebooks, entries = std::size_t{1} << CodeBits, group = GroupSize;

  additive_codebook_tensor() = default;
  /// Takes over codes, codebooks and scales, laid out as above.
  additive_codebook_tensor(std::string_view name, zolt::shape s, std::vector<code_type> codes, std::vector<float> codebooks,
                           std::vector<float> scales)
      : shape_(s), codes_(std::move(codes)), codebooks_(std::move(codebooks)), scales_(std::move(scales)) {
    if (s.size() == 0) fail(name, "shape", s.text(), "have at least one element");
    if (s.columns % GroupSize != 0) fail(name, "columns", s.columns, "be divided by the group of " + to_text(GroupSize));
    expect_count(name, "codes", codes_.size(), s.size() / GroupSize * Codebooks);
    expect_count(name, "floats of codebooks", codebooks_.size(), Codebooks * entries * GroupSize);
    expect_count(name, "scales", scales_.size(), s.rows);
    for (std::size_t i = 0; i < codes_.size(); ++i)
      if (codes_[i] >= entries) fail(name, "code " + to_text(i), unsigned{codes_[i]}, "be below " + to_text(entries));
    for (std::size_t i = 0; i < codebooks_.size(); ++i)
      if (!exact::is_finite(codebooks_[i])) fail(name, "float " + to_text(i) + " of the codebooks", codebooks_[i], "be finite");
    for (std::size_t i = 0; i < scales_.size(); ++i)
      if (!exact::is_finite(scales_[i])) fail(name, "scale of row " + to_text(i), scales_[i], "be finite");
  }

  zolt::shape shape() const { return shape_; }
  std::span<const code_type> codes() const { return codes_; }
  std::span<float> codebooks() { return codebooks_; }
  std::span<const float> codebooks() const { return codebooks_; }
  std::span<float> scales() { return scales_; }
  std::span<const float> scales() const { return scales_; }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(codes_)); }
  /// Bytes of codes, codebooks and scales.
  std::size_t memory() const { return bytes().size() + (codebooks_.size() + scales_.size()) * sizeof(float); }

  /// out[j] = weight first + j.
  void decode(std::size_t first, std::span<float> out) const {
    check_range(first, out.size());
    combine(first, out, codebooks_.data(), scales_.data(), 0);
  }

  /// out[k·n + j] = weight first + j under probe k, n = out.size() / probes.count().
  template <class Probes>
  void read(const Probes& probes, std::size_t first, std::span<float> out) const {
    const std::size_t n = out.size() / probes.count();
    check_range(first, n);
    if (n == 0) return;
    const std::size_t row = first / shape_.columns, rows = (first + n - 1) / shape_.columns + 1 - row;
    const std::size_t from = first / GroupSize, groups = (first + n - 1) / GroupSize + 1 - from;
    // A read of one vector costs about as much as 128 floats of a long read.
    const bool whole = groups * Codebooks * 128 >= codebooks_.size();
    const std::span<float> scales = scratch(rows + (whole ? codebooks_.size() : 0)).first(rows);
    for (std::size_t k = 0; k < probes.count(); ++k) {
      const auto probe = probes.one(k);
      const std::span<float> to = out.subspan(k * n, n);
      probe.read(std::span<const float>(scales_), row, scales);
      if (whole) {
        probe.read(std::span<const float>(codebooks_), 0, std::span<float>(scales.data() + rows, codebooks_.size()));
        combine(first, to, scales.data() + rows, scales.data(), row);
      } else {
        combine_few(probe, first, to, scales.data(), row);
      }
    }
  }

  /// y = W x by tables of the products of codebook vectors with a group of x: the weights are never made.
  ///
  ///   T[m][c] = ⟨C[m][c], x_i⟩,   y[o] = scale[o] · Σ_i Σ_m T[m][code[o, i, m]]
  ///
  /// Cost     columns·Codebooks·2^CodeBits products, then Codebooks loads and sums per group: for 2×8 fewer than decoding if rows > 512.
  /// Errors   sizes that do not fit.
  /// Source   the lookup tables of AQLM's CPU kernels.
  void multiply(std::span<const float> x, std::span<float> y) const {
    expect_count("additive_codebook_tensor", "size of x", x.size(), shape_.columns);
    expect_count("additive_codebook_tensor", "size of y", y.size(), shape_.rows);
    const std::size_t groups = shape_.columns / GroupSize;
    std::vector<float> table(Codebooks * entries);
    std::vector<double> sums(shape_.rows);
    for (std::size_t i = 0; i < groups; ++i) {
      for (std::size_t c = 0; c < table.size(); ++c) {
        double product = 0;  // of floats it is exact in double, so that contraction changes nothing
        for (std::size_t j = 0; j < GroupSize; ++j) product += double{codebooks_[c * GroupSize + j]} * x[i * GroupSize + j];
        table[c] = static_cast<float>(product);
      }
      for (std::size_t o = 0; o < shape_.rows; ++o) {
        const code_type* codes = codes_.data() + (o * groups + i) * Codebooks;
        for (std::size_t m = 0; m < Codebooks; ++m) sums[o] += table[m * entries + codes[m]];
      }
    }
    for (std::size_t o = 0; o < shape_.rows; ++o) y[o] = static_cast<float>(sums[o] * scales_[o]);
  }

 private:
  static void expect_count(std::string_view name, std::string_view what, std::size_t count, std::size_t wanted) {
    if (count != wanted) fail(name, what, count, "be " + to_text(wanted));
  }
  void check_range(std::size_t first, std::size_t count) const {
    if (first > shape_.size() || count > shape_.size() - first)
      fail("additive_codebook_tensor", "weights read, up to", first + count, "be at most " + to_text(shape_.size()));
  }
  static std::span<float> scratch(std::size_t count) {
    thread_local std::vector<float> buffer;
    if (buffer.size() < count) buffer.resize(count);
    return std::span(buffer).first(count);
  }

  /// f(weight, weights of its group in the range, group, place in the group)
  template <class Function>
  void for_each_group(std::size_t first, std::size_t count, Function&& f) const {
    for (std::size_t i = first, last = first + count; i < last;) {
      const std::size_t g = i / GroupSize, end = std::min(last, (g + 1) * GroupSize);
      f(i, end - i, g, i % GroupSize);
      i = end;
    }
  }
  void combine(std::size_t first, std::span<float> out, const float* codebooks, const float* scales, std::size_t first_row) const {
    for_each_group(first, out.size(), [&](std::size_t i, std::size_t count, std::size_t g, std::size_t place) {
      float sum[GroupSize] = {};
      for (std::size_t m = 0; m < Codebooks; ++m) {
        const float* vector = codebooks + (m * entries + codes_[g * Codebooks + m]) * GroupSize;
        for (std::size_t j = 0; j < GroupSize; ++j) sum[j] += vector[j];
      }
      const float scale = scales[i / shape_.columns - first_row];
      for (std::size_t j = 0; j < count; ++j) out[i - first + j] = sum[place + j] * scale;
    });
  }
  /// The same with codebook vectors read one by one.
  template <class Probes>
  void combine_few(const Probes& probe, std::size_t first, std::span<float> out, const float* scales, std::size_t first_row) const {
    for_each_group(first, out.size(), [&](std::size_t i, std::size_t count, std::size_t g, std::size_t place) {
      float sum[GroupSize] = {}, vector[GroupSize];
      for (std::size_t m = 0; m < Codebooks; ++m) {
        probe.read(std::span<const float>(codebooks_), (m * entries + codes_[g * Codebooks + m]) * GroupSize, std::span<float>(vector));
        for (std::size_t j = 0; j < GroupSize; ++j) sum[j] += vector[j];
      }
      const float scale = scales[i / shape_.columns - first_row];
      for (std::size_t j = 0; j < count; ++j) out[i - first + j] = sum[place + j] * scale;
    });
  }

  zolt::shape shape_;
  std::vector<code_type> codes_;
  std::vector<float> codebooks_, scales_;
};

}  // namespace zolt::inline v0
