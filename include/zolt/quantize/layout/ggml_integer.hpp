#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "zolt/core/exact.hpp"
#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/packing.hpp"
#include "zolt/quantize/layout/block_layout.hpp"
#include "zolt/quantize/layout/bytes.hpp"
#include "zolt/quantize/layout/offset_integer.hpp"

namespace zolt::inline v0 {

namespace detail {

/// What layouts have in common whose scales are binary16.
struct half_scaled_layout {
  static constexpr std::string_view bound = "round to at most 65504, the largest binary16";
  static bool holds(float scale) { return little_endian::fits_half(scale); }
};

/// Codes of 32 weights as ggml lays them: 4 bits in split halves (byte j: element j, above it j + 16); of 5 bits the highest in a 32-bit word
/// before them, bit j of element j; 8 bits a byte each.
template <int Bits>
struct ggml_codes {
  static constexpr std::size_t bytes = 4 * Bits;

  static code load(const std::byte* at, std::size_t j) {
    if constexpr (Bits == 5)
      return static_cast<code>(packing<4>::load(at + 4, j) | (static_cast<unsigned>(at[j / 8]) >> j % 8 & 1) << 4);
    else
      return packing<Bits>::load(at, j);
  }
  static void store(std::byte* at, std::size_t j, code c) {
    if constexpr (Bits == 5) {
      const unsigned cleared = static_cast<unsigned>(at[j / 8]) & ~(1u << j % 8);
      at[j / 8] = static_cast<std::byte>(cleared | (c >> 4 & 1u) << j % 8);
      packing<4>::store(at + 4, j, static_cast<code>(c & 15));
    } else {
      packing<Bits>::store(at, j, c);
    }
  }
  static void unpack(const std::byte* at, code* codes) {
    if constexpr (Bits == 5) {
      packing<4>::unpack(at + 4, 0, 32, codes);
      const std::uint32_t high = little_endian::load_u32(at);
      for (std::size_t j = 0; j < 32; ++j) codes[j] = static_cast<code>(codes[j] | (high >> j & 1) << 4);
    } else {
      packing<Bits>::unpack(at, 0, 32, codes);
    }
  }
};

/// x/n, which -ffast-math would make x·(1/n).
inline float quotient(float x, int n) { return x / exact::opaque(static_cast<float>(n)); }
/// 1/d, and 0 where that is no finite number: a block so small is as good as zeros, and no code is made of infinity.
inline float reciprocal(float d) {
  const float inverse = d == 0 ? 0 : 1 / d;
  return exact::is_finite(inverse) ? inverse : 0;
}
/// ⌊x·inverse + offset⌋ within 0 … highest, with the product rounded first: bytes that do not depend on contraction.
inline code rounded_code(float x, float inverse, float offset, int highest) {
  const float at = exact::product(x, inverse) + offset;
  return static_cast<code>(at > 0 ? at < static_cast<float>(highest) ? static_cast<int>(at) : highest : 0);
}

}  // namespace detail

/// ggml's blocks of 32 signed codes with one scale. The largest magnitude, whatever its sign, is exact at the most negative code, so the scale
/// may be negative; a weight opposite to it may saturate.
///
///   d = x* / −2^(Bits−1),   q = min(2^Bits − 1, ⌊x·(1/d) + 2^(Bits−1) + ½⌋),   weight = (q − 2^(Bits−1))·d
///
/// Units    d: weight per code. bytes: binary16 d, then ggml_codes.
/// Cost     4.5 or 5.5 bits per weight.
/// Errors   |d| above 65504 (quantize_blocks).
/// Source   ggml-quants.c, quantize_row_q4_0_ref and quantize_row_q5_0_ref: codes are computed with d before it is rounded to binary16.
/// Differs  |d| below 2⁻¹²⁸, where 1/d overflows and the reference is undefined, counts as 0.
template <int Bits>
  requires(Bits == 4 || Bits == 5)
struct ggml_signed_block : detail::half_scaled_layout {
  using format = offset_integer<Bits>;
  using codes = detail::ggml_codes<Bits>;
  static constexpr std::string_view name = Bits == 4 ? "ggml_q4_0" : "ggml_q5_0";
  static constexpr std::size_t weights = 32, bytes = 2 + codes::bytes;

  static std::array<block_scale, 1> scales(const std::byte* block) { return {{{"d", grid(block).scale}}}; }
  static std::array<block_scale, 1> fit(const float* w) {
    return {{{"d", detail::signed_peak(w, weights) / static_cast<float>(format::lowest)}}};
  }
  static void quantize(const float* w, std::byte* block) {
    const float d = fit(w)[0].value, inverse = detail::reciprocal(d);
    little_endian::store_half(block, half::from(d));
    constexpr float offset = 0.5f - static_cast<float>(format::lowest);
    for (std::size_t j = 0; j < weights; ++j) set_code(block, j, detail::rounded_code(w[j], inverse, offset, (1 << Bits) - 1));
  }
  static void dequantize(const std::byte* block, float* w) { detail::decode_block(ggml_signed_block{}, block, w); }
  static zolt::code code(const std::byte* block, std::size_t j) { return codes::load(block + 2, j); }
  static void set_code(std::byte* block, std::size_t j, zolt::code c) { codes::store(block + 2, j, c); }
  static void unpack(const std::byte* block, zolt::code* c) { codes::unpack(block + 2, c); }
  static scaled grid(const std::byte* block) { return {little_endian::load_half(block).value()}; }
};
using ggml_q4_0 = ggml_signed_block<4>;
using ggml_q5_0 = ggml_signed_block<5>;

/// ggml's blocks of 32 unsigned codes with a scale and the least weight.
///
///   m = min x,   d = (max x − m) / (2^Bits − 1),   q = min(2^Bits − 1, ⌊(x − m)·(1/d) + ½⌋),   weight = q·d + m
///
/// Units    d: weight per code; m: weight. bytes: binary16 d, binary16 m, then ggml_codes.
/// Cost     5 or 6 bits per weight.
/// Errors   d or |m| above 65504 (quantize_blocks).
/// Source   ggml-quants.c, quantize_row_q4_1_ref and quantize_row_q5_1_ref: codes are computed with d and m before they are rounded.
/// Differs  d below 2⁻¹²⁸, where 1/d overflows and the reference is undefined, counts as 0.
template <int Bits>
  requires(Bits == 4 || Bits == 5)
struct ggml_unsigned_block : detail::half_scaled_layout {
  using format = unsigned_integer<Bits>;
  using codes = detail::ggml_codes<Bits>;
  static constexpr std::string_view name = Bits == 4 ? "ggml_q4_1" : "ggml_q5_1";
  static constexpr std::size_t weights = 32, bytes = 4 + codes::bytes;

  static std::array<block_scale, 2> scales(const std::byte* block) {
    const shifted g = grid(block);
    return {{{"d", g.scale}, {"m", g.offset}}};
  }
  static std::array<block_scale, 2> fit(const float* w) {
    float least = w[0], greatest = w[0];  // of equal numbers the first: the sign of a zero is kept
    for (std::size_t j = 1; j < weights; ++j) {
      if (w[j] < least) least = w[j];
      if (w[j] > greatest) greatest = w[j];
    }
    return {{{"d", detail::quotient(greatest - least, format::highest)}, {"m", least}}};
  }
  static void quantize(const float* w, std::byte* block) {
    const auto [d, m] = fit(w);
    const float inverse = detail::reciprocal(d.value);
    little_endian::store_half(block, half::from(d.value));
    little_endian::store_half(block + 2, half::from(m.value));
    for (std::size_t j = 0; j < weights; ++j) set_code(block, j, detail::rounded_code(w[j] - m.value, inverse, 0.5f, format::highest));
  }
  static void dequantize(const std::byte* block, float* w) { detail::decode_block(ggml_unsigned_block{}, block, w); }
  static zolt::code code(const std::byte* block, std::size_t j) { return codes::load(block + 4, j); }
  static void set_code(std::byte* block, std::size_t j, zolt::code c) { codes::store(block + 4, j, c); }
  static void unpack(const std::byte* block, zolt::code* c) { codes::unpack(block + 4, c); }
  static shifted grid(const std::byte* block) {
    return {little_endian::load_half(block).value(), little_endian::load_half(block + 2).value()};
  }
};
using ggml_q4_1 = ggml_unsigned_block<4>;
using ggml_q5_1 = ggml_unsigned_block<5>;

/// ggml's blocks of 32 bytes with one scale.
///
///   d = max|x| / 127,   q = round(x·(1/d)), ties away from zero,   weight = q·d
///
/// Units    d: weight per code. bytes: binary16 d, then a byte per code in two's complement.
/// Cost     8.5 bits per weight.
/// Errors   d above 65504 (quantize_blocks).
/// Source   ggml-quants.c, quantize_row_q8_0_ref. Its vector code for x86 takes ties to even.
/// Differs  −128 can be read and is never written: ggml's kernels for AVX2 multiply it wrongly, so no probe or update makes it, and an
///          optimizer refuses weights that have it. d below 2⁻¹²⁸ counts as 0.
struct ggml_q8_0 : detail::half_scaled_layout {
  using format = int8;
  using codes = detail::ggml_codes<8>;
  static constexpr std::string_view name = "ggml_q8_0";
  static constexpr std::size_t weights = 32, bytes = 2 + codes::bytes;

  static std::array<block_scale, 1> scales(const std::byte* block) { return {{{"d", grid(block).scale}}}; }
  static std::array<block_scale, 1> fit(const float* w) {
    return {{{"d", detail::quotient(std::fabs(detail::signed_peak(w, weights)), 127)}}};
  }
  static void quantize(const float* w, std::byte* block) {
    const float d = fit(w)[0].value, inverse = detail::reciprocal(d);
    little_endian::store_half(block, half::from(d));
    for (std::size_t j = 0; j < weights; ++j) {
      const int q = nearest_away{}(locate_on_integers(w[j] * inverse));
      set_code(block, j, format::code_of(std::clamp(q, format::lowest, format::highest)));
    }
  }
  static void dequantize(const std::byte* block, float* w) { detail::decode_block(ggml_q8_0{}, block, w); }
  static zolt::code code(const std::byte* block, std::size_t j) { return codes::load(block + 2, j); }
  static void set_code(std::byte* block, std::size_t j, zolt::code c) { codes::store(block + 2, j, c); }
  static void unpack(const std::byte* block, zolt::code* c) { codes::unpack(block + 2, c); }
  static scaled grid(const std::byte* block) { return {little_endian::load_half(block).value()}; }
};

}  // namespace zolt::inline v0
