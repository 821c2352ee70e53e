#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/core/lanes.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/quantize/method/hadamard_matrix.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0 {

namespace detail {

/// One stage within 16 neighbours: lane l becomes v[l] + v[l + h] or v[l − h] − v[l]. A product with ±1 is exact.
template <std::size_t H, std::size_t... Lane>
inline void butterfly_within(lanes_f32& v, std::index_sequence<Lane...>) {
  constexpr lanes_f32 sign = {static_cast<float>((Lane & H) != 0 ? -1 : 1)...};
  v = __builtin_shufflevector(v, v, (Lane ^ H)...) + v * sign;
}

/// x ← H x, not normalised, of a power of two of values.
inline void butterflies(float* x, std::size_t n) {
  std::size_t h = 1;
  if (n >= lane_count) {
    constexpr auto all = std::make_index_sequence<lane_count>{};
    for (std::size_t i = 0; i < n; i += lane_count) {
      lanes_f32 v;
      load_lanes(v, x + i);
      butterfly_within<1>(v, all);
      butterfly_within<2>(v, all);
      butterfly_within<4>(v, all);
      butterfly_within<8>(v, all);
      store_lanes(v, x + i);
    }
    for (h = lane_count; h < n; h *= 2)
      for (std::size_t i = 0; i < n; i += 2 * h)
        for (std::size_t j = i; j < i + h; j += lane_count) {
          lanes_f32 a, b;
          load_lanes(a, x + j);
          load_lanes(b, x + j + h);
          store_lanes(a + b, x + j);
          store_lanes(a - b, x + j + h);
        }
  }
  for (; h < n; h *= 2)
    for (std::size_t i = 0; i < n; i += 2 * h)
      for (std::size_t j = i; j < i + h; ++j) {
        const float a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
}

/// x ← (M ⊗ I) x for a matrix of signs, or its transpose; the identity has `columns` rows. Four rows of M at a time: sums are chains.
inline void mix_blocks(float* x, std::size_t columns, const std::int8_t* signs, std::size_t order, bool transposed) {
  const std::size_t row_step = transposed ? 1 : order, column_step = transposed ? order : 1;
  lanes_f32 in[largest_order];
  float factor[4][largest_order];
  for (std::size_t j = 0; j < columns; j += lane_count) {
    const std::size_t bytes = std::min(lane_count, columns - j) * sizeof(float);
    for (std::size_t k = 0; k < order; ++k) {
      in[k] = lanes_f32{};
      __builtin_memcpy(&in[k], x + k * columns + j, bytes);
    }
    for (std::size_t r = 0; r < order; r += 4) {
      for (std::size_t q = 0; q < 4; ++q)
        for (std::size_t k = 0; k < order; ++k) factor[q][k] = signs[(r + q) * row_step + k * column_step];
      lanes_f32 sum[4] = {};
      for (std::size_t k = 0; k < order; ++k)
        for (std::size_t q = 0; q < 4; ++q) sum[q] += in[k] * factor[q][k];
      for (std::size_t q = 0; q < 4; ++q) __builtin_memcpy(x + (r + q) * columns + j, &sum[q], bytes);
    }
  }
}

inline std::size_t checked_hadamard_order(std::size_t n) {
  const std::size_t order = hadamard_order(n);
  if (order == 0) fail("hadamard", "size", n, "be 2^m, or K·2^m for K = 12, 20, 28, 36, 52, 60, 108, 140, 156 or 172");
  return order;
}

inline void normalise(std::span<float> x) {
  const float scale = 1 / std::sqrt(static_cast<float>(x.size()));
  for (float& v : x) v *= scale;
}

}  // namespace detail

/// The fast Walsh-Hadamard transform in place, in natural order, orthonormal: its own inverse.
///
///   x ← H x / √n,   H_2n = (H_n, H_n; H_n, −H_n)
///
/// Units    none: it keeps Σ x².
/// Cost     n·log₂ n additions.
/// Errors   a size that is no power of two.
/// Source   Fino & Algazi 1976.
inline void fwht(std::span<float> x) {
  if (!std::has_single_bit(x.size())) fail("fwht", "size", x.size(), "be a power of two");
  detail::butterflies(x.data(), x.size());
  detail::normalise(x);
}

/// The orthonormal Hadamard transform for n = K·2^m: x ← (H_K ⊗ H_2^m) x / √n, in place.
///
/// Units    none: it keeps Σ x².
/// Cost     n·(K + m) additions; no allocation.
/// Errors   a size with an odd part beyond 1, 3, 5, 7, 9, 13, 15, 27, 35, 39 and 43, or with one beside 1 and not divided by 4.
/// Source   the sizes of QuaRot (Ashkboos et al. 2024, arXiv 2404.00456); its matrices of order K are others of the same orders.
/// Differs  40 is 20·2.
inline void hadamard(std::span<float> x, bool inverse = false) {
  const std::size_t order = detail::checked_hadamard_order(x.size());
  const std::size_t block = x.size() / order;
  for (std::size_t k = 0; k < order; ++k) detail::butterflies(x.data() + k * block, block);
  if (order != 1) detail::mix_blocks(x.data(), block, hadamard_matrix(order).data(), order, inverse);
  detail::normalise(x);
}
inline void hadamard_inverse(std::span<float> x) { hadamard(x, true); }

/// A random orthogonal matrix of which only a key is stored.
///
///   Q = diag(s)·Hᵀ/√n,   s_i = ±1,   y = x Wᵀ = (x Q)(W Q)ᵀ
///
/// It spreads an outlier over its whole block: absmax scales of rotated weights and activations are smaller. Rows are rotated by `apply`
/// and `inverse` in the forward, weights beforehand by `rotate_columns` (the input side) and `rotate_rows` (the output side).
///
/// Units    block: columns that are mixed with each other, 0 for all of a row.
/// Cost     as hadamard of the block; a random bit per column.
/// Errors   a block that does not divide the row, a block without a Hadamard transform.
/// Source   QuaRot (Ashkboos et al. 2024, arXiv 2404.00456); blocks as in Xi et al. 2023 (arXiv 2306.11987).
/// Differs  signs come from the counter: two rotations differ in run, step or query of their keys.
struct random_rotation {
  direction_key key{};
  std::size_t block = 0;

  /// row ← row·Q
  void apply(std::span<float> row) const {
    check(row.size());
    flip(row);
    for_each_block(row, false);
  }
  /// row ← row·Qᵀ
  void inverse(std::span<float> row) const {
    check(row.size());
    for_each_block(row, true);
    flip(row);
  }

 private:
  void check(std::size_t size) const {
    const std::size_t n = block == 0 ? size : block;
    if (n == 0 || size % n != 0) fail("random_rotation", "size", size, "be a multiple of the block of " + to_text(block));
    detail::checked_hadamard_order(n);
  }
  void for_each_block(std::span<float> row, bool backward) const {
    const std::size_t n = block == 0 ? row.size() : block;
    for (std::size_t i = 0; i < row.size(); i += n) hadamard(row.subspan(i, n), backward);
  }
  void flip(std::span<float> row) const {
    constexpr std::string_view name = "random_rotation";
    const random_stream source(key, hash_of(name.data(), name.size()), stream::rotation);
    alignas(64) std::int16_t signs[distribution::rademacher::elements_per_row];
    for (std::size_t i = 0; i < row.size(); i += std::size(signs)) {
      const std::size_t count = std::min(std::size(signs), row.size() - i);
      distribution::fill<distribution::rademacher>(source, i, std::span(signs, count));
      for (std::size_t j = 0; j < count; ++j) row[i + j] *= signs[j];
    }
  }
};

/// W ← W·Q: the weight for rotated inputs. Also rotates activations whose rows are tokens.
inline void rotate_columns(tensor_view<float> w, const random_rotation& q) {
  for (std::size_t r = 0; r < w.rows(); ++r) q.apply(w.row(r));
}
/// W ← W·Qᵀ
inline void restore_columns(tensor_view<float> w, const random_rotation& q) {
  for (std::size_t r = 0; r < w.rows(); ++r) q.inverse(w.row(r));
}

namespace detail {
template <class Function>
void for_each_column(tensor_view<float> w, Function&& f) {
  std::vector<float> panel(lane_count * w.rows());  // as many columns as a cache line has floats
  for (std::size_t first = 0; first < w.columns(); first += lane_count) {
    const std::size_t count = std::min(lane_count, w.columns() - first);
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (std::size_t c = 0; c < count; ++c) panel[c * w.rows() + r] = w(r, first + c);
    for (std::size_t c = 0; c < count; ++c) f(std::span(panel).subspan(c * w.rows(), w.rows()));
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (std::size_t c = 0; c < count; ++c) w(r, first + c) = panel[c * w.rows() + r];
  }
}
}  // namespace detail

/// W ← Qᵀ·W: the weight that gives rotated outputs, x (Qᵀ W)ᵀ = (x Wᵀ) Q.
inline void rotate_rows(tensor_view<float> w, const random_rotation& q) {
  detail::for_each_column(w, [&q](std::span<float> column) { q.apply(column); });
}
/// W ← Q·W
inline void restore_rows(tensor_view<float> w, const random_rotation& q) {
  detail::for_each_column(w, [&q](std::span<float> column) { q.inverse(column); });
}

}  // namespace zolt::inline v0
