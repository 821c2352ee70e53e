#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "zolt/core/lanes.hpp"
#include "zolt/numeric/rounding.hpp"

namespace zolt::inline v0 {

/// Bits as they lie in memory. A code stands in the low `bits` of the byte.
using code = std::uint8_t;

/// A number system of ordered codes: an integer *ordinal* with a monotone decode. Everything that moves a weight moves its ordinal,
/// so that one implementation of probes, updates and undo serves integers, minifloats and codebooks alike.
///
/// What the compiler cannot check:
///   • value_of is strictly increasing on [lowest, highest], and 0 lies in that range;
///   • ordinal_of(code_of(o)) == o; several codes may share an ordinal (the two zeros of a minifloat), code_of gives the canonical one;
///   • has_ordinal is false exactly for codes that are no finite number of the system (NaN, infinity, codes out of use).
/// A format may say where a float lies on its grid by `static grid_position locate(float)`; otherwise it is found by bisection. It may
/// decode 16 codes at once by `static void decode_lanes(const lanes_i32& codes, lanes_f32& values)`, with the bits of value_of.
template <class F>
concept number_format = requires(zolt::code c, int ordinal) {
  { F::name } -> std::convertible_to<std::string_view>;
  { F::bits } -> std::convertible_to<int>;
  { F::lowest } -> std::convertible_to<int>;
  { F::highest } -> std::convertible_to<int>;
  { F::has_ordinal(c) } -> std::same_as<bool>;
  { F::ordinal_of(c) } -> std::same_as<int>;
  { F::code_of(ordinal) } -> std::same_as<zolt::code>;
  { F::value_of(ordinal) } -> std::same_as<float>;
};

/// Where a finite x lies on the grid of a format. x must not lie outside [value_of(lowest), value_of(highest)].
/// Cost     the format's own `locate`, or ⌈log₂ of the range⌉ decodes.
template <number_format Format>
constexpr grid_position locate(float x) {
  if constexpr (requires { Format::locate(x); }) {
    return Format::locate(x);
  } else {
    int low = Format::lowest, high = Format::highest;
    while (high - low > 1) {
      const int middle = low + (high - low) / 2;
      (Format::value_of(middle) <= x ? low : high) = middle;
    }
    if (x >= Format::value_of(high)) low = high;
    if (x <= Format::value_of(low)) return {low, 1, 0};
    const bool negative = low < 0;  // the fraction counts from the point nearer to zero, so that −x is the mirror image to the last bit
    const int below = negative ? high : low, away = negative ? -1 : 1;
    const double from = Format::value_of(below), gap = Format::value_of(below + away) - from;
    return {below, away, static_cast<std::uint64_t>((static_cast<double>(x) - from) / gap * 0x1p53) << 11};
  }
}

/// The ordinal of x under a rounding, and whether x had to be clamped to the range first.
struct encoded {
  int ordinal = 0;
  bool clamped = false;
};

/// Encodes a finite x; values outside the range go to its end.
template <number_format Format, rounding Rounding>
constexpr encoded encode(float x, const Rounding& round, std::uint32_t word = 0) {
  if (x <= Format::value_of(Format::lowest)) return {Format::lowest, x < Format::value_of(Format::lowest)};
  if (x >= Format::value_of(Format::highest)) return {Format::highest, x > Format::value_of(Format::highest)};
  return {round(locate<Format>(x), word), false};
}

}  // namespace zolt::inline v0
