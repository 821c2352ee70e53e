#pragma once

#include <type_traits>

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// Which codes an integer uses. Two's complement: `narrow` leaves out the most negative code, so that a grid is symmetric about zero and
/// negation is exact; `full` has all of them. `non_negative` counts from 0 and needs a zero point (asymmetric quantization).
enum class integer_range { narrow, full, non_negative };

/// Integers of `Bits` bits, counted in steps of 2^−FractionBits.
///
///   narrow: −(2^(Bits−1) − 1) … 2^(Bits−1) − 1,   full: −2^(Bits−1) … 2^(Bits−1) − 1,   non_negative: 0 … 2^Bits − 1
///
/// Units    value = ordinal · 2^−FractionBits; scale and zero point are the storage's.
/// Source   Jacob et al. 2018 §2.1; MXINT8 (6 fraction bits): OCP Microscaling Formats v1.0 §5.3.4, whose −128 is out of use as in
///          microxcaling, so that the grid is symmetric.
template <int Bits, integer_range Range = integer_range::narrow, int FractionBits = 0>
  requires(Bits >= 2 && Bits <= 8 && FractionBits >= 0 && FractionBits < 24)
struct integer {
 private:
  static constexpr bool is_signed = Range != integer_range::non_negative;
  static constexpr int mask = (1 << Bits) - 1, sign_bit = is_signed ? 1 << (Bits - 1) : 0;
  static constexpr auto text = [] {
    constexpr std::string_view prefix = FractionBits == 6 && Bits == 8 && Range == integer_range::narrow ? "mxint"
                                        : FractionBits != 0                                              ? "fixed"
                                        : is_signed                                                      ? "int"
                                                                                                         : "uint";
    constexpr std::string_view suffix = Range == integer_range::full ? "_full" : "";
    struct {
      char letters[16] = {};
      std::size_t size = 0;
    } t;
    for (const char c : prefix) t.letters[t.size++] = c;
    t.letters[t.size++] = static_cast<char>('0' + Bits);
    for (const char c : suffix) t.letters[t.size++] = c;
    return t;
  }();

 public:
  static constexpr std::string_view name{text.letters, text.size};
  static constexpr int bits = Bits, fraction_bits = FractionBits;
  static constexpr int highest = mask - sign_bit;
  static constexpr int lowest = Range == integer_range::narrow ? -highest : -sign_bit;

  static constexpr bool has_ordinal(code c) { return Range != integer_range::narrow || (c & mask) != sign_bit; }
  static constexpr int ordinal_of(code c) { return ((c & mask) ^ sign_bit) - sign_bit; }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal & mask); }
  static constexpr float value_of(int ordinal) { return static_cast<float>(ordinal) / static_cast<float>(1 << FractionBits); }
  static constexpr grid_position locate(float x) { return locate_on_integers(x, FractionBits); }
  template <class Lanes>
  [[gnu::always_inline]] static void codes_to_ordinals(Lanes& x) {
    if constexpr (Bits != 8 || !is_signed) x = ((x & mask) ^ sign_bit) - sign_bit;
  }
  template <class Lanes>
  [[gnu::always_inline]] static void ordinals_to_codes(Lanes& x) {
    using lane = std::remove_reference_t<decltype(x[0])>;
    if constexpr (8 * sizeof(lane) > Bits) x &= static_cast<lane>(mask);
  }
  template <class Codes, class Values>
  [[gnu::always_inline]] static void decode_lanes(const Codes& codes, Values& values) {
    if constexpr (Bits == 8 && is_signed)
      values = __builtin_convertvector(codes, Values);
    else
      values = __builtin_convertvector(((codes & mask) ^ sign_bit) - sign_bit, Values);
    if constexpr (FractionBits != 0) values *= 1.0f / static_cast<float>(1 << FractionBits);
  }

  template <int Kept, class Floats, class Lanes>
  [[gnu::always_inline]] static void locate_lanes(const Floats& magnitude, Lanes& whole, Floats& rest) requires(is_signed) {
    whole = Lanes{};
    rest = magnitude * static_cast<float>(std::int64_t{1} << (FractionBits + Kept));
  }
  template <class Floats, class Lanes>
  [[gnu::always_inline]] static void locate_lanes_exactly(const Floats& magnitude, Lanes& below, Lanes& threshold) requires(is_signed) {
    const Floats x = magnitude * static_cast<float>(1 << FractionBits);
    below = __builtin_convertvector(x, Lanes);
    detail::threshold_of_fraction(x - __builtin_convertvector(below, Floats), threshold);
  }
  template <class Lanes>
  [[gnu::always_inline]] static void code_lanes(const Lanes& magnitude, const Lanes& negative, Lanes& codes) requires(is_signed) {
    codes = ((magnitude ^ negative) - negative) & mask;
  }
};

using int2 = integer<2>;
using int3 = integer<3>;
using int4 = integer<4>;
using int5 = integer<5>;
using int6 = integer<6>;
using int7 = integer<7>;
using int8 = integer<8>;

template <int Bits>
using full_integer = integer<Bits, integer_range::full>;
template <int Bits>
using unsigned_integer = integer<Bits, integer_range::non_negative>;
using uint2 = unsigned_integer<2>;
using uint3 = unsigned_integer<3>;
using uint4 = unsigned_integer<4>;
using uint8 = unsigned_integer<8>;

/// The element of MXINT8: a whole number of 64ths.
using mxint8 = integer<8, integer_range::narrow, 6>;

}  // namespace zolt::inline v0
