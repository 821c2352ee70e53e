#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "zolt/core/lanes.hpp"

/// Passes over the panels of an outer estimate. A sum has one order whatever the machine; nothing else depends on one.
namespace zolt::inline v0::kernel {

/// gradient[j] ← gradient[j] · share · unit[j], or 0 where that is no number whose square can be summed, |g| < 2⁴⁸; how many were not.
inline std::uint32_t scale_gradient(float* gradient, const float* unit, float share, std::size_t count) {
  std::uint32_t lost = 0;
  for (std::size_t j = 0; j < count; ++j) {
    const float g = gradient[j] * share * unit[j];
    const bool kept = g > -0x1p48f && g < 0x1p48f;
    gradient[j] = kept ? g : 0.0f;
    lost += kept ? 0u : 1u;
  }
  return lost;
}

/// Σ gradient[j]², lane by lane and then over lanes; each square is also added to of_columns[j], unless that is null.
inline float add_squares(const float* gradient, float* of_columns, std::size_t count) {
  lanes_f32 sum = {};
  std::size_t j = 0;
  for (; j + lane_count <= count; j += lane_count) {
    lanes_f32 g;
    load_lanes(g, gradient + j);
    g *= g;
    sum += g;
    if (of_columns == nullptr) continue;
    lanes_f32 column;
    load_lanes(column, of_columns + j);
    store_lanes(column + g, of_columns + j);
  }
  float total = 0;
  for (std::size_t lane = 0; lane < lane_count; ++lane) total += sum[lane];
  for (; j < count; ++j) {
    const float square = gradient[j] * gradient[j];
    total += square;
    if (of_columns != nullptr) of_columns[j] += square;
  }
  return total;
}

/// gradient[j] ← gradient[j] / (of_row · of_columns[j] + floor), kept within ±limit; how many were beyond. 0 / 0 is 0.
inline std::uint32_t divide_and_clip(float* gradient, const float* of_columns, float of_row, float floor, float limit, std::size_t count) {
  std::uint32_t clipped = 0;
  for (std::size_t j = 0; j < count; ++j) {
    const float divisor = std::max(of_row * of_columns[j] + floor, std::numeric_limits<float>::min());
    const float a = gradient[j] / divisor, kept = std::min(std::max(a, -limit), limit);
    clipped += kept != a ? 1u : 0u;
    gradient[j] = kept;
  }
  return clipped;
}

}  // namespace zolt::inline v0::kernel
