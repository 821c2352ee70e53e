#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/random/stream.hpp"

/// Integer distributions: a tile of small integers from the words of a stream, the same on every machine.
///
/// An element is a pure function of its index. Elements that share a word are 16 apart, so that lane l of a vector always holds
/// elements ≡ l (mod 16) and no layout needs a shuffle.
namespace zolt::inline v0::distribution {

/// ±1, one bit each: element i is bit (i mod 512)/16 of word 16·⌊i/512⌋ + i mod 16; a set bit is −1. E z² = 1.
struct rademacher {
  static constexpr int bits = 1;
  static constexpr double second_moment = 1;
  static constexpr std::size_t elements_per_row = 512;

  static void expand(const std::uint32_t* row, std::int16_t* z) {
    lanes_u32 w;
    load_lanes(w, row);
    for (int b = 0; b < 32; ++b, w >>= 1) store_lanes(__builtin_convertvector(1 - 2 * (w & 1), lanes_i16), z + b * 16);
  }
};

/// Sum of four independent 16-level tables, 16 bits each: mean 0, kurtosis 2.9998, |z| ≤ 124, E z² = 846 exactly.
/// Element i is half (i mod 32)/16 of word 16·⌊i/32⌋ + i mod 16; each nibble is a sign and one of eight levels.
/// The sum is integer arithmetic: no libm, no contraction, one z everywhere.
struct gaussian {
  static constexpr int bits = 7;
  static constexpr double second_moment = 846;
  static constexpr std::size_t elements_per_row = 32;

  static void expand(const std::uint32_t* row, std::int16_t* z) {
    lanes_u32 w;
    load_lanes(w, row);
    for (int half = 0; half < 2; ++half) {
      lanes_u32 sum = {};
      for (int nibble = 0; nibble < 4; ++nibble, w >>= 4) add_level(w, sum);
      store_lanes(__builtin_convertvector(sum, lanes_i16), z + half * 16);
    }
  }

 private:
  /// Adds {1, 4, 6, 8, 10, 15, 17, 31}[low three bits], negated by the fourth: a tree of bit selects, which every vector unit has.
  static void add_level(const lanes_u32& w, lanes_u32& sum) {
    const lanes_u32 bit0 = -(w & 1), bit1 = -(w >> 1 & 1), bit2 = -(w >> 2 & 1), negative = -(w >> 3 & 1);
    const lanes_u32 first = 1 ^ (bit0 & 5), second = 6 ^ (bit0 & 14);    // 1 or 4, 6 or 8
    const lanes_u32 third = 10 ^ (bit0 & 5), fourth = 17 ^ (bit0 & 14);  // 10 or 15, 17 or 31
    const lanes_u32 lower = first ^ (bit1 & (first ^ second)), upper = third ^ (bit1 & (third ^ fourth));
    const lanes_u32 magnitude = lower ^ (bit2 & (lower ^ upper));
    sum += (magnitude ^ negative) - negative;
  }
};

/// The odd integers −4095 … 4095, each with probability 2⁻¹²: zero mean exactly, E z² = (2²⁴ − 1)/3. Layout as for gaussian.
struct uniform {
  static constexpr int bits = 12;
  static constexpr double second_moment = 16777215.0 / 3;
  static constexpr std::size_t elements_per_row = 32;

  static void expand(const std::uint32_t* row, std::int16_t* z) {
    lanes_u32 w;
    load_lanes(w, row);
    for (int half = 0; half < 2; ++half, w >>= 16)
      store_lanes(__builtin_convertvector((w >> 4 & 0xfff) * 2 - 4095, lanes_i16), z + half * 16);
  }
};

/// z[j] = element first + j. Rows cut by either end are made whole in a buffer: any range gives the same values.
template <class Distribution>
void fill(const random_stream& source, std::uint64_t first, std::span<std::int16_t> z) {
  constexpr std::size_t per_row = Distribution::elements_per_row, rows_per_group = 4;
  alignas(64) std::uint32_t words[random_stream::group_size];
  alignas(64) std::int16_t whole[per_row];
  std::uint64_t held = ~std::uint64_t{0};
  for (std::size_t done = 0; done < z.size();) {
    const std::uint64_t row = (first + done) / per_row;
    if (row / rows_per_group != held) source.group(held = row / rows_per_group, words);
    const std::uint32_t* row_words = words + row % rows_per_group * lane_count;
    const auto skipped = static_cast<std::size_t>(first + done - row * per_row);
    const std::size_t count = std::min(per_row - skipped, z.size() - done);
    if (count == per_row) {
      Distribution::expand(row_words, z.data() + done);
    } else {
      Distribution::expand(row_words, whole);
      std::copy_n(whole + skipped, count, z.data() + done);
    }
    done += count;
  }
}

}  // namespace zolt::inline v0::distribution
