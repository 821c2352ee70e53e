#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <string_view>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// Where a real number lies between two neighbouring points of a grid whose points are numbered in order.
///
///   x = point[below] + (fraction / 2⁶⁴)·(point[below + away] − point[below])
///
/// `away` is the neighbour farther from zero (+1 or −1), so that every rounding of −x mirrors that of x.
/// Bits of the fraction below 2⁻⁶⁴ are kept as a one in the last place: a tie is a tie exactly.
struct grid_position {
  int below = 0;
  int away = 1;
  std::uint64_t fraction = 0;

  constexpr grid_position operator-() const { return {-below, -away, fraction}; }
  friend bool operator==(const grid_position&, const grid_position&) = default;
};

/// A rounding chooses one of two neighbours. `word` is uniform on 32 bits; a rounding that is not `random` ignores it.
///
/// What the compiler cannot check: a fraction of 0 stays where it is; the choice between `below` and `below + away` grows with the fraction.
template <class R>
concept rounding = requires(const R& r, const grid_position& at, std::uint32_t word) {
  { R::random } -> std::convertible_to<bool>;
  { r(at, word) } -> std::same_as<int>;
};

/// To the nearest point, a tie to the even one. A format without even points (a codebook) says itself which point is nearest.
///
/// Units    none.
/// Source   IEEE 754-2019 §4.3.1, roundTiesToEven.
struct nearest_even {
  static constexpr std::string_view name = "nearest_even";
  static constexpr bool random = false;
  constexpr int operator()(const grid_position& at, std::uint32_t = 0) const {
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    const bool up = at.fraction > half - static_cast<std::uint64_t>(at.below & 1);  // no branch: half of them would mispredict
    return at.below + at.away * up;
  }
};

/// To the nearest point, a tie to the one farther from zero: what std::round does.
///
/// Units    none.
/// Source   IEEE 754-2019 §4.3.1, roundTiesToAway.
struct nearest_away {
  static constexpr std::string_view name = "nearest_away";
  static constexpr bool random = false;
  constexpr int operator()(const grid_position& at, std::uint32_t = 0) const { return at.below + (at.fraction >> 63 != 0 ? at.away : 0); }
};

/// To the neighbour nearer to zero. It carries no overflow: a number beyond the range goes to the range's end.
///
/// Units    none. Biased toward zero by half a step.
/// Source   IEEE 754-2019 §4.3.2, roundTowardZero.
struct toward_zero {
  static constexpr std::string_view name = "toward_zero";
  static constexpr bool random = false;
  constexpr int operator()(const grid_position& at, std::uint32_t = 0) const { return at.below; }
};

/// Away from zero with probability equal to the fraction: unbiased, odd in sign for one word, and a grid point never moves.
/// The random word is compared with the fraction's first 32 bits, so a probability is exact to 2⁻³² (below, toward zero).
///
/// Units    none. Variance f(1 − f) steps² for a fraction f: on average twice the squared error of rounding to nearest.
/// Source   Gupta et al. 2015 §3; the comparison `word < fraction` rather than an addition, because a float sum would be rounded itself.
struct stochastic_rounding {
  static constexpr std::string_view name = "stochastic";
  static constexpr bool random = true;
  constexpr int operator()(const grid_position& at, std::uint32_t word) const { return at.below + at.away * (word < at.fraction >> 32); }
};

/// Stochastic rounding with the first `Bits` bits of the word, for the study of random-number budgets: the fraction itself is first
/// rounded to Bits bits, to nearest even, so that what is lost is lost in both directions.
///
///   P(away) = round(2^Bits · fraction) / 2^Bits
///
/// Whoever draws for many weights may hand over `random_bits` bits each, at the top of the word: the quantizer does (kernel::random_tile).
///
/// Units    none. |P − fraction| ≤ 2^−(Bits+1), on average 0; cutting the fraction off instead drifts toward zero by that much.
/// Cost     8 random bits for Bits ≤ 8, 16 for Bits ≤ 16, otherwise 32.
/// Source   "On stochastic rounding with few random bits", arXiv 2504.20634 (ARITH 2025).
template <int Bits>
  requires(Bits >= 1 && Bits <= 31)
struct few_bit_stochastic {
  static constexpr std::string_view name = "few_bit_stochastic";
  static constexpr bool random = true;
  static constexpr int random_bits = Bits <= 8 ? 8 : Bits <= 16 ? 16 : 32;
  constexpr int operator()(const grid_position& at, std::uint32_t word) const {
    const std::uint64_t kept = at.fraction >> (64 - Bits), half = std::uint64_t{1} << (63 - Bits);
    const std::uint64_t rest = at.fraction & (2 * half - 1);
    const std::uint64_t threshold = kept + (rest > half || (rest == half && (kept & 1) != 0));
    return at.below + (word >> (32 - Bits) < threshold ? at.away : 0);
  }
};

namespace detail {
/// ⌊2³²·fraction⌋ with its highest bit inverted, for lanes of fractions in [0, 1): there is no conversion to unsigned numbers everywhere.
template <class Floats, class Lanes>
[[gnu::always_inline]] inline void threshold_of_fraction(const Floats& fraction, Lanes& threshold) {
  const Lanes upper = fraction >= 0.5f;
  const Floats rest = upper ? fraction - 0.5f : fraction;
  threshold = __builtin_convertvector(rest * 0x1p32f, Lanes) ^ (~upper & static_cast<int>(0x80000000u));
}
}  // namespace detail

/// rest / 2^discarded as a 64-bit fraction, with a sticky last bit for what lies below it. rest has at most 24 bits.
constexpr std::uint64_t fraction_of(std::uint64_t rest, int discarded) {
  if (discarded <= 64) return discarded == 0 ? 0 : rest << (64 - discarded);
  const int lost = discarded - 64;
  return lost > 24 ? (rest != 0) : rest >> lost | ((rest & ((std::uint64_t{1} << lost) - 1)) != 0);
}

/// The place of the highest bit of x, which is not 0.
constexpr int leading_bit(std::uint64_t x) { return 63 - std::countl_zero(x); }

/// The magnitude of a float as significand · 2^(exponent − 23); exponent is at least −126, the significand has at most 24 bits.
struct float_parts {
  int away;  ///< the direction away from zero: the sign
  int exponent;
  std::uint64_t significand;

  constexpr explicit float_parts(float x) {
    const auto u = std::bit_cast<std::uint32_t>(x);
    const int stored = static_cast<int>(u >> 23 & 0xff);
    away = u >> 31 ? -1 : 1;
    exponent = stored == 0 ? -126 : stored - 127;
    significand = (u & 0x7fffff) | (stored == 0 ? 0u : 0x800000u);
  }
  constexpr std::uint64_t kept(int discarded) const { return discarded > 24 ? 0 : significand >> discarded; }
  constexpr std::uint64_t fraction(int discarded) const {
    return fraction_of(discarded > 24 ? significand : significand & ((std::uint64_t{1} << discarded) - 1), discarded);
  }
};

/// A whole number that orders finite floats as their values do, the two zeros alike: comparison without float arithmetic.
constexpr std::int32_t float_order(float x) {
  const auto u = std::bit_cast<std::uint32_t>(x);
  const auto magnitude = static_cast<std::int32_t>(u & 0x7fffffff);
  return u >> 31 ? -magnitude : magnitude;
}

/// Position of a finite x on the multiples of 2^−fraction_bits, by the bits of x: exact for every float, no float arithmetic.
/// |x|·2^fraction_bits is taken as at most 2³⁰.
constexpr grid_position locate_on_integers(float x, int fraction_bits = 0) {
  const float_parts parts(x);
  const int exponent = parts.exponent + fraction_bits;
  if (exponent >= 30 && parts.significand != 0) return {parts.away * (1 << 30), parts.away, 0};
  const int discarded = 23 - exponent;
  if (discarded <= 0) return {parts.away * static_cast<int>(parts.significand << -discarded), parts.away, 0};
  return {parts.away * static_cast<int>(parts.kept(discarded)), parts.away, parts.fraction(discarded)};
}

/// Position of a finite x between the neighbouring grid points numbered `low` and low + 1 with values from ≤ x ≤ to, by long division of
/// significands: exact to the last bit of the fraction where the three exponents differ by at most 32, no float arithmetic.
constexpr grid_position locate_between(int low, float from, float to, float x) {
  if (float_order(x) <= float_order(from)) return {low, 1, 0};
  if (float_order(x) >= float_order(to)) return {low + 1, 1, 0};
  // Counted from the point nearer to zero, or that of x's sign where both are as near, so that −x is the mirror image to the last bit.
  const int balance = float_order(from) == -float_order(to) ? float_parts(x).away : -float_order(from) > float_order(to);
  const bool negative = balance > 0;
  const float near = negative ? to : from, far = negative ? from : to;
  const float_parts top(far);
  bool sticky = false;
  const auto aligned = [&](float value) {  // in units of 2^(top.exponent − 55), rounded away from `far`
    const float_parts parts(value);
    const int shift = top.exponent - parts.exponent;
    const std::uint64_t wide = parts.significand << 32, kept = shift < 57 ? wide >> shift : 0;
    const bool lost = shift < 57 ? wide != kept << shift : wide != 0;
    sticky |= lost;
    return parts.away == top.away ? static_cast<std::int64_t>(kept) : -static_cast<std::int64_t>(kept) - lost;
  };
  const std::int64_t start = aligned(near);
  const auto gap = static_cast<std::uint64_t>(aligned(far) - start);
  auto rest = static_cast<std::uint64_t>(aligned(x) - start);
  std::uint64_t fraction = 0;
  for (int bit = 0; bit < 64; ++bit) {
    rest <<= 1;
    fraction = fraction << 1 | (rest >= gap);
    if (rest >= gap) rest -= gap;
  }
  return {negative ? low + 1 : low, negative ? -1 : 1, fraction | (rest != 0 || sticky)};
}

}  // namespace zolt::inline v0
