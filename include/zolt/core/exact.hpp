#pragma once

#include <bit>
#include <cstdint>

#include "zolt/core/config.hpp"

/// Arithmetic that gives the same bits under every compiler, flag and instruction set.
namespace zolt::inline v0::exact {

/// x itself, through a register that the compiler must take as unknown: what follows cannot be merged with what made x.
template <class Float>
inline Float opaque(Float x) {
#if defined(__x86_64__)
  __asm__("" : "+x"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#else
  volatile Float y = x;
  x = y;
#endif
  return x;
}

/// a·b, rounded before anything is added to it: the optimiser cannot see the multiplication behind the value, so it cannot contract it.
/// A plain loop around it stays scalar.
template <class Float>
inline Float product(Float a, Float b) {
  return opaque(a * b);
}

/// Tested on bits, because -ffast-math lets the compiler assume that std::isfinite is always true.
constexpr bool is_finite(double x) { return (std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) != 0x7ff; }
constexpr bool is_finite(float x) { return (std::bit_cast<std::uint32_t>(x) >> 23 & 0xff) != 0xff; }

/// The nearest number of `bits` significant bits (ties to even), by integer arithmetic on the representation.
constexpr double round_to_significant(double x, int bits) {
  const int dropped = 53 - bits;
  if (dropped <= 0 || !is_finite(x)) return x;
  const auto u = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
  const std::uint64_t odd = dropped == 52 ? 1 : u >> dropped & 1;  // the only significant bit of one is not stored
  return std::bit_cast<double>((u + (half - 1) + odd) >> dropped << dropped);
}

/// Significant bits of a coefficient whose product with a direction of `direction_bits` bits is exact in binary32.
constexpr int coefficient_bits(int direction_bits) { return 24 - direction_bits < 12 ? 24 - direction_bits : 12; }

/// base^n by repeated squaring: std::pow differs between mathematical libraries.
constexpr double power(double base, std::uint64_t n) {
  double result = 1;
  for (;; base *= base) {
    if (n & 1) result *= base;
    if ((n >>= 1) == 0) return result;
  }
}

}  // namespace zolt::inline v0::exact
