#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "zolt/core/memory.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/numeric/packing.hpp"
#include "zolt/parameter/storage.hpp"
#include "zolt/quantize/granularity.hpp"
#include "zolt/quantize/range.hpp"
#include "zolt/quantize/scale_storage.hpp"

namespace zolt::inline v0 {

/// The layout of a shape's scales, or an error that names the shape.
template <granularity G>
scale_layout checked_layout(std::string_view subject, const shape& s) {
  if (s.size() == 0) fail(subject, "shape", s.text(), "have at least one element");
  if (s.size() / s.rows != s.columns) fail(subject, "shape", s.text(), "have a size that the machine can count");
  if (const scale_layout layout = G::layout(s); G::fits(s))
    return layout;
  else if (s.columns % layout.group != 0)
    fail(subject, "columns", s.columns, "be divided by the group of " + to_text(layout.group));
  else
    fail(subject, "rows", s.rows, "be divided by the block of " + to_text(layout.block_rows) + " rows");
}

/// Packed codes and their grids in somebody else's memory: how a program wraps the weight buffers that it already has.
/// Weight i is grids[layout.index(i)](value_of(code i)). A constant Byte gives a view that can only be read.
template <number_format Format, granularity Granularity, class Byte = std::byte,
          class Grids = std::conditional_t<asymmetric_format<Format>, affine_view, scale_view>>
class coded_view {
 public:
  using format = Format;
  using codes = packing<Format::bits>;
  using grid_type = std::remove_cvref_t<decltype(std::declval<const Grids&>()[0])>;

  coded_view() = default;
  coded_view(std::span<Byte> bytes, Grids grids, zolt::shape s)
      : codes_(bytes.data()), grids_(grids), shape_(s), layout_(checked_layout<Granularity>("coded_view", s)) {
    if (bytes.size() < codes::bytes_for(s.size()))
      fail("coded_view", "bytes of codes", bytes.size(), "be at least " + to_text(codes::bytes_for(s.size())) + " for shape " + s.text());
    if (grids.size() < layout_.count(s.size()))
      fail("coded_view", "scales", grids.size(), "be at least " + to_text(layout_.count(s.size())) + " for shape " + s.text());
  }

  zolt::shape shape() const { return shape_; }
  const scale_layout& layout() const { return layout_; }
  zolt::code code(std::size_t i) const { return codes::load(codes_, i); }
  void set_code(std::size_t i, zolt::code c) const requires(!std::is_const_v<Byte>) { codes::store(codes_, i, c); }
  /// The codes first … first + out.size() − 1, one byte each, and back.
  void load_codes(std::size_t first, std::span<zolt::code> out) const { codes::unpack(codes_, first, out.size(), out.data()); }
  void store_codes(std::size_t first, std::span<const zolt::code> in) const requires(!std::is_const_v<Byte>) {
    codes::pack(codes_, first, in.size(), in.data());
  }
  /// Where codes first, first + 1, … lie as packing<bits> says; first is a multiple of 32.
  Byte* packed_codes(std::size_t first) const { return codes_ + codes::byte_of(first); }
  /// Asks for the memory of weight i, which set_code is about to change.
  void prefetch(std::size_t i) const { zolt::prefetch(codes_ + codes::byte_of(i)); }
  grid_type grid(std::size_t i) const { return grids_[layout_.index(i)]; }
  float scale(std::size_t i) const { return grid(i).scale; }
  std::size_t scale_end(std::size_t i) const { return layout_.end(i); }
  const Grids& grids() const { return grids_; }
  std::span<const float> scales() const requires requires(const Grids& g) { g.scales(); }
  { return grids_.scales().first(count()); }
  std::span<const float> zeros() const requires requires(const Grids& g) { g.zeros(); }
  { return grids_.zeros().first(count()); }
  std::span<Byte> bytes() const { return {codes_, codes::bytes_for(shape_.size())}; }

  /// out[j] = weight first + j. Cost: one pass over the codes, no allocation.
  void decode(std::size_t first, std::span<float> out) const { kernel::decode<Format>(codes_, grids_, layout_, first, out); }
  /// out[j] = the value of code first + j, without its grid.
  void decode_unscaled(std::size_t first, std::span<float> out) const { kernel::decode_unscaled<Format>(codes_, first, out); }

 private:
  std::size_t count() const { return layout_.count(shape_.size()); }
  Byte* codes_ = nullptr;
  Grids grids_;
  zolt::shape shape_;
  scale_layout layout_;
};

/// How the scales of a format are kept unless somebody says otherwise.
template <class Format>
using default_scales = std::conditional_t<asymmetric_format<Format>, affine_scales, float_scales>;

/// Codes and scales that own their memory. It is a weight of `bits` bits and nothing else: no float copy exists.
template <class Format, class Granularity = per_channel, class Scales = default_scales<Format>>
class quantized_tensor {
  static_assert(
      number_format<Format>,
      "zolt: a number format needs name, bits, lowest, highest, has_ordinal, ordinal_of, code_of and value_of (see zolt::number_format)");
  static_assert(granularity<Granularity>, "zolt: a granularity needs layout(shape) and fits(shape) (see zolt::granularity)");
  static_assert(scale_storage<Scales>, "zolt: scale storage needs grid, a count, keep, view and memory (see zolt::scale_storage)");

 public:
  using format = Format;
  using grids_type = decltype(std::declval<const Scales&>().view());

  quantized_tensor() = default;
  explicit quantized_tensor(zolt::shape s) : shape_(s), kept_(checked_layout<Granularity>("quantized_tensor", s).count(s.size())) {
    codes_.resize(packing<Format::bits>::bytes_for(s.size()));
  }

  zolt::shape shape() const { return shape_; }
  std::size_t rows() const { return shape_.rows; }
  std::size_t columns() const { return shape_.columns; }
  std::size_t size() const { return shape_.size(); }
  /// The scales and zero points, if they are floats: parameters that an optimizer may train beside the codes or instead of them.
  std::span<float> scales() requires requires(Scales& s) { s.scales(); }
  { return kept_.scales(); }
  std::span<const float> scales() const requires requires(const Scales& s) { s.scales(); }
  { return kept_.scales(); }
  std::span<float> zeros() requires requires(Scales& s) { s.zeros(); }
  { return kept_.zeros(); }
  std::span<const float> zeros() const requires requires(const Scales& s) { s.zeros(); }
  { return kept_.zeros(); }
  Scales& kept_scales() { return kept_; }
  const Scales& kept_scales() const { return kept_; }
  /// Bytes of codes and scales.
  std::size_t memory() const { return codes_.size() + kept_.memory(); }

  coded_view<Format, Granularity, std::byte, grids_type> view() { return {codes_, kept_.view(), shape_}; }
  coded_view<Format, Granularity, const std::byte, grids_type> view() const { return {codes_, kept_.view(), shape_}; }
  void decode(std::size_t first, std::span<float> out) const { view().decode(first, out); }

 private:
  zolt::shape shape_;
  tensor_memory<std::byte> codes_;
  Scales kept_;
};

}  // namespace zolt::inline v0
