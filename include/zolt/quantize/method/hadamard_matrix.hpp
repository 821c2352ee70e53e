#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zolt/core/config.hpp"

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

}  // namespace detail

/// A Hadamard matrix of one of the orders 12, 20, 28, 36, 52, 60, 108, 140, 156 and 172, row by row: entries ±1, M·Mᵀ = order·I. Empty
/// for other orders.
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

}  // namespace zolt::inline v0
