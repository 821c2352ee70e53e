#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <vector>

#include "zolt/core/tensor.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/quantize/block_scales.hpp"
#include "zolt/quantize/layout/bytes.hpp"

namespace zolt::inline v0 {

/// Two 4-bit codes in a byte: element 2i in the high nibble, 2i + 1 in the low one.
///
/// Units    codes.
/// Source   bitsandbytes csrc/kernels.cu, kQuantizeBlockwise.
struct bitsandbytes_codes {
  static constexpr std::size_t bytes_for(std::size_t weights) { return (weights + 1) / 2; }
  static code load(const std::byte* bytes, std::size_t i) {
    return static_cast<code>(little_endian::load_u8(bytes + i / 2) >> (i % 2 == 0 ? 4 : 0) & 15);
  }
  static void store(std::byte* bytes, std::size_t i, code c) {
    little_endian::store_code<4>([bytes, i](std::size_t) -> std::byte& { return bytes[i / 2]; }, i % 2 == 0 ? 4 : 0, c);
  }
};

namespace detail {

template <class Format>
concept bitsandbytes_format = std::same_as<Format, nf4> || std::same_as<Format, fp4_bnb>;

template <class Format, std::size_t Block, class Grids>
void check_bitsandbytes(std::string_view name, std::size_t bytes, const Grids& grids, const shape& s) {
  if (s.rows == 0 || s.columns == 0) fail(name, "shape", s.text(), "have at least one element");
  if (s.size() / s.rows != s.columns) fail(name, "shape", s.text(), "have a size that the machine can count");
  const std::size_t blocks = s.size() / Block + (s.size() % Block != 0), needed = s.size() / 2 + s.size() % 2;
  if (bytes < needed)
    fail(name, "bytes", bytes, "be at least " + to_text(needed) + " for shape " + s.text() + " of " + std::string(Format::name));
  if (grids.size() < blocks)
    fail(name, "absmax", grids.size(), "be at least " + to_text(blocks) + " for shape " + s.text() + " in blocks of " + to_text(Block));
  for (std::size_t k = 0; k < blocks; ++k)
    if (const float absmax = grids[k].scale; !exact::is_finite(absmax)) fail(name, "absmax of block " + to_text(k), absmax, "be finite");
}

}  // namespace detail

/// Weights of bitsandbytes' 4-bit types in the owner's memory: a coded_storage whose codes are trained in place. `Grids` gives the largest
/// magnitude of block k as `grids[k].scale`: floats, or those of absmax_of_bytes.
///
///   weight = absmax · table[q]
///
/// Units    absmax: weights. Blocks of `Block` weights run through the whole tensor, over the ends of rows; the last may be shorter.
/// Cost     4 bits per weight; absmax 32/Block, double-quantized 8/Block + 32/(256·Block).
/// Errors   buffers too short for the shape, an absmax that is NaN or infinite.
/// Source   bitsandbytes functional.py, dequantize_4bit; Dettmers et al. 2023 (QLoRA, arXiv 2305.14314) §3.
template <number_format Format, std::size_t Block = 64, class Byte = std::byte, class Grids = scale_view>
  requires(detail::bitsandbytes_format<Format>&& Block % 2 == 0 && Block > 0 && std::same_as<std::remove_const_t<Byte>, std::byte>)
class bitsandbytes_view {
 public:
  using format = Format;

  bitsandbytes_view() = default;
  bitsandbytes_view(std::string_view name, std::span<Byte> bytes, Grids absmax, zolt::shape s) : grids_(absmax), shape_(s) {
    detail::check_bitsandbytes<Format, Block>(name, bytes.size(), absmax, s);
    bytes_ = bytes.first(bitsandbytes_codes::bytes_for(s.size()));
  }

  zolt::shape shape() const { return shape_; }
  /// The packed codes.
  std::span<Byte> bytes() const { return bytes_; }

  zolt::code code(std::size_t i) const { return bitsandbytes_codes::load(bytes_.data(), i); }
  void set_code(std::size_t i, zolt::code c) const requires(!std::is_const_v<Byte>) { bitsandbytes_codes::store(bytes_.data(), i, c); }
  scaled grid(std::size_t i) const { return {grids_[i / Block].scale}; }
  float scale(std::size_t i) const { return grid(i).scale; }
  std::size_t scale_end(std::size_t i) const { return std::min(shape_.size(), (i / Block + 1) * Block); }
  void decode(std::size_t first, std::span<float> out) const {
    for (std::size_t i = 0; i < out.size();) {
      const std::size_t end = std::min(scale_end(first + i) - first, out.size());
      const scaled g = grid(first + i);
      for (; i < end; ++i) out[i] = g(table[code(first + i)]);
    }
  }

 private:
  static constexpr std::array<float, 16> table = [] {
    std::array<float, 16> values{};
    for (std::size_t c = 0; c < 16; ++c) values[c] = Format::value_of(Format::ordinal_of(static_cast<zolt::code>(c)));
    return values;
  }();

  std::span<Byte> bytes_;
  Grids grids_;
  zolt::shape shape_;
};

/// Writes weights in bitsandbytes' 4-bit types: codes to `packed`, the largest magnitude of each block to `absmax`. An odd last byte has a
/// low nibble of the code of 0.
///
///   absmax = max|x|,   q = nearest(x·(1/max(absmax, 10⁻³⁸))) within ±1
///
/// Units    as bitsandbytes_view.
/// Cost     three passes over the weights, no allocation.
/// Errors   no weights, buffers too short, a NaN or infinite weight. After an error nothing has changed.
/// Source   bitsandbytes csrc/kernels.cu, kQuantizeBlockwise with dQuantizeNF4 and dQuantizeFP4.
/// Differs  1/absmax is finite for every absmax: the reference makes infinity of it below 2⁻¹²⁸.
template <number_format Format, std::size_t Block = 64>
  requires(detail::bitsandbytes_format<Format>&& Block % 2 == 0 && Block > 0)
void quantize_bitsandbytes(std::string_view name, std::span<const float> weights, std::span<std::byte> packed, std::span<float> absmax) {
  const std::size_t blocks = weights.size() / Block + (weights.size() % Block != 0);
  if (weights.empty()) fail(name, "weights", 0, "be at least 1");
  if (packed.size() < bitsandbytes_codes::bytes_for(weights.size()))
    fail(name, "bytes", packed.size(), "be at least " + to_text(bitsandbytes_codes::bytes_for(weights.size())));
  if (absmax.size() < blocks) fail(name, "absmax", absmax.size(), "be at least " + to_text(blocks));
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!exact::is_finite(weights[i])) fail(name, "weight " + to_text(i) + " (block " + to_text(i / Block) + ")", weights[i], "be finite");
  const auto encode_value = [](float v) {
    if constexpr (std::same_as<Format, fp4_bnb>)
      return fp4_table::nearest_code(v);  // whose second zero is for negative numbers
    else
      return Format::code_of(Format::nearest(v));
  };
  for (std::size_t k = 0; k < blocks; ++k) {
    const auto block = weights.subspan(k * Block, std::min(Block, weights.size() - k * Block));
    float largest = 0;
    for (const float w : block) largest = std::max(largest, std::fabs(w));
    absmax[k] = largest;
    const float inverse = 1.0f / std::max(largest, 1e-38f);
    for (std::size_t j = 0; j < block.size(); ++j)
      bitsandbytes_codes::store(packed.data(), k * Block + j, encode_value(std::clamp(block[j] * inverse, -1.0f, 1.0f)));
  }
  if (weights.size() % 2 != 0) bitsandbytes_codes::store(packed.data(), weights.size(), encode_value(0));
}

/// The weights of codes and the largest magnitudes of their blocks.
///
/// Errors   those of bitsandbytes_view. After an error nothing has changed.
template <number_format Format, std::size_t Block = 64, class Grids = scale_view>
void dequantize_bitsandbytes(std::string_view name, std::span<const std::byte> packed, Grids absmax, std::span<float> weights) {
  bitsandbytes_view<Format, Block, const std::byte, Grids>(name, packed, absmax, {1, weights.size()}).decode(0, weights);
}

/// Double-quantized absmax as bitsandbytes keeps it (`absmax`, `state2.absmax`, `offset`), for `Grids` of a view. To write it: make
/// double_quantized_scales of as many entries and let it `keep` the absmax that quantize_bitsandbytes gave; its codes(), block_scales() and
/// offset() are these.
///
///   absmax_k ≈ dynamic_map[code_k] · nested[k / 256] + offset
///
/// Errors   too few nested scales.
/// Source   bitsandbytes functional.py, quantize_4bit(compress_statistics=True), whose blocks are of 256.
/// Differs  the offset is the mean in double; torch's sum in float may differ in its last bits.
inline double_quantized_scales::grids absmax_of_bytes(std::string_view name, std::span<const code> codes, std::span<const float> nested,
                                                      const float* offset) {
  const std::size_t needed = codes.size() / double_quantized_scales::block + (codes.size() % double_quantized_scales::block != 0);
  if (nested.size() < needed) fail(name, "nested absmax", nested.size(), "be at least " + to_text(needed));
  return {codes, nested.data(), offset};
}

}  // namespace zolt::inline v0
