#pragma once

#include <cstddef>
#include <type_traits>

#include "zolt/kernel/matmul.hpp"

namespace zolt::inline v0::kernel::inline ZOLT_PROGRAM_SET {

/// A matrix whose element (t, i) lies at data[t·t_step + i·i_step]: a row-major one, or its transpose.
struct strided {
  const float* data;
  std::size_t t_step, i_step;
};

template <std::size_t Rows, std::size_t Vectors>
inline void outer_block(const strided& left, const float* right, std::size_t right_stride, std::size_t terms, float* out,
                        std::size_t out_stride) {
  vector_f32 sum[Rows][Vectors] = {};
  const float* a = left.data;
  for (std::size_t t = 0; t < terms; ++t, a += left.t_step, right += right_stride) {
    vector_f32 x[Vectors];
    for (std::size_t v = 0; v < Vectors; ++v) __builtin_memcpy(&x[v], right + v * vector_width, sizeof(vector_f32));
    for (std::size_t i = 0; i < Rows; ++i) {
      const float factor = a[i * left.i_step];
      for (std::size_t v = 0; v < Vectors; ++v) sum[i][v] += factor * x[v];
    }
  }
  for (std::size_t i = 0; i < Rows; ++i)
    for (std::size_t v = 0; v < Vectors; ++v) __builtin_memcpy(out + i * out_stride + v * vector_width, &sum[i][v], sizeof(vector_f32));
}

template <std::size_t Rows>
inline void outer_rows(const strided& left, const float* right, std::size_t right_stride, std::size_t terms, std::size_t columns,
                       float* out, std::size_t out_stride) {
  std::size_t k = 0;
  for (; k + 2 * vector_width <= columns; k += 2 * vector_width)
    outer_block<Rows, 2>(left, right + k, right_stride, terms, out + k, out_stride);
  for (; k + vector_width <= columns; k += vector_width) outer_block<Rows, 1>(left, right + k, right_stride, terms, out + k, out_stride);
  for (; k < columns; ++k)
    for (std::size_t i = 0; i < Rows; ++i) {
      float sum = 0;
      for (std::size_t t = 0; t < terms; ++t) sum += left.data[t * left.t_step + i * left.i_step] * right[t * right_stride + k];
      out[i * out_stride + k] = sum;
    }
}

/// out(i, k) = Σ_t left(t, i) · right(t, k): a sum of outer products, or a product whose right factor is row-major. The terms are added in
/// order, so an element has the same bits however a caller cuts rows and columns.
///
/// Cost     2 · rows · columns · terms operations; no memory.
inline void sum_outer_products(strided left, const float* right, std::size_t right_stride, std::size_t terms, std::size_t rows,
                               std::size_t columns, float* out, std::size_t out_stride) {
  const auto take = [&]<std::size_t Rows>(std::integral_constant<std::size_t, Rows>) {
    for (; rows >= Rows; rows -= Rows, left.data += Rows * left.i_step, out += Rows * out_stride)
      outer_rows<Rows>(left, right, right_stride, terms, columns, out, out_stride);
  };
  if constexpr (vector_width == 16) take(std::integral_constant<std::size_t, 8>{});
  take(std::integral_constant<std::size_t, 4>{});
  take(std::integral_constant<std::size_t, 2>{});
  take(std::integral_constant<std::size_t, 1>{});
}

}  // namespace zolt::inline v0::kernel::inline ZOLT_PROGRAM_SET
