#pragma once

#include <bit>
#include <type_traits>

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// Which codes are numbers. `ieee`: the top exponent holds infinity and NaN. `finite_nan`: only the last code of each sign is no number, it
/// is NaN. `finite`: all codes are numbers. `fnuz`: all but 0x80…0, which is NaN instead of −0.
enum class minifloat_kind { ieee, finite_nan, finite, fnuz };

/// Small floating point: sign, `Exponent` bits with `Bias`, `Mantissa` bits; subnormals included.
///
///   exponent field 0: ±m·2^(1−Bias−Mantissa),   otherwise: ±(2^Mantissa + m)·2^(e−Bias−Mantissa)
///
/// The ordinal is the magnitude's code with the sign: consecutive ordinals are consecutive numbers, and ±0 share ordinal 0.
/// Encoding and decoding are integer arithmetic on the representation, so FTZ, DAZ, rounding modes and -ffast-math cannot change a code.
/// `Overflow` says what `encode_code` makes of a float beyond the range; weights of a network are clamped, since they stay finite.
///
/// Units    value = what the code means; the scale is the storage's.
/// Source   E4M3FN and E5M2: Micikevicius et al. 2022 (arXiv 2209.05433). FNUZ: Noune et al. 2022 (arXiv 2206.02915). FP6 and FP4: OCP
///          Microscaling Formats v1.0 §5.3.
template <int Exponent, int Mantissa, int Bias, minifloat_kind Kind, overflow Overflow = overflow::saturate>
  requires(Exponent >= 2 && Exponent <= 5 && Mantissa >= 1 && Exponent + Mantissa <= 7 && Bias >= -90 && Bias <= 110)
struct minifloat {
 private:
  static constexpr int sign_bit = 1 << (Exponent + Mantissa);
  static constexpr int magnitude_mask = sign_bit - 1;
  static constexpr int infinity = ((1 << Exponent) - 1) << Mantissa;
  static constexpr auto text = [] {  // e4m3fn, e5m2, e4m3b11fnuz: the bias where it is not the usual one
    struct {
      char letters[16] = {'e', '0' + Exponent, 'm', '0' + Mantissa};
      std::size_t size = 4;
    } t;
    const bool fnuz = Kind == minifloat_kind::fnuz;
    if (Bias != (1 << (Exponent - 1)) - (fnuz ? 0 : 1)) {
      t.letters[t.size++] = 'b';
      if (Bias < 0) t.letters[t.size++] = 'n';
      constexpr int magnitude = Bias < 0 ? -Bias : Bias;
      if (magnitude >= 10) t.letters[t.size++] = static_cast<char>('0' + magnitude / 10);
      t.letters[t.size++] = static_cast<char>('0' + magnitude % 10);
    }
    const bool usual_finite = (Kind == minifloat_kind::finite) == (Exponent + Mantissa < 7);  // 8 bits have a NaN, fewer have none
    constexpr std::string_view suffix = Kind == minifloat_kind::ieee ? "" : Kind == minifloat_kind::fnuz ? "fnuz" : "fn";
    for (const char c : suffix) t.letters[t.size++] = c;
    if (suffix == "fn" && !usual_finite)
      for (const char c : std::string_view(Kind == minifloat_kind::finite ? "_all" : "_nan")) t.letters[t.size++] = c;
    return t;
  }();

 public:
  static constexpr std::string_view name{text.letters, text.size};
  static constexpr int bits = 1 + Exponent + Mantissa;
  static constexpr int highest = Kind == minifloat_kind::ieee         ? infinity - 1
                                 : Kind == minifloat_kind::finite_nan ? magnitude_mask - 1
                                                                      : magnitude_mask;
  static constexpr int lowest = -highest;
  static constexpr int smallest_normal = 1 << Mantissa;  ///< the ordinal
  static constexpr overflow on_overflow = Overflow;
  static constexpr code negative_zero = Kind == minifloat_kind::fnuz ? 0 : sign_bit;

  /// For codes of 8 bits: the magnitude's bits are those of an IEEE half, this far up, and the number is that half times half_scale.
  static constexpr bool is_part_of_half = bits == 8 && (Exponent < 5 || Kind == minifloat_kind::ieee);
  static constexpr int half_shift = 10 - Mantissa;
  static constexpr float half_scale = std::bit_cast<float>(static_cast<std::uint32_t>(142 - Bias) << 23);

  static constexpr bool has_ordinal(code c) {
    if constexpr (Kind == minifloat_kind::fnuz)
      return (c & (sign_bit | magnitude_mask)) != sign_bit;
    else
      return (c & magnitude_mask) <= highest;
  }
  static constexpr int ordinal_of(code c) {
    const int magnitude = c & magnitude_mask;
    return c & sign_bit ? -magnitude : magnitude;
  }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal < 0 ? sign_bit | -ordinal : ordinal); }

  static constexpr code nan_code(bool negative) requires(Kind != minifloat_kind::finite) {
    if constexpr (Kind == minifloat_kind::fnuz) return static_cast<code>(sign_bit);
    constexpr int quiet = Kind == minifloat_kind::ieee ? infinity | 1 << (Mantissa - 1) : magnitude_mask;
    return static_cast<code>(quiet | (negative ? sign_bit : 0));
  }
  static constexpr code overflow_code(bool negative) requires(Kind != minifloat_kind::finite) {
    if constexpr (Kind == minifloat_kind::ieee) return static_cast<code>(infinity | (negative ? sign_bit : 0));
    return nan_code(negative);
  }

  static constexpr float value_of(int ordinal) {
    const std::uint32_t sign = ordinal < 0 ? 0x80000000u : 0u;
    return std::bit_cast<float>(sign | magnitude_bits(static_cast<std::uint32_t>(ordinal < 0 ? -ordinal : ordinal)));
  }
  static constexpr float decode(code c) {
    const std::uint32_t sign = c & sign_bit ? 0x80000000u : 0u;
    if (has_ordinal(c)) return std::bit_cast<float>(sign | magnitude_bits(c & magnitude_mask));
    const bool infinite = Kind == minifloat_kind::ieee && (c & magnitude_mask) == infinity;
    return std::bit_cast<float>(sign | (infinite ? 0x7f800000u : 0x7fc00000u));
  }

  static constexpr grid_position locate(float x) {
    const float_parts parts(x);
    const int binade = parts.exponent < 1 - Bias ? 1 - Bias : parts.exponent;  // subnormal numbers share the lowest normal grid
    const int discarded = 23 - Mantissa + binade - parts.exponent;
    const int below = ((binade + Bias - 1) << Mantissa) + static_cast<int>(parts.kept(discarded));
    return {parts.away * below, parts.away, parts.fraction(discarded)};
  }

  template <class Lanes>
  [[gnu::always_inline]] static void codes_to_ordinals(Lanes& x) {
    const Lanes negative = -(x >> (Exponent + Mantissa) & 1);
    x = ((x & magnitude_mask) ^ negative) - negative;
  }
  template <class Lanes>
  [[gnu::always_inline]] static void ordinals_to_codes(Lanes& x) {
    using lane = std::remove_reference_t<decltype(x[0])>;
    const Lanes negative = x < 0;
    x = ((x ^ negative) - negative) | (negative & static_cast<lane>(sign_bit));
  }
  template <class Codes, class Values>
  [[gnu::always_inline]] static void decode_lanes(const Codes& codes, Values& values) {
    constexpr float smallest = std::bit_cast<float>(static_cast<std::uint32_t>(128 - Bias - Mantissa) << 23);  // 2^(1−Bias−Mantissa)
    const Codes magnitude = codes & magnitude_mask;
    const Values subnormal = __builtin_convertvector(magnitude, Values) * smallest;
    const Codes normal_bits = (magnitude << (23 - Mantissa)) + ((127 - Bias) << 23);
    Codes subnormal_bits;
    __builtin_memcpy(&subnormal_bits, &subnormal, sizeof subnormal);
    const Codes is_subnormal = magnitude < (1 << Mantissa), is_zero = magnitude == 0;
    const Codes sign = (codes << (31 - Exponent - Mantissa)) & ~is_zero & static_cast<int>(0x80000000u);
    const Codes bits_of_values = ((is_subnormal & subnormal_bits) | (~is_subnormal & normal_bits)) | sign;
    __builtin_memcpy(&values, &bits_of_values, sizeof values);
  }

  template <int Kept, class Floats, class Lanes>
  [[gnu::always_inline]] static void locate_lanes(const Floats& magnitude, Lanes& whole, Floats& rest) requires(Bias <= 32) {
    constexpr int dropped = 23 - Mantissa - Kept;
    static_assert(dropped > 0);
    constexpr float per_step = power_of_two_float(Bias - 1 + Mantissa + Kept);
    Lanes pattern, normal;
    __builtin_memcpy(&pattern, &magnitude, sizeof pattern);
    const Lanes is_subnormal = magnitude < least_normal;
    locate_normal_lanes<Kept>(pattern, normal);
    const Lanes kept = pattern & is_subnormal;
    __builtin_memcpy(&rest, &kept, sizeof rest);
    rest *= per_step;
    whole = normal & ~is_subnormal;
  }
  static constexpr float least_normal = std::bit_cast<float>(static_cast<std::uint32_t>(128 - Bias) << 23);
  /// Ordinals of magnitudes none of which is below least_normal, in parts of 2^−Kept, to nearest.
  template <int Kept, class Lanes>
  [[gnu::always_inline]] static void locate_normal_lanes(const Lanes& pattern, Lanes& whole) requires(Bias <= 32) {
    constexpr int dropped = 23 - Mantissa - Kept;
    whole = (pattern + (pattern >> dropped & 1) + to_nearest<dropped>) >> dropped;
  }
  /// The same as whole ordinals, rounded up where more than a draw of Kept bits is left of them. The draw lies in its word from bit At on.
  template <int Kept, int At, class Words, class Lanes>
  [[gnu::always_inline]] static void round_normal_lanes(const Lanes& pattern, const Words& words, Lanes& magnitude) requires(Bias <= 32) {
    if constexpr (Kept == 0) {
      locate_normal_lanes<0>(pattern, magnitude);
    } else {
      constexpr int dropped = 23 - Mantissa - Kept;
      static_assert(dropped > 0);
      constexpr int all = ((1 << Kept) - 1) << dropped;  // no bit of to_nearest
      Words aligned;
      if constexpr (At >= dropped)
        aligned = words >> (At - dropped);
      else
        aligned = words << (dropped - At);
      Lanes draw;
      __builtin_memcpy(&draw, &aligned, sizeof draw);
      magnitude = (pattern + (pattern >> dropped & 1) + ((~draw & all) | to_nearest<dropped>)) >> (dropped + Kept);
    }
  }
  template <class Floats, class Lanes>
  [[gnu::always_inline]] static void locate_lanes_exactly(const Floats& magnitude, Lanes& below, Lanes& threshold) requires(Bias <= 32) {
    constexpr int dropped = 23 - Mantissa;
    constexpr float per_step = power_of_two_float(Bias - 1 + Mantissa);
    Lanes pattern, small_threshold;
    __builtin_memcpy(&pattern, &magnitude, sizeof pattern);
    const Lanes is_subnormal = magnitude < least_normal;
    const Lanes normal = (pattern >> dropped) - ((127 - Bias) << Mantissa);
    const Lanes kept = pattern & is_subnormal;
    Floats small;
    __builtin_memcpy(&small, &kept, sizeof small);
    small *= per_step;
    below = __builtin_convertvector(small, Lanes);
    detail::threshold_of_fraction(small - __builtin_convertvector(below, Floats), small_threshold);
    below |= normal & ~is_subnormal;
    const Lanes normal_threshold = pattern << (32 - dropped) ^ static_cast<int>(0x80000000u);
    threshold = (small_threshold & is_subnormal) | (normal_threshold & ~is_subnormal);
  }
  template <class Lanes>
  [[gnu::always_inline]] static void code_lanes(const Lanes& magnitude, const Lanes& negative, Lanes& codes) {
    codes = magnitude | (negative & static_cast<Lanes>(magnitude != 0) & sign_bit);
  }
  /// The same where no magnitude is 0, with the sign in all the bits above it.
  template <class Lanes>
  [[gnu::always_inline]] static void code_normal_lanes(const Lanes& magnitude, const Lanes& negative, Lanes& codes) {
    codes = magnitude | (negative & -sign_bit);
  }

 private:
  /// Added to the bits of a float it moves the exponent to this bias, and by half a unit of the bits that remain, less one: the caller adds 1
  /// where the last of those is odd.
  template <int Dropped>
  static constexpr int to_nearest = (1 << (Dropped - 1)) - 1 - ((127 - Bias) << 23);
  /// 2^n as a float; n is that of a normal one.
  static constexpr float power_of_two_float(int n) { return std::bit_cast<float>(static_cast<std::uint32_t>(127 + n) << 23); }
  /// The bits of a positive float: the fields moved into place, or a subnormal number normalised.
  static constexpr std::uint32_t magnitude_bits(std::uint32_t magnitude) {
    if (magnitude >> Mantissa != 0) return (magnitude << (23 - Mantissa)) + ((127u - Bias) << 23);
    if (magnitude == 0) return 0;
    const int leading = leading_bit(magnitude);
    return static_cast<std::uint32_t>(128 - Bias - Mantissa + leading) << 23 | ((magnitude << (23 - leading)) & 0x7fffff);
  }
};

/// FP8 of the OCP standard: E4M3 without infinities (±448), and E5M2 as IEEE (±57344).
using e4m3fn = minifloat<4, 3, 7, minifloat_kind::finite_nan>;
using e5m2 = minifloat<5, 2, 15, minifloat_kind::ieee>;
/// FP8 without negative zero: one NaN, at 0x80.
using e4m3fnuz = minifloat<4, 3, 8, minifloat_kind::fnuz>;
using e5m2fnuz = minifloat<5, 2, 16, minifloat_kind::fnuz>;
using e4m3b11fnuz = minifloat<4, 3, 11, minifloat_kind::fnuz>;
/// FP8 with infinities and NaN in the top exponent.
using e4m3 = minifloat<4, 3, 7, minifloat_kind::ieee>;
using e3m4 = minifloat<3, 4, 3, minifloat_kind::ieee>;
/// FP6 and FP4 of the OCP Microscaling standard: every code is a number.
using e3m2fn = minifloat<3, 2, 3, minifloat_kind::finite>;
using e2m3fn = minifloat<2, 3, 1, minifloat_kind::finite>;
using e2m1fn = minifloat<2, 1, 1, minifloat_kind::finite>;

template <overflow Overflow, int Exponent, int Mantissa, int Bias, minifloat_kind Kind, overflow Before>
struct detail::overflowing<Overflow, minifloat<Exponent, Mantissa, Bias, Kind, Before>> {
  using format = minifloat<Exponent, Mantissa, Bias, Kind, Overflow>;
};

}  // namespace zolt::inline v0
