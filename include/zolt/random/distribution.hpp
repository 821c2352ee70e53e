#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/random/block_stream.hpp"
#include "zolt/random/stream.hpp"

/// Integer distributions: a tile of small integers from the words of a stream, the same on every machine.
///
/// An element is a pure function of its index. Elements that share a word are 16 apart, so that lane l of a vector always holds
/// elements ≡ l (mod 16) and no layout needs a shuffle. A distribution of 16 bits an element has `of_halves`, over vectors of any width:
/// element i is what half (i mod 32)/16 of word 16·⌊i/32⌋ + i mod 16 is made into.
namespace zolt::inline v0::distribution {

/// ±1, one bit each: element i is bit (i mod 512)/16 of word 16·⌊i/512⌋ + i mod 16; a set bit is −1. E z² = 1.
struct rademacher {
  static constexpr int bits = 1;
  static constexpr double second_moment = 1;
  static constexpr std::size_t elements_per_row = 512;
};

/// Sum of four independent 16-level tables, 16 bits each: mean 0, kurtosis 2.9998, |z| ≤ 124, E z² = 846 exactly.
/// Each nibble is one of eight levels and, in its highest bit, a sign.
/// The sum is integer arithmetic: no libm, no contraction, one z everywhere.
struct gaussian {
  static constexpr int bits = 7;
  static constexpr double second_moment = 846;
  static constexpr std::size_t elements_per_row = 32;
  /// Of a nibble, four times over for look-ups in 16 bytes each.
  static constexpr struct {
    alignas(64) std::int8_t of_nibble[64];
  } levels = {{1,   4,   6,   8,   10, 15, 17,  31,  -1,  -4,  -6, -8, -10, -15, -17, -31, 1,   4,   6,   8,  10, 15,
               17,  31,  -1,  -4,  -6, -8, -10, -15, -17, -31, 1,  4,  6,   8,   10,  15,  17,  31,  -1,  -4, -6, -8,
               -10, -15, -17, -31, 1,  4,  6,   8,   10,  15,  17, 31, -1,  -4,  -6,  -8,  -10, -15, -17, -31}};
};

/// The odd integers −4095 … 4095, each with probability 2⁻¹²: zero mean exactly, E z² = (2²⁴ − 1)/3.
struct uniform {
  static constexpr int bits = 12;
  static constexpr double second_moment = 16777215.0 / 3;
  static constexpr std::size_t elements_per_row = 32;

  template <class Halves, class Integers>
  [[gnu::always_inline]] static void of_halves(const Halves& half, Integers& z) {
    copy_bits((half >> 3 | 1) - 4096, z);  // 2h − 4095 for the 12 bits h
  }
};

}  // namespace zolt::inline v0::distribution

namespace zolt::inline v0 {

/// Elements of a distribution by rows of 16 words.
template <instruction_set Set>
struct distribution_kernels;

#define ZOLT_KERNEL_FILE "zolt/random/distribution.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::distribution {

/// The elements of one row of 16 words.
template <class Distribution>
void expand(const std::uint32_t* row, std::int16_t* z) {
  on_instruction_set(
      [&]<instruction_set Set>(instruction_set_constant<Set>) { distribution_kernels<Set>::template expand<Distribution>(row, z); });
}

/// z[j] = element first + j. A source is a random_stream or a block_stream.
template <class Distribution, class Source>
void fill(const Source& source, std::uint64_t first, std::span<std::int16_t> z) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    distribution_kernels<Set>::template fill<Distribution>(source, first, z.data(), z.size());
  });
}

/// Element `index` alone, at the price of a block.
template <class Distribution, class Source>
int at(const Source& source, std::uint64_t index) {
  if constexpr (std::same_as<Distribution, rademacher>) {
    const std::uint32_t word = source.word(index / 512 * lane_count + index % lane_count);
    return 1 - 2 * static_cast<int>(word >> (index % 512 / lane_count) & 1);
  } else {
    std::int16_t z;
    fill<Distribution>(source, index, std::span(&z, 1));
    return z;
  }
}

}  // namespace zolt::inline v0::distribution
