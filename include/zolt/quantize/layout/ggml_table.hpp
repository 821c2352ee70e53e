#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/exponent.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/layout/ggml_integer.hpp"
#include "zolt/quantize/range.hpp"

namespace zolt::inline v0 {

/// ggml's blocks of 32 codes of its non-linear table with one scale. Read and trained; ggml's search for the best d is not repeated here.
///
///   weight = d · table[q]
///
/// Units    d: weight per unit of the table. bytes: binary16 d, then split halves.
/// Cost     4.5 bits per weight.
/// Source   ggml-common.h, block_iq4_nl.
struct ggml_iq4_nl : detail::half_scaled_layout {
  using format = iq4_nl;
  using codes = detail::ggml_codes<4>;
  static constexpr std::string_view name = "ggml_iq4_nl";
  static constexpr std::size_t weights = 32, bytes = 2 + codes::bytes;

  static std::array<block_scale, 1> scales(const std::byte* block) { return {{{"d", grid(block).scale}}}; }
  static void dequantize(const std::byte* block, float* w) { detail::decode_block(ggml_iq4_nl{}, block, w); }
  static zolt::code code(const std::byte* block, std::size_t j) { return codes::load(block + 2, j); }
  static void set_code(std::byte* block, std::size_t j, zolt::code c) { codes::store(block + 2, j, c); }
  static void unpack(const std::byte* block, zolt::code* c) { codes::unpack(block + 2, c); }
  static scaled grid(const std::byte* block) { return {little_endian::load_half(block).value()}; }
};

/// ggml's blocks of 32 E2M1 numbers with a power of two.
///
///   e = max(0, ⌊log₂ max|x|⌋ − 2 + 127),   weight = 2^(e−127)·E2M1,   q: the nearest number, of two as near the one nearer to zero
///
/// Units    2^(e−127): weight per E2M1 number. bytes: e, then split halves.
/// Cost     4.25 bits per weight.
/// Errors   when read: e = 0xFF, which is NaN, or above 252, where the largest code overflows.
/// Source   ggml-quants.c, quantize_row_mxfp4_ref. Its scan keeps the first of equal distances: no −0 is written, ties differ from mxfp4.
/// Differs  ⌊log₂⌋ is that of the bits. The reference takes the floor of a rounded log2f, which is one more just below some powers of two,
///          and is undefined below 2⁻¹²⁵.
struct ggml_mxfp4 {
  using format = e2m1fn;
  using codes = detail::ggml_codes<4>;
  static constexpr std::string_view name = "ggml_mxfp4";
  static constexpr std::string_view bound = "be a power of two whose product with 6 is finite";
  static constexpr std::size_t weights = 32, bytes = 1 + codes::bytes;

  static bool holds(float scale) { return exact::is_finite(scale * 6); }
  static std::array<block_scale, 1> scales(const std::byte* block) { return {{{"e8m0 scale", grid(block).scale}}}; }
  static std::array<block_scale, 1> fit(const float* w) { return {{{"e8m0 scale", decode_code<e8m0fnu>(exponent_code(w))}}}; }
  static void quantize(const float* w, std::byte* block) {
    const zolt::code e = exponent_code(w);
    const double inverse = std::ldexp(1.0, 127 - e);
    block[0] = static_cast<std::byte>(e);
    for (std::size_t j = 0; j < weights; ++j) set_code(block, j, nearest_code(w[j] * inverse));
  }
  static void dequantize(const std::byte* block, float* w) { detail::decode_block(ggml_mxfp4{}, block, w); }
  static zolt::code code(const std::byte* block, std::size_t j) { return codes::load(block + 1, j); }
  static void set_code(std::byte* block, std::size_t j, zolt::code c) { codes::store(block + 1, j, c); }
  static void unpack(const std::byte* block, zolt::code* c) { codes::unpack(block + 1, c); }
  static scaled grid(const std::byte* block) { return {decode_code<e8m0fnu>(static_cast<zolt::code>(block[0]))}; }

 private:
  static zolt::code exponent_code(const float* w) {
    const float largest = std::fabs(detail::signed_peak(w, weights));
    return largest == 0 ? zolt::code{0} : static_cast<zolt::code>(std::max(0, detail::floor_log2(largest) + 125));
  }
  static zolt::code nearest_code(double x) {
    constexpr std::array<double, 7> boundaries = {0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5};
    zolt::code magnitude = 0;
    for (const double b : boundaries) magnitude = static_cast<zolt::code>(magnitude + (std::fabs(x) > b));
    return x < 0 && magnitude != 0 ? static_cast<zolt::code>(magnitude | 8) : magnitude;
  }
};

}  // namespace zolt::inline v0
