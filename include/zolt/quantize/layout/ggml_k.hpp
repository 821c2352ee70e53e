#pragma once

#include <array>

#include "zolt/quantize/layout/ggml_integer.hpp"

namespace zolt::inline v0 {

/// ggml's blocks of 256 codes of 4 bits in 8 runs of 32, each with a scale and a least weight of 6 bits. Read only: a code has two scales of
/// different precision, and what to do when training needs another one is not settled.
///
///   weight = (d·s_k)·q − (dmin·m_k)
///
/// Units    d, dmin: weight per step of s_k·q and of m_k. bytes: binary16 d, binary16 dmin, 12 of the 6-bit numbers, 128 of codes: 4 runs of
///          32 bytes for 64 weights, of which the low nibbles are the first 32.
/// Cost     4.5 bits per weight.
/// Source   ggml-common.h, block_q4_K; ggml-quants.c, dequantize_row_q4_K. Both products are exact in binary32.
struct ggml_q4_k : detail::half_scaled_layout {
  static constexpr std::string_view name = "ggml_q4_K";
  static constexpr std::size_t weights = 256, bytes = 144;

  static std::array<block_scale, 2> scales(const std::byte* block) {
    return {{{"d", little_endian::load_half(block).value()}, {"dmin", little_endian::load_half(block + 2).value()}}};
  }
  static void dequantize(const std::byte* block, float* w) {
    const auto [d, dmin] = scales(block);
    for (std::size_t k = 0; k < 8; ++k) {
      const shifted grid{d.value * static_cast<float>(scale_of(block + 4, k)), -(dmin.value * static_cast<float>(least_of(block + 4, k)))};
      const std::byte* qs = block + 16 + k / 2 * 32;
      const unsigned shift = k % 2 * 4;
      for (std::size_t j = 0; j < 32; ++j) w[32 * k + j] = grid(static_cast<float>(little_endian::load_u8(qs + j) >> shift & 15));
    }
  }

 private:
  static unsigned scale_of(const std::byte* s, std::size_t k) {
    using little_endian::load_u8;
    return k < 4 ? load_u8(s + k) & 63 : (load_u8(s + k + 4) & 15) | load_u8(s + k - 4) >> 6 << 4;
  }
  static unsigned least_of(const std::byte* s, std::size_t k) {
    using little_endian::load_u8;
    return k < 4 ? load_u8(s + k + 4) & 63 : load_u8(s + k + 4) >> 4 | load_u8(s + k) >> 6 << 4;
  }
};

/// ggml's blocks of 256 codes of 6 bits in 16 runs of 16, each with a scale of 8 bits. Read only, as ggml_q4_k.
///
///   weight = (d·s_k)·(q − 32)
///
/// Units    d: weight per step of s_k·q. bytes: 128 of low nibbles, 64 of high pairs of bits, 16 signed scales, binary16 d. In each half of 128
///          weights, weight 32·r + l has nibble r / 2 of byte 32·(r mod 2) + l, and pair r of byte l.
/// Cost     6.5625 bits per weight.
/// Source   ggml-common.h, block_q6_K; ggml-quants.c, dequantize_row_q6_K.
struct ggml_q6_k : detail::half_scaled_layout {
  static constexpr std::string_view name = "ggml_q6_K";
  static constexpr std::size_t weights = 256, bytes = 210;

  static std::array<block_scale, 1> scales(const std::byte* block) { return {{{"d", little_endian::load_half(block + 208).value()}}}; }
  static void dequantize(const std::byte* block, float* w) {
    const float d = scales(block)[0].value;
    for (std::size_t i = 0; i < weights; ++i) {
      const std::size_t half_block = i / 128, r = i % 128 / 32, l = i % 32;
      const unsigned low = little_endian::load_u8(block + 64 * half_block + 32 * (r % 2) + l) >> (r / 2 * 4) & 15;
      const unsigned high = little_endian::load_u8(block + 128 + 32 * half_block + l) >> (2 * r) & 3;
      const auto scale = static_cast<float>(int8::ordinal_of(static_cast<code>(block[192 + i / 16])));
      w[i] = d * scale * static_cast<float>(static_cast<int>(low | high << 4) - 32);
    }
  }
};

}  // namespace zolt::inline v0
