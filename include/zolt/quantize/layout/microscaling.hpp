#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/exponent.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/numeric/packing.hpp"
#include "zolt/quantize/layout/block_view.hpp"
#include "zolt/quantize/layout/bytes.hpp"
#include "zolt/quantize/range.hpp"

namespace zolt::inline v0 {

/// The name of a Microscaling block by the format of its elements.
template <number_format Format>
inline constexpr std::string_view mx_name = {};
template <>
inline constexpr std::string_view mx_name<e4m3fn> = "mxfp8_e4m3fn";
template <>
inline constexpr std::string_view mx_name<e5m2> = "mxfp8_e5m2";
template <>
inline constexpr std::string_view mx_name<e2m3fn> = "mxfp6_e2m3";
template <>
inline constexpr std::string_view mx_name<e3m2fn> = "mxfp6_e3m2";
template <>
inline constexpr std::string_view mx_name<e2m1fn> = "mxfp4";
template <>
inline constexpr std::string_view mx_name<mxint8> = "mxint8";

/// Blocks of 32 numbers of a format with a power of two, the scale first.
///
///   weight = 2^(e−127) · element,   e as `Scale` fits it,   element = the nearest to x·2^(127−e), ties to even, saturating
///
/// Units    2^(e−127): weight per element. bytes: e, then codes of 8 bits a byte each, of 6 bits four in three bytes from the lowest bit up,
///          of 4 bits in split halves (byte j: element j, above it j + 16). A block of zeros has e = 0.
/// Cost     Bits + 1/4 bits per weight.
/// Errors   e = 0xFF, which is NaN; a scale under which the largest element overflows, as power_of_two_ceil, and MXINT8 because of its −128,
///          would need for magnitudes near the largest float; a NaN or infinite element.
/// Source   OCP Microscaling Formats v1.0 §5 and §6.3, which leaves the placement in memory and rounding to the implementation.
/// Differs  MXINT8's −128 can be read and is never written.
template <number_format Format, class Scale = power_of_two_floor>
  requires(!mx_name<Format>.empty())
struct mx_block {
  using format = Format;
  static constexpr std::string_view name = mx_name<Format>;
  static constexpr std::string_view bound = "be a power of two whose product with the largest element is finite";
  static constexpr std::size_t weights = 32, bytes = 1 + weights * Format::bits / 8;

  static bool holds(float scale) { return exact::is_finite(scale * largest_element); }
  static std::array<block_scale, 1> scales(const std::byte* block) { return {{{"e8m0 scale", grid(block).scale}}}; }
  static std::array<block_scale, 1> fit(const float* w) {
    const bool zeros = detail::signed_peak(w, weights) == 0;
    return {{{"e8m0 scale", zeros ? 0x1p-127f : Scale{}.template fit<Format>(std::span<const float>(w, weights)).scale}}};
  }
  static void quantize(const float* w, std::byte* block) {
    const int exponent = std::ilogb(fit(w)[0].value);
    const double inverse = std::ldexp(1.0, -exponent);
    block[0] = static_cast<std::byte>(exponent + 127);
    for (std::size_t j = 0; j < weights; ++j)  // exact unless it is far below the smallest element
      set_code(block, j, encode_code<Format>(static_cast<float>(w[j] * inverse), nearest_even{}));
  }
  static void dequantize(const std::byte* block, float* w) { detail::decode_block(mx_block{}, block, w); }
  static scaled grid(const std::byte* block) { return {decode_code<e8m0fnu>(static_cast<zolt::code>(block[0]))}; }

  static zolt::code code(const std::byte* block, std::size_t j) {
    if constexpr (Format::bits == 6)
      return little_endian::load_code<6>([block](std::size_t k) { return block[1 + k]; }, 6 * j);
    else
      return packing<Format::bits>::load(block + 1, j);
  }
  static void set_code(std::byte* block, std::size_t j, zolt::code c) {
    if constexpr (Format::bits == 6)
      little_endian::store_code<6>([block](std::size_t k) -> std::byte& { return block[1 + k]; }, 6 * j, c);
    else
      packing<Format::bits>::store(block + 1, j, c);
  }
  static void unpack(const std::byte* block, zolt::code* c) {
    if constexpr (Format::bits == 6)
      for (std::size_t j = 0; j < weights; ++j) c[j] = code(block, j);
    else
      packing<Format::bits>::unpack(block + 1, 0, weights, c);
  }

 private:
  /// The largest magnitude that a code of a file may mean.
  static constexpr float largest_element = [] {
    float most = 0;
    for (int c = 0; c < 1 << Format::bits; ++c) {
      const auto any = static_cast<zolt::code>(c);
      if (requires { Format::nan_code(false); } && !Format::has_ordinal(any)) continue;  // MXINT8's −128 is no NaN and can be read
      const float value = Format::value_of(Format::ordinal_of(any));
      most = std::max(most, value < 0 ? -value : value);
    }
    return most;
  }();
};

using mxfp8_e4m3fn = mx_block<e4m3fn>;
using mxfp8_e5m2 = mx_block<e5m2>;
using mxfp6_e2m3 = mx_block<e2m3fn>;
using mxfp6_e3m2 = mx_block<e3m2fn>;
using mxfp4 = mx_block<e2m1fn>;
using mxint8_block = mx_block<mxint8>;

}  // namespace zolt::inline v0
