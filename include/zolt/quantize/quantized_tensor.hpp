#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "zolt/kernel/decode.hpp"
#include "zolt/numeric/packing.hpp"
#include "zolt/parameter/storage.hpp"
#include "zolt/quantize/granularity.hpp"

namespace zolt::inline v0 {

/// The layout of a shape's scales, or an error that names the shape.
template <granularity G>
scale_layout checked_layout(std::string_view subject, const shape& s) {
  if (s.size() == 0) fail(subject, "shape", s.text(), "have at least one element");
  if (s.size() / s.rows != s.columns) fail(subject, "shape", s.text(), "have a size that the machine can count");
  if (!G::fits(s)) fail(subject, "columns", s.columns, "be divided by the group of " + to_text(G::layout(s).group));
  return G::layout(s);
}

/// Packed codes and their scales in somebody else's memory: how a program wraps the weight buffers that it already has.
/// Weight i is value_of(code i) · scales[layout.index(i)]. A constant Byte gives a view that can only be read.
template <number_format Format, granularity Granularity, class Byte = std::byte>
class coded_view {
 public:
  using format = Format;
  using codes = packing<Format::bits>;

  coded_view() = default;
  coded_view(std::span<Byte> bytes, std::span<const float> scales, zolt::shape s)
      : codes_(bytes.data()), scales_(scales.data()), shape_(s), layout_(checked_layout<Granularity>("coded_view", s)) {
    if (bytes.size() < codes::bytes_for(s.size()))
      fail("coded_view", "bytes of codes", bytes.size(), "be at least " + to_text(codes::bytes_for(s.size())) + " for shape " + s.text());
    if (scales.size() < scale_count<Granularity>(s))
      fail("coded_view", "scales", scales.size(), "be at least " + to_text(scale_count<Granularity>(s)) + " for shape " + s.text());
  }

  zolt::shape shape() const { return shape_; }
  zolt::code code(std::size_t i) const { return codes::load(codes_, i); }
  void set_code(std::size_t i, zolt::code c) const requires(!std::is_const_v<Byte>) { codes::store(codes_, i, c); }
  float scale(std::size_t i) const { return scales_[layout_.index(i)]; }
  std::size_t scale_end(std::size_t i) const { return layout_.end(i); }
  std::span<const float> scales() const { return {scales_, layout_.count(shape_.size())}; }
  std::span<Byte> bytes() const { return {codes_, codes::bytes_for(shape_.size())}; }

  /// out[j] = weight first + j. Cost: one pass over the codes, no allocation.
  void decode(std::size_t first, std::span<float> out) const { kernel::decode<Format>(codes_, scales_, layout_, first, out); }

 private:
  Byte* codes_ = nullptr;
  const float* scales_ = nullptr;
  zolt::shape shape_;
  scale_layout layout_;
};

/// Codes and scales that own their memory. It is a weight of `bits` bits and nothing else: no float copy exists.
template <class Format, class Granularity = per_channel>
class quantized_tensor {
  static_assert(
      number_format<Format>,
      "zolt: a number format needs name, bits, lowest, highest, has_ordinal, ordinal_of, code_of and value_of (see zolt::number_format)");
  static_assert(granularity<Granularity>, "zolt: a granularity needs layout(shape) and fits(shape) (see zolt::granularity)");

 public:
  using format = Format;

  quantized_tensor() = default;
  explicit quantized_tensor(zolt::shape s) : shape_(s) {
    codes_.resize(packing<Format::bits>::bytes_for(s.size()));
    scales_.resize(checked_layout<Granularity>("quantized_tensor", s).count(s.size()), 1.0f);
  }

  zolt::shape shape() const { return shape_; }
  std::size_t rows() const { return shape_.rows; }
  std::size_t columns() const { return shape_.columns; }
  std::size_t size() const { return shape_.size(); }
  std::span<float> scales() { return scales_; }
  std::span<const float> scales() const { return scales_; }
  /// Bytes of codes and scales.
  std::size_t memory() const { return codes_.size() + scales_.size() * sizeof(float); }

  coded_view<Format, Granularity> view() { return {codes_, scales_, shape_}; }
  coded_view<Format, Granularity, const std::byte> view() const { return {codes_, scales_, shape_}; }
  void decode(std::size_t first, std::span<float> out) const { view().decode(first, out); }

 private:
  zolt::shape shape_;
  std::vector<std::byte> codes_;
  std::vector<float> scales_;
};

}  // namespace zolt::inline v0
