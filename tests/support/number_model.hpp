#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

/// Number formats written a second time, from their definition: slow, without ordinals, in rational arithmetic. It consists of whole
/// numbers, so that neither the state of the float unit nor -ffast-math reaches the side that is to be right. The inline namespace is named
/// as the library's is, so that a file that renames the one renames the other.
namespace zolt::test::inline v0 {

__extension__ typedef unsigned __int128 wide;

/// A multiple of 2^−150 in two's complement: every float is one, and so is the mean of two. 320 bits hold sums of some hundred floats.
class exact {
 public:
  static constexpr int size = 5, point = 150;

  exact() = default;
  /// significand · 2^exponent
  exact(std::int64_t significand, int exponent) {
    const auto magnitude = static_cast<std::uint64_t>(significand < 0 ? -significand : significand);
    const int limb = (exponent + point) / 64, shift = (exponent + point) % 64;
    limbs_[limb] = magnitude << shift;
    if (shift != 0 && limb + 1 < size) limbs_[limb + 1] = magnitude >> (64 - shift);
    if (significand < 0) *this = -*this;
  }
  /// A finite float, given by its bits.
  static exact of(std::uint32_t bits) {
    const int stored = static_cast<int>(bits >> 23 & 0xff), significand = static_cast<int>(bits & 0x7fffff) | (stored != 0) << 23;
    return {bits >> 31 != 0 ? -significand : significand, (stored == 0 ? 1 : stored) - 150};
  }

  bool negative() const { return limbs_[size - 1] >> 63 != 0; }
  exact operator-() const { return exact() - *this; }
  exact magnitude() const { return negative() ? -*this : *this; }
  friend exact operator-(const exact& a, const exact& b) {
    exact result;
    wide borrow = 0;
    for (int i = 0; i < size; ++i) {
      const wide difference = static_cast<wide>(a.limbs_[i]) - b.limbs_[i] - borrow;
      result.limbs_[i] = static_cast<std::uint64_t>(difference);
      borrow = difference >> 127;
    }
    return result;
  }
  friend exact operator+(const exact& a, const exact& b) { return a - -b; }
  friend bool operator<(const exact& a, const exact& b) { return (a - b).negative(); }
  friend bool operator==(const exact& a, const exact& b) { return std::equal(a.limbs_, a.limbs_ + size, b.limbs_); }
  /// Of two floats.
  static exact mean(const exact& a, const exact& b) {
    exact sum = a + b;
    for (int i = 0; i < size; ++i) sum.limbs_[i] = sum.limbs_[i] >> 1 | (i + 1 < size ? sum.limbs_[i + 1] : sum.limbs_[i] >> 63) << 63;
    return sum;
  }

  /// 64 bits from a place on, which may lie below the first.
  std::uint64_t bits_from(int place) const {
    if (place < 0) return place <= -64 ? 0 : limbs_[0] << -place;
    const int limb = place / 64, shift = place % 64;
    const std::uint64_t above = shift == 0 || limb + 1 >= size ? 0 : limbs_[limb + 1] << (64 - shift);
    return limbs_[limb] >> shift | above;
  }
  int trailing_zeros() const {
    int limb = 0;
    while (limb + 1 < size && limbs_[limb] == 0) ++limb;
    return 64 * limb + std::countr_zero(limbs_[limb]);
  }

 private:
  std::uint64_t limbs_[size] = {};
};

/// How much of the way from `near` to `far` lies before x: a number of 2^−64ths, cut off, and whether nothing was cut off.
struct share {
  std::uint64_t fraction = 0;
  bool whole = true;
};
inline share share_of(const exact& near, const exact& far, const exact& x) {
  const exact way = (far - near).magnitude(), gone = (x - near).magnitude();
  const int place = way.trailing_zeros();
  const std::uint64_t divisor = way.bits_from(place);  // a gap has less than 64 bits
  const wide dividend = static_cast<wide>(gone.bits_from(place)) << 64 | gone.bits_from(place - 64);
  return {static_cast<std::uint64_t>(dividend / divisor), dividend % divisor == 0 && gone.trailing_zeros() >= place - 64};
}

/// Finite floats numbered in order; a zero is 0.
inline constexpr std::int32_t last_float = 0x7f7fffff;
inline std::uint32_t float_numbered(std::int32_t order) {
  return order < 0 ? 0x80000000u | static_cast<std::uint32_t>(-order) : static_cast<std::uint32_t>(order);
}
inline std::int32_t number_of_float(std::uint32_t bits) {
  const auto magnitude = static_cast<std::int32_t>(bits & 0x7fffffff);
  return bits >> 31 != 0 ? -magnitude : magnitude;
}
/// The greatest float that is not above x.
inline std::int32_t float_below(const exact& x) {
  std::int32_t low = -last_float, high = last_float;
  while (low < high) {
    const auto middle = static_cast<std::int32_t>(high - (std::int64_t{high} - low) / 2);
    if (x < exact::of(float_numbered(middle)))
      high = middle - 1;
    else
      low = middle;
  }
  return low;
}
/// The float nearest to x, of two the one with an even significand.
inline std::int32_t nearest_float(const exact& x) {
  const std::int32_t below = float_below(x);
  const exact under = x - exact::of(float_numbered(below)), over = exact::of(float_numbered(below + 1)) - x;
  return over < under || (over == under && below % 2 != 0) ? below + 1 : below;
}

/// What a code says.
struct meaning {
  enum { number, infinite, nothing } kind = nothing;
  bool negative = false;  ///< the sign bit, which tells −0 from 0
  exact value = {};
};

/// definition<Format>: `of(code)`; `overflows`: whether there is a NaN or an infinity; `nearest_code(bits)` where nearest is no matter of
/// halves and even codes.
template <class Format>
struct definition;

template <int Bits, integer_range Range, int FractionBits>
struct definition<integer<Bits, Range, FractionBits>> {
  static constexpr bool overflows = false;
  static meaning of(int c) {
    const int half = 1 << (Bits - 1);
    const int value = Range == integer_range::non_negative || c < half ? c : c - 2 * half;
    if (Range == integer_range::narrow && value == -half) return {};
    return {meaning::number, value < 0, exact(value, -FractionBits)};
  }
};

template <int Exponent, int Mantissa, int Bias, minifloat_kind Kind, overflow Overflow>
struct definition<minifloat<Exponent, Mantissa, Bias, Kind, Overflow>> {
  static constexpr bool overflows = Kind != minifloat_kind::finite;
  static meaning of(int c) {
    const int mantissa = c % (1 << Mantissa), exponent = (c >> Mantissa) % (1 << Exponent);
    const bool negative = c >> (Exponent + Mantissa) != 0, top = exponent == (1 << Exponent) - 1, last = mantissa == (1 << Mantissa) - 1;
    if (Kind == minifloat_kind::ieee && top) return {mantissa == 0 ? meaning::infinite : meaning::nothing, negative};
    if (Kind == minifloat_kind::finite_nan && top && last) return {};
    if (Kind == minifloat_kind::fnuz && negative && exponent == 0 && mantissa == 0) return {};
    const exact magnitude =
        exponent == 0 ? exact(mantissa, 1 - Bias - Mantissa) : exact((1 << Mantissa) + mantissa, exponent - Bias - Mantissa);
    return {meaning::number, negative, negative ? -magnitude : magnitude};
  }
};

/// Values that a publication lists.
template <std::size_t Size>
struct listed_values {
  std::array<float, Size> values;
  meaning of(int c) const {
    const auto bits = std::bit_cast<std::uint32_t>(values[static_cast<std::size_t>(c)]);
    return {meaning::number, bits >> 31 != 0, exact::of(bits)};
  }
};

/// The code whose interval holds a float. The boundary of two values is the float nearest to their mean and belongs to the lower one.
template <class Definition>
int code_between_boundaries(std::uint32_t bits) {
  static const std::vector<std::int32_t> boundaries = [] {
    std::vector<std::int32_t> all;
    for (int c = 0; c + 1 < static_cast<int>(Definition::list.values.size()); ++c)
      all.push_back(nearest_float(exact::mean(Definition::of(c).value, Definition::of(c + 1).value)));
    return all;
  }();
  return static_cast<int>(std::lower_bound(boundaries.begin(), boundaries.end(), number_of_float(bits)) - boundaries.begin());
}

template <>
struct definition<nf4> {
  static constexpr bool overflows = false;
  static constexpr listed_values<16> list = {{-1.0f, -.6961928009986877f, -.5250730514526367f, -.39491748809814453f, -.28444138169288635f,
                                              -.18477343022823334f, -.09105003625154495f, 0.0f, .07958029955625534f, .16093020141124725f,
                                              .24611230194568634f, .33791524171829224f, .44070982933044434f, .5626170039176941f,
                                              .7229568362236023f, 1.0f}};
  static meaning of(int c) { return list.of(c); }
  static int nearest_code(std::uint32_t bits) { return code_between_boundaries<definition>(bits); }
};

template <>
struct definition<iq4_nl> {
  static constexpr bool overflows = false;
  static constexpr listed_values<16> list = {{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}};
  static meaning of(int c) { return list.of(c); }
  static int nearest_code(std::uint32_t bits) { return code_between_boundaries<definition>(bits); }
};

/// Magnitudes in 192nds, by code and in order; boundaries as bitsandbytes writes them.
template <>
struct definition<fp4_bnb> {
  static constexpr bool overflows = false;
  static constexpr std::array<int, 8> parts = {0, 1, 128, 192, 64, 96, 32, 48}, in_order = {0, 1, 6, 7, 4, 5, 2, 3};
  static constexpr std::array<float, 7> boundaries = {.00260417f, .0859375f, .20833333f, .29166667f, .4166667f, .583333f, .8333333f};
  static constexpr listed_values<8> list = [] {
    listed_values<8> all{};
    for (std::size_t c = 0; c < 8; ++c) all.values[c] = static_cast<float>(parts[c] / 192.0);
    return all;
  }();
  static meaning of(int c) {
    const meaning positive = list.of(c % 8);
    return {meaning::number, c > 8, c > 8 ? -positive.value : positive.value};
  }
  static int nearest_code(std::uint32_t bits) {
    std::size_t i = 0;
    while (i < 7 && (bits & 0x7fffffff) > std::bit_cast<std::uint32_t>(boundaries[i])) ++i;
    return in_order[i] + (i != 0 && bits >> 31 != 0 ? 8 : 0);
  }
};

/// A format as far as a conversion needs to know it, so that what follows is compiled once and not for every format.
struct description {
  std::vector<meaning> codes;
  bool overflows;
  int (*nearest_code)(std::uint32_t bits);  ///< null: nearest is a matter of halves and even codes
};
template <class Format>
description describe() {
  description d{{}, definition<Format>::overflows, nullptr};
  if constexpr (requires { definition<Format>::nearest_code(0u); }) d.nearest_code = definition<Format>::nearest_code;
  for (int c = 0; c < 1 << Format::bits; ++c) d.codes.push_back(definition<Format>::of(c));
  return d;
}

struct grid_number {
  exact value;
  int code;
};

/// The numbers of a format in ascending order, each once, with the first of its codes.
inline std::vector<grid_number> grid_of(const description& format) {
  std::vector<grid_number> grid;
  for (int c = 0; c < static_cast<int>(format.codes.size()); ++c)
    if (const meaning& m = format.codes[static_cast<std::size_t>(c)]; m.kind == meaning::number) grid.push_back({m.value, c});
  std::stable_sort(grid.begin(), grid.end(), [](const grid_number& a, const grid_number& b) { return a.value < b.value; });
  grid.erase(std::unique(grid.begin(), grid.end(), [](const grid_number& a, const grid_number& b) { return a.value == b.value; }),
             grid.end());
  return grid;
}
template <class Format>
std::vector<grid_number> grid_of() {
  return grid_of(describe<Format>());
}

}  // namespace zolt::test::inline v0
