#pragma once

#include <algorithm>
#include <optional>
#include <type_traits>

#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/layout/packed_words.hpp"

namespace zolt::inline v0 {

/// How a zero point is stored. `v1`: less one, modulo 2^Bits, so that a zero of 0 is all ones; `v2`: as it is.
/// Source   AutoGPTQ's "gptq", whose old kernels take such a zero for 2^Bits; its "gptq_v2".
enum class gptq_version { v1, v2 };

/// The tensors of one GPTQ layer as their bytes lie in a file, little-endian, for weights of outputs × inputs.
///
/// Shapes   qweight int32 [inputs·Bits/32, outputs], qzeros int32 [groups, outputs·Bits/32], scales binary16 [groups, outputs], g_idx int32
///          [inputs] or empty, which means groups of neighbours of equal size.
template <class Byte = std::byte>
struct gptq_tensors {
  std::span<Byte> qweight;
  std::span<const std::byte> qzeros, scales, g_idx;
  gptq_version version = gptq_version::v1;
};

/// The version of a layer whose zero points are all the middle code, as those of symmetric quantization are; nothing where they differ.
/// Files that call themselves "gptq" hold either, so a loader asks.
/// Errors   bytes that are no whole words.
template <int Bits>
std::optional<gptq_version> detect_gptq_version(std::string_view name, std::span<const std::byte> qzeros) {
  using words = packed_words<Bits>;
  if (qzeros.empty() || qzeros.size() % words::unit_bytes != 0)
    fail(name, "bytes of qzeros", qzeros.size(), "be a positive multiple of " + to_text(words::unit_bytes));
  bool less_one = true, as_it_is = true;
  constexpr unsigned middle = 1u << (Bits - 1);
  for (std::size_t unit = 0; unit < qzeros.size(); unit += words::unit_bytes)
    for (std::size_t j = 0; j < words::unit_codes; ++j) {
      const code stored = words::load(qzeros.data() + unit, 4, j);
      less_one &= stored == middle - 1, as_it_is &= stored == middle;
    }
  if (less_one) return gptq_version::v1;
  if (as_it_is) return gptq_version::v2;
  return std::nullopt;
}

/// A GPTQ layer in the owner's memory: a coded_storage whose codes are trained in place.
///
///   weight(o, c) = s_g·(q − z_g),   g = g_idx[c]
///
/// Units    s: weight per code; q, z: codes from 0 to 2^Bits − 1.
/// Shapes   outputs × inputs, as `linear` wants a weight: weight i is output i / inputs, input i mod inputs. Bits·inputs and Bits·outputs are
///          multiples of 32.
/// Cost     no memory beside the owner's.
/// Errors   lengths that do not fit the shape, a group out of range, a scale that is NaN or infinite.
/// Source   AutoGPTQ qlinear_cuda_old.py, pack and forward: codes run down the words of a column, of 3 bits 32 codes through 3 words.
template <int Bits, class Byte = std::byte>
  requires((Bits == 2 || Bits == 3 || Bits == 4 || Bits == 8) && std::same_as<std::remove_const_t<Byte>, std::byte>)
class gptq_view {
 public:
  using format = unsigned_integer<Bits>;
  using words = packed_words<Bits>;

  gptq_view() = default;
  gptq_view(std::string_view name, const gptq_tensors<Byte>& t, zolt::shape s) : tensors_(t), shape_(s) {
    detail::check_packed_shape<Bits>(name, s, "outputs", s.rows);
    detail::check_packed_shape<Bits>(name, s, "inputs", s.columns);
    groups_ = detail::group_count(name, t.scales, s.rows, s);
    const auto exactly = [&](std::string_view field, std::size_t bytes, std::size_t needed) {
      if (bytes != needed)
        fail(name, field, bytes, "be " + to_text(needed) + " for shape " + s.text() + " in " + to_text(groups_) + " groups");
    };
    exactly("bytes of qweight", t.qweight.size(), words::bytes_for(s.size()));
    exactly("bytes of qzeros", t.qzeros.size(), groups_ * words::bytes_for(s.rows));
    if (t.g_idx.empty()) {
      if (s.columns % groups_ != 0) fail(name, "groups", groups_, "divide the inputs, " + to_text(s.columns) + ", where there is no g_idx");
      group_size_ = s.columns / groups_;
    } else {
      exactly("bytes of g_idx", t.g_idx.size(), 4 * s.columns);
      for (std::size_t c = 0; c < s.columns; ++c)
        if (group_of(c) >= groups_)
          fail(name, "g_idx of input " + to_text(c), static_cast<std::int32_t>(group_of(c)), "be from 0 to " + to_text(groups_ - 1));
    }
    detail::check_group_scales(name, t.scales, s.rows);
  }

  zolt::shape shape() const { return shape_; }
  std::size_t groups() const { return groups_; }
  /// The bytes of qweight.
  std::span<Byte> bytes() const { return tensors_.qweight; }

  zolt::code code(std::size_t i) const { return load(i / shape_.columns, i % shape_.columns); }
  void set_code(std::size_t i, zolt::code c) const requires(!std::is_const_v<Byte>) {
    const std::size_t column = i % shape_.columns;
    words::store(unit_of(i / shape_.columns, column), 4 * shape_.rows, column % words::unit_codes, c);
  }
  affine grid(std::size_t i) const { return grid_of(group_of(i % shape_.columns), i / shape_.columns); }
  float scale(std::size_t i) const { return grid(i).scale; }
  /// At most 32 weights on, so that finding it stays cheap.
  std::size_t scale_end(std::size_t i) const {
    const std::size_t column = i % shape_.columns, last = std::min(shape_.columns, column + 32);
    return i - column + run_end(column, last);
  }
  void decode(std::size_t first, std::span<float> out) const {
    alignas(64) zolt::code codes[kernel::decode_block];
    for (std::size_t i = 0; i < out.size();) {
      const std::size_t row = (first + i) / shape_.columns, column = (first + i) % shape_.columns;
      const std::size_t count = std::min({kernel::decode_block, shape_.columns - column, out.size() - i});
      unpack(row, column, count, codes);
      kernel::decode_values<format>(codes, count, out.data() + i);
      for (std::size_t c = column, end = 0; c < column + count; c = end) {
        end = run_end(c, column + count);
        kernel::apply_grid(grid_of(group_of(c), row), out.data() + i + (c - column), end - c);
      }
      i += count;
    }
  }

 private:
  Byte* unit_of(std::size_t row, std::size_t column) const {
    return tensors_.qweight.data() + 4 * (column / words::unit_codes * words::unit_words * shape_.rows + row);
  }
  zolt::code load(std::size_t row, std::size_t column) const {
    return words::load(unit_of(row, column), 4 * shape_.rows, column % words::unit_codes);
  }
  void unpack(std::size_t row, std::size_t column, std::size_t count, zolt::code* codes) const {
    for (std::size_t last = column + count; column < last;) {
      const std::byte* unit = unit_of(row, column);
      std::size_t j = column % words::unit_codes;
      const std::size_t end = std::min(words::unit_codes, j + last - column);
      column += end - j;
      if constexpr (words::unit_words == 1)
        for (std::uint32_t word = little_endian::load_u32(unit) >> Bits * j; j < end; ++j, word >>= Bits)
          *codes++ = static_cast<zolt::code>(word & format::highest);
      else
        for (; j < end; ++j) *codes++ = words::load(unit, 4 * shape_.rows, j);
    }
  }
  std::size_t group_of(std::size_t column) const {
    return tensors_.g_idx.empty() ? column / group_size_ : little_endian::load_u32(tensors_.g_idx.data() + 4 * column);
  }
  /// The first column from `column` on of another group than its, `last` at most.
  std::size_t run_end(std::size_t column, std::size_t last) const {
    if (tensors_.g_idx.empty()) return std::min(last, (column / group_size_ + 1) * group_size_);
    const std::size_t group = group_of(column);
    do ++column;
    while (column < last && group_of(column) == group);
    return column;
  }
  affine grid_of(std::size_t group, std::size_t row) const {
    const std::byte* zeros = tensors_.qzeros.data() + group * words::bytes_for(shape_.rows);
    const unsigned stored = words::load(zeros + row / words::unit_codes * words::unit_bytes, 4, row % words::unit_codes);
    const unsigned zero = tensors_.version == gptq_version::v1 ? (stored + 1) & format::highest : stored;
    return {little_endian::load_half(tensors_.scales.data() + 2 * (group * shape_.rows + row)).value(), static_cast<float>(zero)};
  }

  gptq_tensors<Byte> tensors_;
  zolt::shape shape_;
  std::size_t groups_ = 1, group_size_ = 1;
};

/// A GPTQ layer that owns its memory.
struct gptq_layer {
  std::vector<std::byte> qweight, qzeros, scales, g_idx;
  gptq_version version = gptq_version::v1;

  gptq_tensors<> tensors() { return {qweight, qzeros, scales, g_idx, version}; }
  gptq_tensors<const std::byte> tensors() const { return {qweight, qzeros, scales, g_idx, version}; }
};

/// Writes codes of outputs × inputs, scales and zeros of groups × outputs, and the group of each input.
///
/// Errors   lengths that do not fit, a code or zero above 2^Bits − 1, a scale that binary16 cannot hold, a group out of range; in version 1 a
///          zero of 0, which readers take for 0 or for 2^Bits.
template <int Bits>
gptq_layer gptq_pack(std::string_view name, const shape& s, std::span<const code> codes, std::span<const float> scales,
                     std::span<const code> zeros, std::span<const std::uint32_t> g_idx, gptq_version version) {
  using words = packed_words<Bits>;
  detail::check_packed_shape<Bits>(name, s, "outputs", s.rows);
  detail::check_packed_shape<Bits>(name, s, "inputs", s.columns);
  detail::check_packed_codes<Bits>(name, s, s.rows, codes, scales, zeros);
  if (version == gptq_version::v1)
    for (std::size_t k = 0; k < zeros.size(); ++k)
      if (zeros[k] == 0)
        fail(name, "zero of " + detail::group_place(k, s.rows), 0,
             "be at least 1 in version 1, whose readers do not agree about 0: write v2");
  if (g_idx.size() != s.columns) fail(name, "g_idx", g_idx.size(), "be one per input, " + to_text(s.columns));

  const std::size_t groups = scales.size() / s.rows;
  gptq_layer layer{std::vector<std::byte>(words::bytes_for(s.size())), detail::pack_rows<Bits>(zeros, s.rows, version == gptq_version::v1),
                   detail::pack_halves(scales), std::vector<std::byte>(4 * s.columns), version};
  for (std::size_t c = 0; c < s.columns; ++c) {
    if (g_idx[c] >= groups) fail(name, "g_idx of input " + to_text(c), g_idx[c], "be from 0 to " + to_text(groups - 1));
    little_endian::store_u32(layer.g_idx.data() + 4 * c, g_idx[c]);
  }
  const gptq_view<Bits> view(name, layer.tensors(), s);
  for (std::size_t i = 0; i < s.size(); ++i) view.set_code(i, codes[i]);
  return layer;
}

}  // namespace zolt::inline v0
