#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "zolt/core/config.hpp"

// Dense factorization in the order of memory and in cache-sized pieces, so that calibration needs no other library. The order of the
// operations is fixed; only the contraction of a product with a sum is the compiler's.
namespace zolt::inline v0::detail {

/// A row-major n × n matrix that is zero below its diagonal.
struct upper_triangle {
  double* data;
  std::size_t n;
  double* row(std::size_t i) const { return data + i * n; }
  double& operator()(std::size_t i, std::size_t j) const { return data[i * n + j]; }
};

/// out[j] −= Σ_k factors[k] · rows[k·stride + j] for j < width, the terms of each j one after the other.
inline void subtract_rows(double* __restrict out, std::size_t width, std::span<const double> factors, const double* __restrict rows,
                          std::size_t stride) {
  std::size_t k = 0;
  for (; k + 4 <= factors.size(); k += 4) {
    const double a = factors[k], b = factors[k + 1], c = factors[k + 2], d = factors[k + 3];
    const double *p = rows + k * stride, *q = p + stride, *r = q + stride, *s = r + stride;
    for (std::size_t j = 0; j < width; ++j) out[j] = out[j] - a * p[j] - b * q[j] - c * r[j] - d * s[j];
  }
  for (; k < factors.size(); ++k)
    for (std::size_t j = 0; j < width; ++j) out[j] -= factors[k] * rows[k * stride + j];
}

/// Rows that are worked off together, and columns of them that stay in the second cache meanwhile.
inline constexpr std::size_t panel_rows = 64, panel_columns = 256;

/// f(from, to) for pieces of [begin, end).
template <class Function>
void for_each_panel(std::size_t begin, std::size_t end, Function&& f) {
  for (; begin < end; begin += panel_columns) f(begin, std::min(end, begin + panel_columns));
}

/// The upper triangle of a symmetric A becomes T with A = TᵀT. Returns the row whose pivot is not positive, or n.
inline std::size_t cholesky(const upper_triangle& a) {
  const std::size_t n = a.n;
  double factors[panel_rows];
  for (std::size_t first = 0, last; first < n; first = last) {
    last = std::min(n, first + panel_rows);
    const auto subtract = [&](std::size_t i, std::size_t from, std::size_t to, std::size_t until) {  // rows first … until of T
      for (std::size_t k = first; k < until; ++k) factors[k - first] = a(k, i);
      subtract_rows(a.row(i) + from, to - from, std::span(factors).first(until - first), a.row(first) + from, n);
    };
    for (std::size_t i = first; i < last; ++i) {
      subtract(i, i, n, i);
      if (!(a(i, i) > 0)) return i;
      const double root = std::sqrt(a(i, i));
      for (std::size_t j = i; j < n; ++j) a(i, j) /= root;
    }
    for_each_panel(last, n, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = last; i < to; ++i) subtract(i, std::max(i, from), to, last);
    });
  }
  return n;
}

/// T becomes T⁻¹, from the last rows up: row i is (eᵢ − Σ_{k>i} Tᵢₖ · row k) / Tᵢᵢ.
inline void invert(const upper_triangle& t) {
  const std::size_t n = t.n;
  std::vector<double> kept;
  for (std::size_t last = n, first; last > 0; last = first) {
    first = (last - 1) / panel_rows * panel_rows;
    kept.assign(t.row(first), t.row(first) + (last - first) * n);
    std::fill(t.row(first), t.row(first) + (last - first) * n, 0.0);
    const auto subtract = [&](std::size_t i, std::size_t from, std::size_t to, std::size_t k, std::size_t end) {  // rows k … end
      subtract_rows(t.row(i) + from, to - from, std::span<const double>(kept).subspan((i - first) * n + k, end - k), t.row(k) + from, n);
    };
    for_each_panel(last, n, [&](std::size_t from, std::size_t to) {
      for (std::size_t k = last; k < to; k += panel_rows)
        for (std::size_t i = first; i < last; ++i) subtract(i, std::max(from, k), to, k, std::min(to, k + panel_rows));
    });
    for (std::size_t i = last; i-- > first;) {
      if (i + 1 < last) subtract(i, i + 1, n, i + 1, last);
      const double pivot = kept[(i - first) * n + i];
      for (std::size_t j = i + 1; j < n; ++j) t(i, j) /= pivot;
      t(i, i) = 1 / pivot;
    }
  }
}

/// Reversed order of rows and columns; for a symmetric matrix and for the transpose of a triangle, both by their upper triangles.
inline void reverse(const upper_triangle& a) {
  for (std::size_t i = 0; i < a.n; ++i)
    for (std::size_t j = i; i + j + 1 < a.n; ++j) std::swap(a(i, j), a(a.n - 1 - j, a.n - 1 - i));
}

/// The upper triangle of a symmetric A becomes U with A⁻¹ = UᵀU. With the order reversed, A = TᵀT, so that U = T⁻ᵀ in the order as it
/// was: one factorization and one inversion of a triangle, and no inverse of A. Returns the row at which A is not positive definite, or n.
inline std::size_t factor_inverse(const upper_triangle& a) {
  reverse(a);
  if (const std::size_t row = cholesky(a); row != a.n) return a.n - 1 - row;
  invert(a);
  reverse(a);
  return a.n;
}

}  // namespace zolt::inline v0::detail
