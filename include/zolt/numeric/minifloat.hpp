#pragma once

#include <bit>

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// Which codes of the top exponent are numbers: `ieee` none (infinity and NaN), `finite_nan` all but the last (NaN), `finite` all.
enum class minifloat_kind { ieee, finite_nan, finite };

/// Small floating point: sign, `Exponent` bits with `Bias`, `Mantissa` bits; subnormals included.
///
/// The ordinal is the magnitude's code with the sign: consecutive ordinals are consecutive numbers, and ±0 share ordinal 0.
/// Encoding and decoding are integer arithmetic on the representation, so FTZ, DAZ, rounding modes and -ffast-math cannot change a code.
/// Overflow saturates: values beyond the range are clamped by `encode`.
/// Source   Micikevicius et al. 2022 (arXiv 2209.05433) for E4M3 and E5M2.
template <int Exponent, int Mantissa, int Bias, minifloat_kind Kind>
  requires(Exponent >= 2 && Exponent <= 5 && Mantissa >= 1 && Exponent + Mantissa <= 7)
struct minifloat {
  static constexpr std::string_view name = Exponent == 4 && Mantissa == 3 && Bias == 7 && Kind == minifloat_kind::finite_nan ? "e4m3fn"
                                           : Exponent == 5 && Mantissa == 2 && Bias == 15 && Kind == minifloat_kind::ieee    ? "e5m2"
                                                                                                                             : "minifloat";
  static constexpr int bits = 1 + Exponent + Mantissa;
  static constexpr int highest = (1 << (Exponent + Mantissa)) - (Kind == minifloat_kind::ieee         ? (1 << Mantissa) + 1
                                                                 : Kind == minifloat_kind::finite_nan ? 2
                                                                                                      : 1);
  static constexpr int lowest = -highest;

  static constexpr bool has_ordinal(code c) { return (c & magnitude_mask) <= highest; }
  static constexpr int ordinal_of(code c) {
    const int magnitude = c & magnitude_mask;
    return c & sign_bit ? -magnitude : magnitude;
  }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal < 0 ? sign_bit | -ordinal : ordinal); }

  static constexpr float value_of(int ordinal) {
    const int magnitude = ordinal < 0 ? -ordinal : ordinal;
    const std::uint32_t normal = (static_cast<std::uint32_t>(magnitude) << (23 - Mantissa)) + ((127u - Bias) << 23);
    const auto subnormal = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * smallest);
    const std::uint32_t sign = static_cast<std::uint32_t>(ordinal) & 0x80000000u;
    return std::bit_cast<float>(sign | (magnitude < 1 << Mantissa ? subnormal : normal));
  }

  static constexpr grid_position locate(float x) {
    const float_parts parts(x);
    const int binade = parts.exponent < 1 - Bias ? 1 - Bias : parts.exponent;  // subnormal numbers share the lowest normal grid
    const int discarded = 23 - Mantissa + binade - parts.exponent;
    const int below = ((binade + Bias - 1) << Mantissa) + static_cast<int>(parts.kept(discarded));
    return {parts.away * below, parts.away, parts.fraction(discarded)};
  }

  static void decode_lanes(const lanes_i32& codes, lanes_f32& values) {
    const lanes_i32 magnitude = codes & magnitude_mask;
    const lanes_f32 subnormal = __builtin_convertvector(magnitude, lanes_f32) * smallest;
    const lanes_i32 normal_bits = (magnitude << (23 - Mantissa)) + ((127 - Bias) << 23);
    lanes_i32 subnormal_bits;
    __builtin_memcpy(&subnormal_bits, &subnormal, sizeof subnormal);
    const lanes_i32 is_subnormal = magnitude < (1 << Mantissa), is_zero = magnitude == 0;
    const lanes_i32 sign = (codes << (31 - Exponent - Mantissa)) & ~is_zero & static_cast<int>(0x80000000u);
    const lanes_i32 bits_of_values = ((is_subnormal & subnormal_bits) | (~is_subnormal & normal_bits)) | sign;
    __builtin_memcpy(&values, &bits_of_values, sizeof values);
  }

 private:
  static constexpr int sign_bit = 1 << (Exponent + Mantissa);
  static constexpr int magnitude_mask = sign_bit - 1;
  static constexpr float smallest = std::bit_cast<float>(static_cast<std::uint32_t>(128 - Bias - Mantissa) << 23);  // 2^(1−Bias−Mantissa)
};

/// FP8 of the OCP standard: E4M3 without infinities (±448), and E5M2 as IEEE (±57344).
using e4m3 = minifloat<4, 3, 7, minifloat_kind::finite_nan>;
using e5m2 = minifloat<5, 2, 15, minifloat_kind::ieee>;

}  // namespace zolt::inline v0
