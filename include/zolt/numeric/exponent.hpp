#pragma once

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// E8M0: a power of two in one byte, the scale of the Microscaling formats. No sign, no zero, no infinity; 0xFF is NaN.
///
///   value = 2^(code − 127)
///
/// A number half way between two powers of two goes up: its significand lies between 1, which is odd, and 2. Negative numbers become NaN.
/// Zero and what rounds below 2⁻¹²⁷ become the least power (`saturate`) or NaN (`ieee`).
///
/// Units    value = what the code means.
/// Source   OCP Microscaling Formats v1.0 §5.4.1, which leaves rounding to the implementation; scales of blocks choose their own rule.
template <overflow Overflow = overflow::saturate>
struct power_of_two {
  static constexpr std::string_view name = "e8m0fnu";
  static constexpr int bits = 8;
  static constexpr int lowest = 0, highest = 254;
  static constexpr overflow on_overflow = Overflow;
  static constexpr code nan = 0xff;

  static constexpr bool has_ordinal(code c) { return c != nan; }
  static constexpr int ordinal_of(code c) { return c; }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal); }
  static constexpr float value_of(int ordinal) {
    return std::bit_cast<float>(ordinal == 0 ? 0x00400000u : static_cast<std::uint32_t>(ordinal) << 23);
  }

  /// x is positive. A tie carries the sticky bit, so that roundings to nearest take it up.
  static constexpr grid_position locate(float x) {
    const float_parts parts(x);
    if (parts.significand == 0) return {-1, 1, 0};
    const int leading = leading_bit(parts.significand);
    const std::uint64_t fraction = (parts.significand << (23 - leading) & 0x7fffff) << 41;
    return {parts.exponent - 23 + leading + 127, 1, fraction | (fraction == std::uint64_t{1} << 63)};
  }

  template <class Rounding>
  static constexpr code encode_code(float x, const Rounding& round, std::uint32_t word) {
    const std::uint32_t u = std::bit_cast<std::uint32_t>(x);
    const bool saturates = Overflow == overflow::saturate;
    if (u == 0 || u == 0x80000000u) return saturates ? code_of(lowest) : nan;
    if (u > 0x7f800000u) return nan;  // NaN, or negative
    if (u == 0x7f800000u) return saturates ? code_of(highest) : nan;
    const int ordinal = round(locate(x), word);
    if (ordinal >= lowest && ordinal <= highest) return code_of(ordinal);
    return saturates ? code_of(ordinal < lowest ? lowest : highest) : nan;
  }
};

using e8m0fnu = power_of_two<>;

template <overflow Overflow, overflow Before>
struct detail::overflowing<Overflow, power_of_two<Before>> {
  using format = power_of_two<Overflow>;
};

}  // namespace zolt::inline v0
