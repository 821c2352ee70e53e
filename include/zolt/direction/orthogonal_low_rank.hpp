#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/lanes.hpp"
#include "zolt/direction/factored.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0 {

/// z = U C Vᵀ: a core C of Rank² signs between two thin matrices of signs whose columns are orthogonal. A set bit is −1.
///
///   block b = Rank rounded up to a power of two;   u_ik = s_i · t_{⌊i/b⌋,k} · (−1)^popcount((i mod b) & k),   k < Rank
///   of word ⌊i/16⌋ of a factor: bit i mod 16 is s_i, bit 16 + ⌊(i mod 16)/b⌋·b + k is t_{⌊i/b⌋,k}
///   C_kl is bit k of word l of the direction's stream, which are the signs of a vector: there z_i = ±Rank
///
/// Over the b rows of a block two columns differ in the signs of half of them, whatever s and t.
template <int Rank>
  requires(Rank >= 1 && Rank <= 16)
struct orthogonal_low_rank_law {
  static constexpr int bits = std::bit_width(static_cast<unsigned>(Rank * Rank));
  static constexpr bool whole_units = true;
  std::uint32_t refresh = 1000;

  /// Of a matrix, whose components are sums of Rank² fair signs.
  double density() const { return detail::nonzero_sums(Rank * Rank); }
  double spread() const { return Rank; }
  double amplitude() const { return 1.0 / Rank; }
  std::uint32_t record() const { return refresh; }

  /// The signs of rows first … of a matrix's U, bit k for column k: what a forward needs that multiplies by the factors.
  void left_signs(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::uint64_t> rows) const {
    signs_of(factors(source(key, info, stream::factor_left)), first, rows);
  }
  /// The signs of rows first … of V, one for every column of the matrix.
  void right_signs(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::uint64_t> columns) const {
    signs_of(factors(source(key, info, stream::factor_right)), first, columns);
  }
  /// The signs of the columns of C, bit k of number l for C_kl.
  std::array<std::uint64_t, std::size_t{Rank}> core_signs(const direction_key& key, const parameter_info& info) const {
    const random_stream words(key, info.id, stream::direction);
    std::array<std::uint64_t, std::size_t{Rank}> columns;
    for (std::size_t l = 0; l < Rank; ++l) columns[l] = words.word(l) & used;
    return columns;
  }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    const random_stream of_direction(key, info.id, stream::direction);
    if (detail::is_vector(info.shape)) {
      distribution::fill<distribution::rademacher>(of_direction, first, z);
      for (std::int16_t& x : z) x = static_cast<std::int16_t>(Rank * x);
      return;
    }
    alignas(64) std::uint32_t words[random_stream::group_size];
    of_direction.group(0, words);
    lanes_u32 core;
    load_lanes(core, words);
    factors left(source(key, info, stream::factor_left)), right(source(key, info, stream::factor_right));
    detail::fill_by_rows(info.shape.columns, first, z, left, right,
                         [&](std::uint64_t row, std::uint64_t column, std::span<std::int16_t> some) {
                           lanes_u32 opposite = {}, differ = (core ^ left.signs(row)) & used;
                           detail::add_set_bits<lane_count>(differ, opposite);
                           alignas(32) std::int16_t of_row[lane_count];  // l_k = Σ_a u_ia C_ak, k < Rank
                           store_lanes(__builtin_convertvector(static_cast<std::uint32_t>(Rank) - 2 * opposite, lanes_i16), of_row);
                           expand(of_row, right.at(column), some);
                         });
  }
  friend bool operator==(const orthogonal_low_rank_law&, const orthogonal_low_rank_law&) = default;

 private:
  static constexpr std::uint32_t used = (1u << Rank) - 1;
  static constexpr unsigned block = std::bit_ceil(static_cast<unsigned>(Rank));
  /// Row i of a block: bit k is set where popcount(i & k) is odd.
  static constexpr auto hadamard = [] {
    std::array<std::uint32_t, block> rows{};
    for (unsigned i = 0; i < block; ++i)
      for (unsigned k = 0; k < Rank; ++k) rows[i] |= static_cast<std::uint32_t>(std::popcount(i & k) & 1) << k;
    return rows;
  }();

  /// Consecutive rows of U or V, the sign of the last column in the highest bit, and behind them as many as a vector that starts at the last
  /// one reads.
  class factors {
   public:
    explicit factors(const random_stream& from) : words_(from) {}

    /// count ≤ tile_size.
    void make(std::uint64_t first, std::size_t count) {
      start_ = first / lane_count * lane_count;
      for (std::uint64_t at = start_; at < first + count + lane_count - 1; at += lane_count) {
        const std::uint32_t word = words_(at / lane_count);
        std::int16_t* to = rows_ + (at - start_);
        for (unsigned i = 0; i < lane_count; i += block) {
          const std::uint32_t of_block = word >> (16 + i);
          for (unsigned j = 0; j < block; ++j)
            to[i + j] = static_cast<std::int16_t>((of_block ^ hadamard[j] ^ (0 - (word >> (i + j) & 1))) << (16 - Rank));
        }
      }
    }
    const std::int16_t* at(std::uint64_t index) const { return rows_ + (index - start_); }
    std::uint32_t signs(std::uint64_t index) const { return static_cast<std::uint16_t>(*at(index)) >> (16 - Rank); }

   private:
    word_reader words_;
    std::uint64_t start_ = 0;  ///< index of the first
    alignas(64) std::int16_t rows_[tile_size + 3 * lane_count];
  };

  /// The key of the window of steps that share U and V.
  random_stream source(const direction_key& key, const parameter_info& info, stream purpose) const {
    return {refresh > 1 ? direction_key{key.run, key.step - key.step % refresh, 0} : key, info.id, purpose};
  }

  static void signs_of(factors&& some, std::uint64_t first, std::span<std::uint64_t> signs) {
    for (std::size_t done = 0; done < signs.size();) {
      const std::size_t count = std::min(tile_size, signs.size() - done);
      some.make(first + done, count);
      for (std::size_t j = 0; j < count; ++j) signs[done + j] = some.signs(first + done + j);
      done += count;
    }
  }

  /// z_ij = Σ_k l_k v_jk = Σ_k l_k − Σ_k 2 l_k [v_jk = −1].
  [[gnu::always_inline]] static void expand(const std::int16_t* of_row, const std::int16_t* columns, std::span<std::int16_t> z) {
    std::int16_t sum = 0, twice[std::size_t{Rank}];
    for (std::size_t k = 0; k < Rank; ++k) {
      sum = static_cast<std::int16_t>(sum + of_row[k]);
      twice[k] = static_cast<std::int16_t>(2 * of_row[k]);
    }
    for (std::size_t j = 0; j < z.size(); j += lane_count) {
      lanes_i16 signs, numbers = lanes_i16{} + sum;
      load_lanes(signs, columns + j);
      for (int k = Rank; k-- > 0; signs <<= 1) numbers -= (signs >> 15) & twice[k];
      detail::store_some(numbers, z.subspan(j));
    }
  }
};

/// Directions within a subspace that is held for `refresh` steps: all matrices U C Vᵀ over two thin matrices with orthogonal columns.
///
///   z_ij = Σ_kl U_ik C_kl V_jl,   U, V, C ∈ {−1, 1},   UᵀU = rows·I,   VᵀV = columns·I,   E z² = Rank²
///
/// C is fresh for every step and query. U and V are held for `refresh` steps and shared by all their queries; with refresh 1 nothing is held.
/// Columns are orthogonal exactly where rows and columns are multiples of the block, Rank rounded up to a power of two, and otherwise but for
/// the last block, which is cut. Components are uncorrelated over windows; within one, an estimate of the gradient G has the mean
///
///   E ĝ = U Uᵀ G V Vᵀ/Rank² = (rows·columns/Rank²)·P G,   P the projection on the Rank² dimensions of the subspace
///
/// A vector has no subspace: every direction of it is Rank times fresh signs.
///
/// Units    radius ε moves a weight by ε·z whole units, at most ε·Rank²; RMS ε·Rank.
/// Cost     Rank/4 operations on 16 lanes per weight of a tile, and for a row as much as for 16 weights at least; of random bits Rank² per
///          matrix and query, 2·(rows + columns) per window.
/// Source   SubZero (Yu et al. 2024, arXiv 2410.08989): orthogonal factors that are resampled lazily, a Gaussian core.
/// Differs  signs with an orthogonality of their own in place of the QR decomposition of Gaussian matrices: nothing is stored or rounded,
///          and codes can take z. Rank is at most 16.
template <int Rank>
struct orthogonal_low_rank {
  static constexpr std::string_view name = "orthogonal_low_rank";
  std::uint32_t refresh = 1000;

  template <class Field>
  void fields(Field&& field) const {
    field("rank", static_cast<double>(Rank), bound::at_least_one);
    field("refresh", refresh, bound::at_least_one);
  }
  orthogonal_low_rank_law<Rank> law_at(double, std::uint32_t) const { return {refresh}; }
  orthogonal_low_rank_law<Rank> law_of(std::uint32_t record) const { return {record}; }
  friend bool operator==(const orthogonal_low_rank&, const orthogonal_low_rank&) = default;
};

}  // namespace zolt::inline v0
