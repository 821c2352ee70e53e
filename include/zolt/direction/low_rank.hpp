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
#include "zolt/direction/factored.hpp"
#include "zolt/direction/law.hpp"

namespace zolt::inline v0 {

/// U fresh for every step and query, V held for `refresh` steps; those of a vector are as fresh as U.
struct held_right_factor {
  std::uint32_t refresh = 50;

  std::uint32_t record() const { return refresh; }
  random_stream left(const direction_key& key, const parameter_info& info) const { return {key, info.id, stream::factor_left}; }
  random_stream right(const direction_key& key, const parameter_info& info) const {
    const bool held = refresh > 1 && !detail::is_vector(info.shape);
    return {held ? direction_key{key.run, key.step - key.step % refresh, 0} : key, info.id, stream::factor_right};
  }
  /// The factors whose signs are turned for one direction: none.
  std::uint64_t turned(const direction_key&, const parameter_info&) const { return 0; }
  friend bool operator==(const held_right_factor&, const held_right_factor&) = default;
};

/// z = U Vᵀ with Rank signs per row and per column; a set bit is −1, so that z_ij = Rank − 2·popcount(left_i ^ right_j).
///
///   width w = Rank rounded up to a power of two, p = 512/w:   the signs of row or column i are bits (i mod p)/16·w + k, k < Rank,
///   of word 16·⌊i/p⌋ + i mod 16;   for Rank above 32 its first 32 signs are word 32·⌊i/16⌋ + i mod 16 and the others the word 16 further
///
/// `Holding` says whose words they are, and so for how long a factor is held; the signs of left factor k are turned where bit k of its
/// turned() is set.
template <int Rank, class Holding = held_right_factor>
  requires(Rank >= 1 && Rank <= 64)
struct low_rank_law {
  static constexpr int bits = std::bit_width(static_cast<unsigned>(Rank));
  static constexpr bool whole_units = true;
  Holding holding = {};

  double density() const { return detail::nonzero_sums(Rank); }
  double spread() const { return std::sqrt(static_cast<double>(Rank)); }
  double amplitude() const { return 1 / spread(); }
  std::uint32_t record() const { return holding.record(); }

  /// The signs of rows first … of U, bit k for factor k: what a forward needs that multiplies by the factors.
  void left_signs(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::uint64_t> rows) const {
    signs_of({holding.left(key, info), holding.turned(key, info)}, first, rows);
  }
  /// The signs of columns first … of V.
  void right_signs(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::uint64_t> columns) const {
    signs_of({holding.right(key, info), 0}, first, columns);
  }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    factors left(holding.left(key, info), holding.turned(key, info)), right(holding.right(key, info), 0);
    detail::fill_by_rows(
        info.shape.columns, first, z, left, right,
        [&](std::uint64_t row, std::uint64_t column, std::span<std::int16_t> some) { expand(left, row, right, column, some); });
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
    random_stream source;
    std::uint64_t turned;
    std::uint64_t start = 0;  ///< index of the first
    alignas(64) std::uint32_t words[planes][tile_size + 3 * lane_count];

    factors(const random_stream& from, std::uint64_t turned_signs) : source(from), turned(turned_signs) {}

    /// count ≤ tile_size.
    void make(std::uint64_t first, std::size_t count) {
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
          store_lanes(((w >> shift) ^ static_cast<std::uint32_t>(turned >> 32 * plane)) & used(plane), words[plane] + (at - start));
        }
      }
    }
    const std::uint32_t* at(std::size_t plane, std::uint64_t index) const { return words[plane] + (index - start); }
  };

  static void signs_of(factors&& some, std::uint64_t first, std::span<std::uint64_t> signs) {
    for (std::size_t done = 0; done < signs.size();) {
      const std::size_t count = std::min(tile_size, signs.size() - done);
      some.make(first + done, count);
      for (std::size_t j = 0; j < count; ++j) {
        signs[done + j] = some.at(0, first + done)[j];
        if constexpr (planes == 2) signs[done + j] |= std::uint64_t{some.at(1, first + done)[j]} << 32;
      }
      done += count;
    }
  }

  [[gnu::always_inline]] static void expand(const factors& left, std::uint64_t row, const factors& right, std::uint64_t column,
                                            std::span<std::int16_t> z) {
    for (std::size_t j = 0; j < z.size(); j += lane_count) {
      lanes_u32 opposite = {};
      for (std::size_t plane = 0; plane < planes; ++plane) {
        lanes_u32 w;
        load_lanes(w, right.at(plane, column) + j);
        w ^= *left.at(plane, row);
        detail::add_set_bits<width>(w, opposite);
      }
      detail::store_some(__builtin_convertvector(static_cast<std::uint32_t>(Rank) - 2 * opposite, lanes_i16), z.subspan(j));
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
  low_rank_law<Rank> law_at(double, std::uint32_t) const { return {{refresh}}; }
  low_rank_law<Rank> law_of(std::uint32_t record) const { return {{record}}; }
  friend bool operator==(const low_rank&, const low_rank&) = default;
};

}  // namespace zolt::inline v0
