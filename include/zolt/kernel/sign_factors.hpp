#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "zolt/core/lanes.hpp"
#include "zolt/kernel/matmul.hpp"

/// Sums over many rows at once, each with a sign per row and column: what per-example directions add to a product and to an update.
namespace zolt::inline v0::kernel {

/// Rows are padded to whole vectors, with zeros.
constexpr std::size_t padded(std::size_t rows) { return (rows + lane_count - 1) / lane_count * lane_count; }

/// Negates x where the lowest bit of `negative` is set: exact, and no branch.
inline void negate_where(const lanes_u32& negative, lanes_f32& x) {
  lanes_u32 bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  bits ^= negative << 31;
  __builtin_memcpy(&x, &bits, sizeof x);
}

/// One weight in which the rows differ: they see `half` more or less of it.
struct signed_weight {
  std::uint32_t row, column;
  float half;
};

/// Σ_t ±values[t], negated where negative[t] has its lowest bit set. Lane l adds t ≡ l (mod 16) in order, and the upper half of the lanes is
/// added to the lower one until one is left: the same bits on every machine.
inline float signed_sum(const float* values, const std::uint32_t* negative, std::size_t padded_count) {
  lanes_f32 total = {};
  for (std::size_t t = 0; t < padded_count; t += lane_count) {
    lanes_f32 v;
    lanes_u32 n;
    load_lanes(v, values + t);
    load_lanes(n, negative + t);
    negate_where(n, v);
    total += v;
  }
  float lanes[lane_count];
  store_lanes(total, lanes);
  for (std::size_t half = lane_count / 2; half != 0; half /= 2)
    for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

}  // namespace zolt::inline v0::kernel

namespace zolt::inline v0::kernel::inline ZOLT_PROGRAM_SET {

/// sum[k] = Σ_w half_w · columns[column_w · stride + k] for one row's weights, k in whole vectors.
inline void sum_columns(std::span<const signed_weight> weights, const float* columns, std::size_t stride, float* sum) {
  constexpr std::size_t vectors = 4;
  std::size_t k = 0;
  const auto block = [&]<std::size_t Vectors>(std::integral_constant<std::size_t, Vectors>) {
    lanes_f32 total[Vectors] = {};
    for (const signed_weight& w : weights) {
      const float* from = columns + w.column * stride + k;
      for (std::size_t v = 0; v < Vectors; ++v) {
        lanes_f32 x;
        load_lanes(x, from + v * lane_count);
        total[v] += w.half * x;
      }
    }
    for (std::size_t v = 0; v < Vectors; ++v) store_lanes(total[v], sum + k + v * lane_count);
    k += Vectors * lane_count;
  };
  while (k + vectors * lane_count <= stride) block(std::integral_constant<std::size_t, vectors>{});
  while (k < stride) block(std::integral_constant<std::size_t, 1>{});
}

}  // namespace zolt::inline v0::kernel::inline ZOLT_PROGRAM_SET
