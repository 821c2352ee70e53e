#pragma once

#include <bit>
#include <cstdint>

#include "zolt/numeric/rounding.hpp"

namespace zolt::inline v0 {

/// IEEE binary16 as bits: how foreign layouts store scales. Integer arithmetic, exact both ways, to nearest even with overflow to infinity.
///
/// Source   IEEE 754-2019 §3.6.
struct half {
  std::uint16_t bits = 0;

  static constexpr half from(float x) {
    const std::uint32_t u = std::bit_cast<std::uint32_t>(x), magnitude = u & 0x7fffffff;
    const auto sign = static_cast<std::uint16_t>(u >> 16 & 0x8000);
    if (magnitude > 0x7f800000) return {static_cast<std::uint16_t>(sign | 0x7e00)};
    if (magnitude == 0x7f800000) return {static_cast<std::uint16_t>(sign | 0x7c00)};
    const float_parts parts(x);
    const int binade = parts.exponent < -14 ? -14 : parts.exponent, discarded = 13 + binade - parts.exponent;
    const grid_position at{((binade + 14) << 10) + static_cast<int>(parts.kept(discarded)), 1, parts.fraction(discarded)};
    const int rounded = nearest_even{}(at);
    return {static_cast<std::uint16_t>(sign | (rounded > 0x7c00 ? 0x7c00 : rounded))};
  }
  constexpr float value() const {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16, magnitude = bits & 0x7fff;
    if (magnitude >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    if (magnitude >= 0x0400) return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
    if (magnitude == 0) return std::bit_cast<float>(sign);
    const int leading = leading_bit(magnitude);
    return std::bit_cast<float>(sign | static_cast<std::uint32_t>(103 + leading) << 23 | ((magnitude << (23 - leading)) & 0x7fffff));
  }
  friend bool operator==(const half&, const half&) = default;
};

}  // namespace zolt::inline v0
