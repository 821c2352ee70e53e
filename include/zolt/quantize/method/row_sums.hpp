#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "zolt/core/config.hpp"

// Sums over rows in the order of memory and in cache-sized pieces. The order of the operations is fixed; only the contraction of a product
// with a sum is the compiler's.
namespace zolt::inline v0::detail {

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

}  // namespace zolt::inline v0::detail
