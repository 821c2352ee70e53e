#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// Small floating point without a sign: `Exponent` bits with `Bias`, `Mantissa` bits; subnormals included, and every code is a number.
///
///   exponent field 0: m·2^(1−Bias−Mantissa),   otherwise: (2^Mantissa + m)·2^(e−Bias−Mantissa)
///
/// The ordinal is the code. What is below 0 goes to 0.
///
/// Units    value = what the code means; the scale is the storage's.
/// Source   the minifloats of Micikevicius et al. 2022 (arXiv 2209.05433) with the sign's bit for one more of range or precision.
template <int Exponent, int Mantissa, int Bias>
  requires(Exponent >= 2 && Exponent <= 5 && Mantissa >= 1 && Exponent + Mantissa <= 8 && Bias >= -90 && Bias <= 32)
struct unsigned_minifloat {
 private:
  static constexpr char letters[5] = {'u', 'e', '0' + Exponent, 'm', '0' + Mantissa};
  static constexpr int mask = (1 << (Exponent + Mantissa)) - 1;
  static constexpr float power_of_two_float(int n) { return std::bit_cast<float>(static_cast<std::uint32_t>(127 + n) << 23); }
  static constexpr float least_normal = power_of_two_float(1 - Bias);

 public:
  static constexpr std::string_view name{letters, 5};
  static constexpr int bits = Exponent + Mantissa;
  static constexpr int lowest = 0, highest = mask;

  static constexpr bool has_ordinal(code) { return true; }
  static constexpr int ordinal_of(code c) { return c & mask; }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal); }
  static constexpr float value_of(int ordinal) {
    const auto c = static_cast<std::uint32_t>(ordinal);
    if (c >> Mantissa == 0) return static_cast<float>(c) * power_of_two_float(1 - Bias - Mantissa);
    return std::bit_cast<float>((c << (23 - Mantissa)) + ((127u - Bias) << 23));
  }

  template <class Codes, class Values>
  [[gnu::always_inline]] static void decode_lanes(const Codes& codes, Values& values) {
    const Codes c = codes & mask;
    const Values subnormal = __builtin_convertvector(c, Values) * power_of_two_float(1 - Bias - Mantissa);
    const Codes normal_bits = (c << (23 - Mantissa)) + ((127 - Bias) << 23);
    Codes subnormal_bits;
    __builtin_memcpy(&subnormal_bits, &subnormal, sizeof subnormal);
    const Codes is_subnormal = c < (1 << Mantissa);
    const Codes chosen = (is_subnormal & subnormal_bits) | (~is_subnormal & normal_bits);
    __builtin_memcpy(&values, &chosen, sizeof values);
  }
  template <class Floats, class Lanes>
  [[gnu::always_inline]] static void locate_lanes_exactly(const Floats& magnitude, Lanes& below, Lanes& threshold) {
    constexpr int dropped = 23 - Mantissa;
    Lanes pattern, small_threshold;
    __builtin_memcpy(&pattern, &magnitude, sizeof pattern);
    const Lanes is_subnormal = magnitude < least_normal;
    const Lanes normal = (pattern >> dropped) - ((127 - Bias) << Mantissa);
    const Lanes kept = pattern & is_subnormal;
    Floats small;
    __builtin_memcpy(&small, &kept, sizeof small);
    small *= power_of_two_float(Bias - 1 + Mantissa);
    below = __builtin_convertvector(small, Lanes);
    detail::threshold_of_fraction(small - __builtin_convertvector(below, Floats), small_threshold);
    below |= normal & ~is_subnormal;
    const Lanes normal_threshold = pattern << (32 - dropped) ^ static_cast<int>(0x80000000u);
    threshold = (small_threshold & is_subnormal) | (normal_threshold & ~is_subnormal);
  }
  template <class Lanes>
  [[gnu::always_inline]] static void code_lanes(const Lanes& magnitude, const Lanes&, Lanes& codes) {
    codes = magnitude;
  }
};

/// Five bits of exponent as E5M2, and a bit of precision more: 2⁻¹⁷ to 122880.
using ue5m3 = unsigned_minifloat<5, 3, 15>;

}  // namespace zolt::inline v0
