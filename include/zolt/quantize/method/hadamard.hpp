#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/lanes.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0 {

namespace detail {

/// Four circulant matrices of order n by the −1 in their first rows, whose A·Aᵀ + B·Bᵀ + C·Cᵀ + D·Dᵀ is 4n·I. Found by exhaustive search of
/// symmetric rows (for 43: rows constant on the cosets of the subgroup of order 6); 39 is 13 times the T-matrices of order 3.
struct circulant_quadruple {
  std::size_t n;
  std::array<std::uint64_t, 4> negative;
};
inline constexpr std::array<circulant_quadruple, 5> circulant_quadruples = {{
    {7, {0x42, 0x42, 0x66, 0x18}},
    {9, {0x102, 0x186, 0x1ce, 0xb4}},
    {13, {0x1806, 0x528, 0x1332, 0x11e2}},
    {39, {0x4c8903d520, 0x635b10d363, 0x721141ec5d, 0x5dc752ca1f}},
    {43, {0x730a26450ce, 0x385b3fcda1c, 0x14d42f42b28, 0x207ac935e04}},
}};
inline constexpr std::array<std::size_t, 5> paley_primes = {11, 19, 59, 107, 139};
inline constexpr std::size_t largest_order = 172;

struct sign_matrix {
  std::size_t order;
  std::vector<std::int8_t> signs;
};

/// Paley's first construction for a prime q ≡ 3 (mod 4): the quadratic characters of differences, with a border.
inline sign_matrix paley_matrix(std::size_t q) {
  std::vector<bool> square(q);
  for (std::size_t i = 1; i < q; ++i) square[i * i % q] = true;
  sign_matrix m{q + 1, std::vector<std::int8_t>((q + 1) * (q + 1), 1)};
  for (std::size_t r = 1; r <= q; ++r)
    for (std::size_t c = 0; c <= q; ++c) m.signs[r * (q + 1) + c] = r == c || (c != 0 && square[(q + c - r) % q]) ? 1 : -1;
  return m;
}

/// The array of Goethals and Seidel. Block (r, c) is made of matrix r xor c: itself on the diagonal, reversed beside it.
inline sign_matrix circulant_matrix(const circulant_quadruple& q) {
  constexpr std::array<unsigned, 4> negated = {0b0000, 0b1001, 0b0011, 0b0101};
  const std::size_t n = q.n, order = 4 * n;
  sign_matrix m{order, std::vector<std::int8_t>(order * order)};
  for (std::size_t r = 0; r < order; ++r)
    for (std::size_t c = 0; c < order; ++c) {
      const std::size_t block_r = r / n, block_c = c / n, i = r % n, j = c % n;
      const std::size_t at = block_r == block_c ? n + j - i : block_r == 0 || block_c == 0 ? 2 * n - 1 - j - i : i + j + 1;
      const bool negative = (q.negative[block_r ^ block_c] >> at % n & 1) != (negated[block_r] >> block_c & 1);
      m.signs[r * order + c] = negative ? -1 : 1;
    }
  return m;
}

/// x ← H x, not normalised, of a power of two of values.
inline void butterflies(float* x, std::size_t n) {
  for (std::size_t h = 1; h < n; h *= 2)
    for (std::size_t i = 0; i < n; i += 2 * h) {
      float *low = x + i, *high = x + i + h;
      if (h >= lane_count) {
        for (std::size_t j = 0; j < h; j += lane_count) {
          lanes_f32 a, b;
          load_lanes(a, low + j);
          load_lanes(b, high + j);
          store_lanes(a + b, low + j);
          store_lanes(a - b, high + j);
        }
      } else {
        for (std::size_t j = 0; j < h; ++j) {
          const float a = low[j], b = high[j];
          low[j] = a + b;
          high[j] = a - b;
        }
      }
    }
}

/// x ← (M ⊗ I) x for a matrix of signs, or its transpose; the identity has `columns` rows. A product with ±1 is exact.
inline void mix_blocks(float* x, std::size_t columns, const std::int8_t* signs, std::size_t order, bool transposed) {
  const std::size_t row_step = transposed ? 1 : order, column_step = transposed ? order : 1;
  lanes_f32 in[largest_order];
  for (std::size_t j = 0; j < columns; j += lane_count) {
    const std::size_t bytes = std::min(lane_count, columns - j) * sizeof(float);
    for (std::size_t k = 0; k < order; ++k) {
      in[k] = lanes_f32{};
      __builtin_memcpy(&in[k], x + k * columns + j, bytes);
    }
    for (std::size_t r = 0; r < order; ++r) {
      lanes_f32 sum = {};
      for (std::size_t k = 0; k < order; ++k) sum += in[k] * static_cast<float>(signs[r * row_step + k * column_step]);
      __builtin_memcpy(x + r * columns + j, &sum, bytes);
    }
  }
}

inline void normalise(std::span<float> x) {
  const float scale = 1 / std::sqrt(static_cast<float>(x.size()));
  for (float& v : x) v *= scale;
}

}  // namespace detail

/// A Hadamard matrix of one of the orders 12, 20, 28, 36, 52, 60, 108, 140, 156 and 172, row by row: entries ±1, M·Mᵀ = order·I. Others: empty.
///
/// Cost     made once, on the first call: 92 KiB for all of them.
/// Source   Paley 1933 (12, 20, 60, 108, 140); Goethals & Seidel 1967 with circulants as of Williamson 1944 (28, 36, 52, 172) and of
///          Cooper & Wallis 1972 (156).
inline std::span<const std::int8_t> hadamard_matrix(std::size_t order) {
  static const std::vector<detail::sign_matrix> all = [] {
    std::vector<detail::sign_matrix> made;
    for (const std::size_t q : detail::paley_primes) made.push_back(detail::paley_matrix(q));
    for (const auto& quadruple : detail::circulant_quadruples) made.push_back(detail::circulant_matrix(quadruple));
    return made;
  }();
  for (const detail::sign_matrix& m : all)
    if (m.order == order) return m.signs;
  return {};
}

/// The K of n = K·2^m under which a vector of n values has a Hadamard transform: 1, or four times the odd part of n. 0: there is none here.
inline std::size_t hadamard_order(std::size_t n) {
  if (n == 0) return 0;
  const std::size_t odd = n >> std::countr_zero(n);
  if (odd == 1) return 1;
  return n % (4 * odd) == 0 && !hadamard_matrix(4 * odd).empty() ? 4 * odd : 0;
}

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
/// Source   the sizes of QuaRot (Ashkboos et al. 2024, arXiv 2404.00456) §4; its matrices of order K are others of the same orders.
/// Differs  40 is 20·2.
inline void hadamard(std::span<float> x, bool inverse = false) {
  const std::size_t order = hadamard_order(x.size());
  if (order == 0) fail("hadamard", "size", x.size(), "be 2^m, or K·2^m for K = 12, 20, 28, 36, 52, 60, 108, 140, 156 or 172");
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
    flip(row);
    for_each_block(row, false);
  }
  /// row ← row·Qᵀ
  void inverse(std::span<float> row) const {
    for_each_block(row, true);
    flip(row);
  }

 private:
  void for_each_block(std::span<float> row, bool backward) const {
    const std::size_t n = block == 0 ? row.size() : block;
    if (n == 0 || row.size() % n != 0) fail("random_rotation", "size", row.size(), "be a multiple of the block of " + to_text(block));
    for (std::size_t i = 0; i < row.size(); i += n) hadamard(row.subspan(i, n), backward);
  }
  void flip(std::span<float> row) const {
    constexpr std::string_view name = "random_rotation";
    const random_stream source(key, hash_of(name.data(), name.size()), stream::mask);
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
