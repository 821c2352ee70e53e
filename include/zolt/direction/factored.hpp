#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/core/lanes.hpp"
#include "zolt/parameter/parameter.hpp"

/// What laws share whose directions are products of thin matrices of signs.
namespace zolt::inline v0::detail {

/// One row or column, which has no low rank to give.
constexpr bool is_vector(const shape& s) { return s.rows == 1 || s.columns == 1; }

/// The probability that a sum of fair signs is not 0: an even number is balanced with probability C(n, n/2)/2ⁿ.
inline double nonzero_sums(int signs) {
  if (signs % 2 != 0) return 1;
  double balanced = 1;
  for (int k = 1; k <= signs / 2; ++k) balanced *= (2.0 * k - 1) / (2.0 * k);
  return 1 - balanced;
}

/// Adds the number of set bits of each lane, of which only the lowest Width, a power of two, can be set; x is used up.
template <std::uint32_t Width>
[[gnu::always_inline]] inline void add_set_bits(lanes_u32& x, lanes_u32& sum) {
  if constexpr (Width >= 2) x = x - ((x >> 1) & 0x55555555u);
  if constexpr (Width >= 4) x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
  if constexpr (Width >= 8) x = (x + (x >> 4)) & 0x0f0f0f0fu;
  if constexpr (Width >= 16) x += x >> 8;
  if constexpr (Width >= 32) x += x >> 16;
  if constexpr (Width >= 16) x &= 0x3fu;
  sum += x;
}

/// z by tiles and, in each, by rows: expand(row, column, some of one row) follows left.make(first row, count) and right.make(first column,
/// count) that cover it, count ≤ tile_size. Where a tile holds several rows, and right all columns, those are made once.
/// Inlined with what it calls, or a row of few columns costs twice as much.
template <class Left, class Right, class Expand>
[[gnu::always_inline]] inline void fill_by_rows(std::uint64_t columns, std::uint64_t first, std::span<std::int16_t> z, Left& left,
                                                Right& right, Expand&& expand) {
  bool every_column = false;  // right has all of them
  for (std::size_t done = 0; done < z.size();) {
    const std::size_t count = std::min(tile_size, z.size() - done);
    const std::uint64_t begin = first + done, end = begin + count, first_row = begin / columns, last_row = (end - 1) / columns;
    left.make(first_row, static_cast<std::size_t>(last_row - first_row + 1));
    if (!every_column && first_row != last_row && columns <= tile_size) {
      right.make(0, static_cast<std::size_t>(columns));
      every_column = true;
    }
    for (std::uint64_t row = first_row; row <= last_row; ++row) {
      const std::uint64_t from = std::max(begin, row * columns) - row * columns, to = std::min(end, (row + 1) * columns) - row * columns;
      const auto length = static_cast<std::size_t>(to - from);
      if (!every_column) right.make(from, length);
      expand(row, from, z.subspan(done, length));
      done += length;
    }
  }
}

/// A vector of numbers, of which z may take fewer than there are.
[[gnu::always_inline]] inline void store_some(const lanes_i16& numbers, std::span<std::int16_t> z) {
  if (z.size() >= lane_count) {
    store_lanes(numbers, z.data());
  } else {
    std::int16_t rest[lane_count];
    store_lanes(numbers, rest);
    std::copy_n(rest, z.size(), z.data());
  }
}

}  // namespace zolt::inline v0::detail
