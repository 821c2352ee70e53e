#pragma once

#include <bit>
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
/// A format may say more, and is otherwise served by what is below:
///   • `static grid_position locate(float)`: where a finite float lies on its grid, which may go on beyond the range;
///   • `static int nearest(float)`: its own nearest point, for formats without even points;
///   • `negative_zero`, `nan_code(bool negative)`, `overflow_code(bool negative)`, `on_overflow`: the codes without an ordinal of their own;
///   • `static float decode(code)`: the float behind any code, those included;
///   • `static code encode_code(float, rounding, word)`: all of a conversion that follows rules of its own;
///   • `template <class Codes, class Values> static void decode_lanes(const Codes& codes, Values& values)`, [[gnu::always_inline]]: a vector
///     of 32-bit lanes at once, of any width, with the bits of value_of. A lane is the byte that holds a code, with the byte's sign; bits
///     above `bits` mean nothing;
///   • three for encoding in vectors, for formats that mirror magnitudes, [[gnu::always_inline]] too: `locate_lanes<Kept>(magnitude, whole,
///     rest)` gives 2^Kept times the position of a magnitude in the range as whole + (rest to nearest even), Kept ≤ 16;
///     `locate_lanes_exactly(magnitude, below, threshold)` gives the point below and ⌊2³²·fraction⌋ with its highest bit inverted, so that
///     signed comparison orders it; `code_lanes(magnitude, negative, codes)` makes codes of ordinals' magnitudes and masks of their signs.
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

/// What a float beyond the range becomes: the range's end, or what IEEE 754 says (infinity, or NaN where a format has none).
enum class overflow { saturate, ieee };

namespace detail {
template <overflow Overflow, class Format>
struct overflowing;
}  // namespace detail

/// The same format with another rule for what lies beyond its range: minifloats and powers of two have one.
template <overflow Overflow, class Format>
using with_overflow = typename detail::overflowing<Overflow, Format>::format;

/// Where a finite x lies on the grid of a format. x must not lie outside [value_of(lowest), value_of(highest)].
/// Cost     the format's own `locate`, or ⌈log₂ of the range⌉ decodes and a long division. No float arithmetic.
template <number_format Format>
constexpr grid_position locate(float x) {
  if constexpr (requires { Format::locate(x); }) {
    return Format::locate(x);
  } else {
    int low = Format::lowest, high = Format::highest;
    while (high - low > 1) {
      const int middle = low + (high - low) / 2;
      (float_order(Format::value_of(middle)) <= float_order(x) ? low : high) = middle;
    }
    return locate_between(low, Format::value_of(low), Format::value_of(high), x);
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
  constexpr std::int32_t least = float_order(Format::value_of(Format::lowest)), greatest = float_order(Format::value_of(Format::highest));
  const std::int32_t order = float_order(x);
  if (order <= least) return {Format::lowest, order < least};
  if (order >= greatest) return {Format::highest, order > greatest};
  if constexpr (std::same_as<Rounding, nearest_even> && requires { Format::nearest(x); })
    return {Format::nearest(x), false};
  else
    return {round(locate<Format>(x), word), false};
}

namespace detail {

template <number_format Format, rounding Rounding>
constexpr code encode_any(float x, const Rounding& round, std::uint32_t word) {
  constexpr std::uint32_t infinity = 0x7f800000;
  const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x) & 0x7fffffff;
  const bool negative = std::bit_cast<std::uint32_t>(x) >> 31 != 0;
  if (magnitude > infinity) {
    if constexpr (requires { Format::nan_code(negative); })
      return Format::nan_code(negative);
    else
      return Format::code_of(Format::highest);
  }
  if constexpr (requires { Format::overflow_code(negative); }) {
    if (Format::on_overflow == overflow::ieee && magnitude > std::bit_cast<std::uint32_t>(Format::value_of(Format::highest))) {
      const bool carries = round(grid_position{Format::highest, 1, ~std::uint64_t{0}}, 0) != Format::highest;
      const int ordinal = magnitude < infinity && carries ? round(Format::locate(x), word) : 0;
      if (magnitude == infinity || ordinal < Format::lowest || ordinal > Format::highest) return Format::overflow_code(negative);
    }
  }
  const int ordinal = encode<Format>(x, round, word).ordinal;
  if constexpr (requires { Format::negative_zero; })
    if (ordinal == 0 && negative) return Format::negative_zero;
  return Format::code_of(ordinal);
}

}  // namespace detail

/// The code of any float: the conversion that tools compare with each other. Weights of a network go through `encode` instead, after
/// a scale was fitted to them.
///
/// NaN becomes the format's NaN, or its largest number where it has none. A number beyond the range, infinities included, becomes the
/// range's end under overflow::saturate; under overflow::ieee it is rounded on the grid as that would go on, and what lies beyond the range
/// then is an overflow_code. A rounding that never moves away from zero carries no finite overflow.
/// Source   IEEE 754-2019 §7.4; saturation as in the OCP OFP8 and MX specifications.
template <number_format Format, rounding Rounding>
constexpr code encode_code(float x, const Rounding& round, std::uint32_t word = 0) {
  if constexpr (requires { Format::encode_code(x, round, word); })
    return Format::encode_code(x, round, word);
  else
    return detail::encode_any<Format>(x, round, word);
}
/// The float behind any code: NaN for a code out of use.
template <number_format Format>
constexpr float decode_code(code c) {
  if constexpr (requires { Format::decode(c); })
    return Format::decode(c);
  else
    return Format::has_ordinal(c) ? Format::value_of(Format::ordinal_of(c)) : std::bit_cast<float>(0x7fc00000u);
}

}  // namespace zolt::inline v0
