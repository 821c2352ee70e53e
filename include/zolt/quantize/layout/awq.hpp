#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/layout/packed_words.hpp"

namespace zolt::inline v0 {

/// The tensors of one AWQ layer as their bytes lie in a file, little-endian.
///
/// Shapes   qweight int32 [inputs, outputs/8], qzeros int32 [groups, outputs/8], scales binary16 [groups, outputs].
template <class Byte = std::byte>
struct awq_tensors {
  std::span<Byte> qweight;
  std::span<const std::byte> qzeros, scales;
};

/// A word of eight 4-bit codes: nibble i holds output 0, 2, 4, 6, 1, 3, 5, 7 of eight, for i = 0 … 7.
///
/// Units    codes.
/// Source   AutoAWQ awq/modules/linear/gemm.py, order_map.
struct awq_words {
  static constexpr std::array<std::size_t, 8> nibble_of = {0, 4, 1, 5, 2, 6, 3, 7};  ///< by output

  static code load(const std::byte* row, std::size_t output) {
    return packed_words<4>::load(row + output / 8 * 4, 4, nibble_of[output % 8]);
  }
  static void store(std::byte* row, std::size_t output, code c) {
    packed_words<4>::store(row + output / 8 * 4, 4, nibble_of[output % 8], c);
  }
};

/// An AWQ layer in the owner's memory: a coded_storage whose codes are trained in place.
///
///   weight(c, o) = s_g·(q − z_g),   g = c / (inputs / groups)
///
/// Units    s: weight per code; q, z: codes from 0 to 15.
/// Shapes   inputs × outputs, the order in memory and the transpose of what `linear` takes: weights that share a byte must be neighbours.
///          Outputs are a multiple of 8, inputs of the groups.
/// Cost     no memory beside the owner's.
/// Errors   lengths that do not fit the shape, a scale that is NaN or infinite.
/// Source   AutoAWQ awq/modules/linear/gemm.py (the GEMM layout; GEMV and TinyChat interleave in other ways).
template <class Byte = std::byte>
  requires(std::same_as<std::remove_const_t<Byte>, std::byte>)
class awq_view {
 public:
  using format = uint4;

  awq_view() = default;
  awq_view(std::string_view name, const awq_tensors<Byte>& t, zolt::shape s) : tensors_(t), shape_(s) {
    detail::check_packed_shape<4>(name, s, "outputs", s.columns);
    groups_ = detail::group_count(name, t.scales, s.columns, s);
    const auto exactly = [&](std::string_view field, std::size_t bytes, std::size_t needed) {
      if (bytes != needed)
        fail(name, field, bytes, "be " + to_text(needed) + " for shape " + s.text() + " in " + to_text(groups_) + " groups");
    };
    exactly("bytes of qweight", t.qweight.size(), s.size() / 2);
    exactly("bytes of qzeros", t.qzeros.size(), groups_ * s.columns / 2);
    if (s.rows % groups_ != 0) fail(name, "groups", groups_, "divide the inputs, " + to_text(s.rows));
    detail::check_group_scales(name, t.scales, s.columns);
  }

  zolt::shape shape() const { return shape_; }
  std::size_t groups() const { return groups_; }
  /// The bytes of qweight.
  std::span<Byte> bytes() const { return tensors_.qweight; }

  zolt::code code(std::size_t i) const { return awq_words::load(row_of(i), i % shape_.columns); }
  void set_code(std::size_t i, zolt::code c) const requires(!std::is_const_v<Byte>) { awq_words::store(row_of(i), i % shape_.columns, c); }
  affine grid(std::size_t i) const { return grid_of(i / shape_.columns / (shape_.rows / groups_), i % shape_.columns); }
  float scale(std::size_t i) const { return grid(i).scale; }
  void decode(std::size_t first, std::span<float> out) const {
    for (std::size_t i = 0; i < out.size();) {
      const std::size_t input = (first + i) / shape_.columns, group = input / (shape_.rows / groups_);
      const std::byte* row = row_of(first + i);
      std::size_t output = (first + i) % shape_.columns;
      for (const std::size_t end = std::min(shape_.columns, output + out.size() - i); output < end; ++output, ++i)
        out[i] = grid_of(group, output)(static_cast<float>(awq_words::load(row, output)));
    }
  }

 private:
  Byte* row_of(std::size_t i) const { return tensors_.qweight.data() + i / shape_.columns * (shape_.columns / 2); }
  affine grid_of(std::size_t group, std::size_t output) const {
    const unsigned zero = awq_words::load(tensors_.qzeros.data() + group * (shape_.columns / 2), output);
    return {little_endian::load_half(tensors_.scales.data() + 2 * (group * shape_.columns + output)).value(), static_cast<float>(zero)};
  }

  awq_tensors<Byte> tensors_;
  zolt::shape shape_;
  std::size_t groups_ = 1;
};

/// An AWQ layer that owns its memory.
struct awq_layer {
  std::vector<std::byte> qweight, qzeros, scales;

  awq_tensors<> tensors() { return {qweight, qzeros, scales}; }
  awq_tensors<const std::byte> tensors() const { return {qweight, qzeros, scales}; }
};

/// Writes codes of inputs × outputs, scales and zeros of groups × outputs.
///
/// Errors   lengths that do not fit, a code or zero above 15, a scale that binary16 cannot hold.
inline awq_layer awq_pack(std::string_view name, const shape& s, std::span<const code> codes, std::span<const float> scales,
                          std::span<const code> zeros) {
  detail::check_packed_shape<4>(name, s, "outputs", s.columns);
  detail::check_packed_codes<4>(name, s, s.columns, codes, scales, zeros);
  awq_layer layer{std::vector<std::byte>(s.size() / 2), std::vector<std::byte>(zeros.size() / 2), detail::pack_halves(scales)};
  for (std::size_t k = 0; k < zeros.size(); ++k)
    awq_words::store(layer.qzeros.data() + k / s.columns * (s.columns / 2), k % s.columns, zeros[k]);
  const awq_view<> view(name, layer.tensors(), s);
  for (std::size_t i = 0; i < s.size(); ++i) view.set_code(i, codes[i]);
  return layer;
}

}  // namespace zolt::inline v0
