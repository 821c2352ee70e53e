#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/numeric/half.hpp"
#include "zolt/numeric/rounding.hpp"

namespace zolt::inline v0 {

/// A number system of 16-bit words: an integer *ordinal* with a monotone decode, as in number_format, that stands for a float by itself.
/// What a tensor shares, a scale, is a member of the format.
///
/// What the compiler cannot check:
///   • value_of(word_of(o, false)) is strictly increasing on [lowest, highest], and 0 is among its values;
///   • ordinal_of(word_of(o, negative)) == o; `negative` chooses between two zeros where there are two;
///   • value_of is NaN or infinite for the words that are no number of the system, which have no ordinal;
///   • locate(x) says where any x but NaN lies on the grid of ordinals, which goes on beyond the range; `away` is −1 where x is negative.
/// A format with members names them in `fields(field)`, as a policy does: they are checked and recorded with the parameter.
template <class F>
concept narrow_format = std::copyable<F> && requires(const F& f, std::uint16_t word, int ordinal, bool negative, double x) {
  { F::name } -> std::convertible_to<std::string_view>;
  { F::lowest } -> std::convertible_to<int>;
  { F::highest } -> std::convertible_to<int>;
  { F::ordinal_of(word) } -> std::same_as<int>;
  { F::word_of(ordinal, negative) } -> std::same_as<std::uint16_t>;
  { f.value_of(word) } -> std::same_as<float>;
  { f.locate(x) } -> std::same_as<grid_position>;
};

namespace detail {

/// Where x lies among floating-point numbers with so many stored bits of the significand and that least exponent, by integer arithmetic on
/// the bits of x. Numbers are counted from 0 in order, and the count goes on where the exponents of a format end.
constexpr grid_position locate_on_floats(double x, int least_exponent, int mantissa_bits) {
  const auto u = std::bit_cast<std::uint64_t>(x);
  const int away = 1 - 2 * static_cast<int>(u >> 63), dropped = 52 - mantissa_bits, stored = static_cast<int>(u >> 52 & 0x7ff);
  const std::uint64_t magnitude = u << 1 >> 1, leading = std::uint64_t{1} << 52;
  const int below_least = 1023 + least_exponent - stored;
  if (below_least <= 0) {  // counted as the bits of x are, less those of the exponents that a format does not have
    const std::uint64_t counted = magnitude - (static_cast<std::uint64_t>(1022 + least_exponent) << 52);
    return {away * static_cast<int>(counted >> dropped), away, counted << (64 - dropped)};
  }
  if (stored == 0) return {0, away, magnitude != 0};  // far below every number but 0
  const std::uint64_t significand = (magnitude & (leading - 1)) | leading;
  const int discarded = dropped + below_least, lost = discarded - 64;
  const int kept = discarded > 52 ? 0 : static_cast<int>(significand >> discarded);
  if (lost <= 0) return {away * kept, away, significand << -lost};
  const bool sticky = lost > 52 || (significand & ((std::uint64_t{1} << lost) - 1)) != 0;
  return {0, away, (lost > 52 ? 0 : significand >> lost) | sticky};
}

/// Words of a sign and a magnitude, whose order is that of the numbers.
template <int Infinity>
struct sign_and_magnitude {
  static constexpr int highest = Infinity - 1, lowest = -highest;

  static constexpr int ordinal_of(std::uint16_t word) { return word & 0x8000 ? -(word & 0x7fff) : word & 0x7fff; }
  static constexpr std::uint16_t word_of(int ordinal, bool negative) {
    const int minus = (ordinal < 0) | ((ordinal == 0) & negative);
    return static_cast<std::uint16_t>(minus << 15 | (ordinal < 0 ? -ordinal : ordinal));
  }
  friend bool operator==(const sign_and_magnitude&, const sign_and_magnitude&) = default;
};

}  // namespace detail

/// IEEE binary16, fp16: 10 bits of significand, magnitudes from 2⁻²⁴ to 65504.
///
/// Units    value = what the word means. One step at |w| in [2^e, 2^(e+1)): 2^(e − 10), never below 2⁻²⁴.
/// Source   IEEE 754-2019 §3.6.
struct binary16 : detail::sign_and_magnitude<0x7c00> {
  static constexpr std::string_view name = "binary16";
  static constexpr float value_of(std::uint16_t word) { return half{word}.value(); }
  static constexpr grid_position locate(double x) { return detail::locate_on_floats(x, -14, 10); }
  friend bool operator==(const binary16&, const binary16&) = default;
};

/// bfloat16: the upper half of a float, 7 bits of significand.
///
/// Units    value = what the word means. One step at |w| in [2^e, 2^(e+1)): 2^(e − 7).
/// Source   the format of TPUs; Kalamkar et al. 2019 (arXiv 1905.12322).
struct bfloat16 : detail::sign_and_magnitude<0x7f80> {
  static constexpr std::string_view name = "bfloat16";
  static constexpr float value_of(std::uint16_t word) { return std::bit_cast<float>(std::uint32_t{word} << 16); }
  static constexpr grid_position locate(double x) { return detail::locate_on_floats(x, -126, 7); }
  friend bool operator==(const bfloat16&, const bfloat16&) = default;
};

/// Fixed point: a 16-bit integer, in two's complement, times the tensor's scale.
///
///   value = integer · scale, rounded to a float where the product is none: never for a scale of 9 significant bits, such as 2^−f
///
/// Units    scale: one step, everywhere. It must be positive, and 32768 · scale finite.
/// Source   fixed-point arithmetic; 16 bits of weight as in Feng et al. 2024 (arXiv 2411.04036).
struct fixed16 {
  static constexpr std::string_view name = "fixed16";
  static constexpr int lowest = -32768, highest = 32767;
  float scale = 1;

  template <class Field>
  void fields(Field&& field) const {
    field("scale", scale, bound::positive);
  }
  static constexpr int ordinal_of(std::uint16_t word) { return static_cast<std::int16_t>(word); }
  static constexpr std::uint16_t word_of(int ordinal, bool) { return static_cast<std::uint16_t>(ordinal); }
  constexpr float value_of(std::uint16_t word) const { return point(ordinal_of(word)); }
  /// Between the two floats that neighbours stand for, so that one of them is never between.
  constexpr grid_position locate(double x) const {
    const int away = std::bit_cast<std::uint64_t>(x) >> 63 ? -1 : 1;
    const double magnitude = away * x, steps = magnitude / scale;
    if (!(steps >= 0 && steps < beyond)) return {away * beyond, away, 0};
    auto below = static_cast<int>(steps);
    if (point(below) > magnitude)
      --below;
    else if (point(below + 1) <= magnitude)
      ++below;
    const double low = point(below), fraction = (magnitude - low) / (point(below + 1) - low);
    return {away * below, away, static_cast<std::uint64_t>(fraction * 0x1p64)};
  }
  friend bool operator==(const fixed16&, const fixed16&) = default;

 private:
  static constexpr int beyond = 1 << 17;
  constexpr float point(int ordinal) const { return scale * static_cast<float>(ordinal); }
};

/// Ordinals that a number may have.
struct ordinal_range {
  int lowest, highest;
};

/// The ordinals of a format whose numbers lie in [lowest, highest].
template <narrow_format Format>
constexpr ordinal_range ordinals_within(const Format& f, float lowest, float highest) {
  const grid_position low = f.locate(lowest), high = f.locate(highest);
  return {std::max<int>(Format::lowest, low.below + (low.away > 0 && low.fraction != 0)),
          std::min<int>(Format::highest, high.below - (high.away < 0 && high.fraction != 0))};
}

/// A word, and whether the number had to be clamped for it.
struct encoded_word {
  std::uint16_t word = 0;
  bool clamped = false;
};

/// The word of any x but NaN under a rounding; what lies outside the range goes to its end, infinities too.
///
/// Cost     stochastic_rounding compares one random word with the bits that are discarded: exact to 2⁻³².
template <narrow_format Format, rounding Rounding>
constexpr encoded_word encode_word(const Format& f, double x, const Rounding& round, std::uint32_t random = 0,
                                   const ordinal_range& within = {Format::lowest, Format::highest}) {
  const grid_position at = f.locate(x);
  const int wanted = round(at, random), ordinal = wanted < within.lowest    ? within.lowest
                                                  : wanted > within.highest ? within.highest
                                                                            : wanted;
  return {Format::word_of(ordinal, at.away < 0), ordinal != wanted};
}

/// A format by name and fields, as a trajectory records it.
template <narrow_format Format>
std::string text_of(const Format& f) {
  std::string text(Format::name);
  if constexpr (policy_with_fields<Format>)
    f.fields([&text](std::string_view field, double value, bound) { text += ":" + std::string(field) + "=" + to_text(value); });
  return text;
}

}  // namespace zolt::inline v0
