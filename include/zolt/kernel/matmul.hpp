#pragma once

#include <cstddef>

#include "zolt/core/config.hpp"

// A function compiled for one instruction set must not be the copy that the linker keeps for another: each has a namespace of its own.
#if defined(__AVX512F__)
#define ZOLT_PROGRAM_SET avx512
#define ZOLT_PROGRAM_VECTOR_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define ZOLT_PROGRAM_SET avx2
#define ZOLT_PROGRAM_VECTOR_BYTES 32
#else
#define ZOLT_PROGRAM_SET baseline
#define ZOLT_PROGRAM_VECTOR_BYTES 16
#endif

namespace zolt::inline v0::kernel::inline ZOLT_PROGRAM_SET {

using vector_f32 = float __attribute__((vector_size(ZOLT_PROGRAM_VECTOR_BYTES)));
inline constexpr std::size_t vector_width = ZOLT_PROGRAM_VECTOR_BYTES / sizeof(float);

/// y[b·y_stride + r] = Σ_k x[b·k_count + k] · w[r·k_count + k] for a block of Rows weights and Batch rows of x.
/// The sum over k runs in lanes and then over lanes: its order depends on the instruction set, not on how the caller cuts blocks.
template <std::size_t Rows, std::size_t Batch>
inline void multiply_block(const float* w, const float* x, std::size_t k_count, float* y, std::size_t y_stride) {
  vector_f32 sum[Rows][Batch] = {};
  std::size_t k = 0;
  for (; k + vector_width <= k_count; k += vector_width) {
    vector_f32 xs[Batch];
    for (std::size_t b = 0; b < Batch; ++b) __builtin_memcpy(&xs[b], x + b * k_count + k, sizeof(vector_f32));
    for (std::size_t r = 0; r < Rows; ++r) {
      vector_f32 ws;
      __builtin_memcpy(&ws, w + r * k_count + k, sizeof ws);
      for (std::size_t b = 0; b < Batch; ++b) sum[r][b] += ws * xs[b];
    }
  }
  for (std::size_t r = 0; r < Rows; ++r)
    for (std::size_t b = 0; b < Batch; ++b) {
      float total = 0;
      for (std::size_t lane = 0; lane < vector_width; ++lane) total += sum[r][b][lane];
      for (std::size_t t = k; t < k_count; ++t) total += x[b * k_count + t] * w[r * k_count + t];
      y[b * y_stride + r] = total;
    }
}

/// Accumulators of a block: as many as the registers hold beside its operands. The weights of a block stay in the first cache while the
/// rows of x stream by, so a block is longer in weights than in x.
inline constexpr std::size_t block_rows = vector_width == 16 ? 8 : 4;
inline constexpr std::size_t block_batch = vector_width == 4 ? 2 : 3;

template <std::size_t Rows>
inline void multiply_rows(const float* w, const float* x, std::size_t batch, std::size_t k_count, float* y, std::size_t y_stride) {
  std::size_t b = 0;
  for (; b + block_batch <= batch; b += block_batch)
    multiply_block<Rows, block_batch>(w, x + b * k_count, k_count, y + b * y_stride, y_stride);
  for (; b < batch; ++b) multiply_block<Rows, 1>(w, x + b * k_count, k_count, y + b * y_stride, y_stride);
}

/// y = x wᵀ: w is rows × k_count, x is batch × k_count, y is batch × rows with `y_stride` floats from row to row.
inline void multiply(const float* w, std::size_t rows, const float* x, std::size_t batch, std::size_t k_count, float* y,
                     std::size_t y_stride) {
  if (batch == 0) return;  // y may be null then
  std::size_t r = 0;
  for (; r + block_rows <= rows; r += block_rows) multiply_rows<block_rows>(w + r * k_count, x, batch, k_count, y + r, y_stride);
  for (; r < rows; ++r) multiply_rows<1>(w + r * k_count, x, batch, k_count, y + r, y_stride);
}

}  // namespace zolt::inline v0::kernel::inline ZOLT_PROGRAM_SET
