#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

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
};

/// A rounding chooses one of two neighbours. `word` is uniform on 32 bits; a rounding that is not `random` ignores it.
template <class R>
concept rounding = requires(const R& r, const grid_position& at, std::uint32_t word) {
  { R::random } -> std::convertible_to<bool>;
  { r(at, word) } -> std::same_as<int>;
};

/// To the nearest point, a tie to the even one.
struct nearest_even {
  static constexpr bool random = false;
  constexpr int operator()(const grid_position& at, std::uint32_t = 0) const {
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    const bool up = at.fraction > half || (at.fraction == half && (at.below & 1) != 0);
    return at.below + (up ? at.away : 0);
  }
};

/// Away from zero with probability equal to the fraction: unbiased, odd in sign for one word, and a grid point never moves.
/// The random word is compared with the fraction's first 32 bits, so a probability is exact to 2⁻³² (below, toward zero).
/// Source   Gupta et al. 2015 §3; the comparison `word < fraction` rather than an addition, because a float sum would be rounded itself.
struct stochastic_rounding {
  static constexpr bool random = true;
  constexpr int operator()(const grid_position& at, std::uint32_t word) const {
    return at.below + (word < at.fraction >> 32 ? at.away : 0);
  }
};

/// rest / 2^discarded as a 64-bit fraction, with a sticky last bit for what lies below it. rest has at most 24 bits.
constexpr std::uint64_t fraction_of(std::uint64_t rest, int discarded) {
  if (discarded <= 64) return discarded == 0 ? 0 : rest << (64 - discarded);
  const int lost = discarded - 64;
  return lost > 24 ? (rest != 0) : rest >> lost | ((rest & ((std::uint64_t{1} << lost) - 1)) != 0);
}

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

/// Position of a finite x on the integers, by the bits of x: exact for every float, no float arithmetic. |x| is taken as at most 2³⁰.
constexpr grid_position locate_on_integers(float x) {
  const float_parts parts(x);
  if (parts.exponent >= 30) return {parts.away * (1 << 30), parts.away, 0};
  const int discarded = 23 - parts.exponent;
  if (discarded <= 0) return {parts.away * static_cast<int>(parts.significand << -discarded), parts.away, 0};
  return {parts.away * static_cast<int>(parts.kept(discarded)), parts.away, parts.fraction(discarded)};
}

}  // namespace zolt::inline v0
