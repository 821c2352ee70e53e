#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/lanes.hpp"
#include "zolt/direction/law.hpp"

namespace zolt::inline v0 {

/// z = U Vᵀ with Rank signs per row and per column; a set bit is −1, so that z_ij = Rank − 2·popcount(left_i ^ right_j).
///
///   width w = Rank rounded up to a power of two, p = 512/w:   the signs of row or column i are bits (i mod p)/16·w + k, k < Rank,
///   of word 16·⌊i/p⌋ + i mod 16;   for Rank above 32 its first 32 signs are word 32·⌊i/16⌋ + i mod 16 and the others the word 16 further
template <int Rank>
  requires(Rank >= 1 && Rank <= 64)
struct low_rank_law {
  static constexpr int bits = std::bit_width(static_cast<unsigned>(Rank));
  static constexpr bool whole_units = true;
  std::uint32_t refresh = 50;

  /// An even number of signs is balanced with probability C(Rank, Rank/2)/2^Rank.
  double density() const {
    if constexpr (Rank % 2 != 0) return 1;
    double balanced = 1;
    for (int k = 1; k <= Rank / 2; ++k) balanced *= (2.0 * k - 1) / (2.0 * k);
    return 1 - balanced;
  }
  double spread() const { return std::sqrt(static_cast<double>(Rank)); }
  double amplitude() const { return 1 / spread(); }
  std::uint32_t record() const { return refresh; }

  /// The signs of rows first … of U, bit k for factor k: what a forward needs that multiplies by the factors.
  void left_signs(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::uint64_t> rows) const {
    signs_of(left_source(key, info), first, rows);
  }
  /// The signs of columns first … of V.
  void right_signs(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::uint64_t> columns) const {
    signs_of(right_source(key, info), first, columns);
  }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    const random_stream of_rows = left_source(key, info), of_columns = right_source(key, info);
    const std::uint64_t columns = info.shape.columns;
    factors left, right;
    bool every_column = false;  // right has all of them
    for (std::size_t done = 0; done < z.size();) {
      const std::size_t count = std::min(tile_size, z.size() - done);
      const std::uint64_t begin = first + done, end = begin + count, first_row = begin / columns, last_row = (end - 1) / columns;
      left.make(of_rows, first_row, static_cast<std::size_t>(last_row - first_row + 1));
      if (!every_column && first_row != last_row && columns <= tile_size) {
        right.make(of_columns, 0, static_cast<std::size_t>(columns));
        every_column = true;
      }
      for (std::uint64_t row = first_row; row <= last_row; ++row) {
        const std::uint64_t from = std::max(begin, row * columns) - row * columns, to = std::min(end, (row + 1) * columns) - row * columns;
        const auto length = static_cast<std::size_t>(to - from);
        if (!every_column) right.make(of_columns, from, length);
        expand(left, row, right, from, z.subspan(done, length));
        done += length;
      }
    }
  }
  friend bool operator==(const low_rank_law&, const low_rank_law&) = default;

 private:
  static constexpr std::size_t planes = Rank > 32 ? 2 : 1;  ///< words per row or column
  static constexpr std::uint32_t width = planes == 2 ? 32 : std::bit_ceil(static_cast<unsigned>(Rank));
  static constexpr std::size_t per_row = lane_count * (32 / width);
  static constexpr std::uint32_t used(std::size_t plane) {
    const std::size_t signs = std::min<std::size_t>(Rank - 32 * plane, 32);
    return ~std::uint32_t{0} >> (32 - signs);
  }

  /// Consecutive factors, one word per plane, and behind them as many as a vector that starts at the last one reads.
  struct factors {
    alignas(64) std::uint32_t words[planes][tile_size + 3 * lane_count];
    std::uint64_t start = 0;  ///< index of the first

    /// count ≤ tile_size.
    void make(const random_stream& source, std::uint64_t first, std::size_t count) {
      start = first / lane_count * lane_count;
      alignas(64) std::uint32_t group[random_stream::group_size];
      std::uint64_t held = ~std::uint64_t{0};
      for (std::uint64_t at = start; at < first + count + lane_count - 1; at += lane_count) {
        const auto shift = static_cast<std::uint32_t>(at % per_row / lane_count) * width;
        for (std::size_t plane = 0; plane < planes; ++plane) {
          const std::uint64_t row = at / per_row * planes + plane;
          if (row / 4 != held) source.group(held = row / 4, group);
          lanes_u32 w;
          load_lanes(w, group + row % 4 * lane_count);
          store_lanes((w >> shift) & used(plane), words[plane] + (at - start));
        }
      }
    }
    const std::uint32_t* at(std::size_t plane, std::uint64_t index) const { return words[plane] + (index - start); }
  };

  static random_stream left_source(const direction_key& key, const parameter_info& info) { return {key, info.id, stream::factor_left}; }
  random_stream right_source(const direction_key& key, const parameter_info& info) const {
    const bool held = refresh > 1 && info.shape.rows > 1 && info.shape.columns > 1;
    return {held ? direction_key{key.run, key.step - key.step % refresh, 0} : key, info.id, stream::factor_right};
  }

  static void signs_of(const random_stream& source, std::uint64_t first, std::span<std::uint64_t> signs) {
    factors some;
    for (std::size_t done = 0; done < signs.size();) {
      const std::size_t count = std::min(tile_size, signs.size() - done);
      some.make(source, first + done, count);
      for (std::size_t j = 0; j < count; ++j) {
        signs[done + j] = some.at(0, first + done)[j];
        if constexpr (planes == 2) signs[done + j] |= std::uint64_t{some.at(1, first + done)[j]} << 32;
      }
      done += count;
    }
  }

  /// Adds the number of set bits of each lane, of which only the lowest `width` can be set; x is used up.
  static void add_set_bits(lanes_u32& x, lanes_u32& sum) {
    if constexpr (width >= 2) x = x - ((x >> 1) & 0x55555555u);
    if constexpr (width >= 4) x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    if constexpr (width >= 8) x = (x + (x >> 4)) & 0x0f0f0f0fu;
    if constexpr (width >= 16) x += x >> 8;
    if constexpr (width >= 32) x += x >> 16;
    if constexpr (width >= 16) x &= 0x3fu;
    sum += x;
  }

  static void expand(const factors& left, std::uint64_t row, const factors& right, std::uint64_t column, std::span<std::int16_t> z) {
    for (std::size_t j = 0; j < z.size(); j += lane_count) {
      lanes_u32 opposite = {};
      for (std::size_t plane = 0; plane < planes; ++plane) {
        lanes_u32 w;
        load_lanes(w, right.at(plane, column) + j);
        w ^= *left.at(plane, row);
        add_set_bits(w, opposite);
      }
      const lanes_i16 sums = __builtin_convertvector(static_cast<std::uint32_t>(Rank) - 2 * opposite, lanes_i16);
      if (z.size() - j >= lane_count) {
        store_lanes(sums, z.data() + j);
      } else {
        std::int16_t rest[lane_count];
        store_lanes(sums, rest);
        std::copy_n(rest, z.size() - j, z.data() + j);
      }
    }
  }
};

/// Directions of low rank: a matrix moves by the product of two thin ones.
///
///   z_ij = Σ_k U_ik V_jk,   U, V ∈ {−1, 1},   k = 1 … Rank,   E z² = Rank
///
/// U is fresh for every step and query. V is held for `refresh` steps and shared by all their queries, so that what a window of steps adds
/// to a matrix has rank at most Rank; with refresh 1 nothing is held and V is as fresh as U. A vector has fresh factors always: it is a plain
/// sum of signs.
///
/// Components are uncorrelated over windows, not within one: while V is held, a step sees its part of the gradient only.
///
/// Units    radius ε moves a weight by ε·z whole units, at most ε·Rank; RMS ε·√Rank.
/// Cost     Rank random bits, rounded up to a power of two, per weight of a tile; a forward that multiplies by the factors reads
///          Rank·(rows + columns) bits per matrix and query.
/// Source   LOZO (Chen et al. 2025, arXiv 2410.07698) §4: lazily sampled V; EGGROLL (arXiv 2511.16652) eq. 4: both fresh.
/// Differs  signs in place of Gaussian factors: z is a small exact integer and codes can take it. U and V have streams of their own, so that
///          probe and update agree on the steps that refresh V, where LOZO's released code draws another U for the update.
template <int Rank>
struct low_rank {
  static constexpr std::string_view name = "low_rank";
  std::uint32_t refresh = 50;

  template <class Field>
  void fields(Field&& field) const {
    field("rank", static_cast<double>(Rank), bound::at_least_one);
    field("refresh", refresh, bound::at_least_one);
  }
  low_rank_law<Rank> law_at(double, std::uint32_t) const { return {refresh}; }
  low_rank_law<Rank> law_of(std::uint32_t record) const { return {record}; }
  friend bool operator==(const low_rank&, const low_rank&) = default;
};

}  // namespace zolt::inline v0
