#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "zolt/core/vectors.hpp"

namespace zolt::inline v0::kernel {

/// What is known of groups with their scales.
struct fitted_groups {
  bool are_good = false;  ///< all scales of groups with a weight are positive and finite, and so are their ends
  bool any_zero = false;  ///< a group has only zeros
};

}  // namespace zolt::inline v0::kernel

namespace zolt::inline v0 {

/// What scales are fitted to.
template <instruction_set Set>
struct magnitude_kernels;

#define ZOLT_KERNEL_FILE "zolt/kernel/magnitude.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// Numbers of at most `Most` groups: whole registers of them are read and written.
template <std::size_t Most>
struct alignas(64) group_numbers {
  float values[Most + lane_count];
};

/// The largest magnitude of `count` runs of `length` weights that lie one behind the other, and a register of zeros behind them; not finite
/// if a weight is not.
template <std::size_t Most>
void largest_magnitudes(const float* weights, std::size_t length, std::size_t count, group_numbers<Most>& largest, std::size_t at = 0) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    magnitude_kernels<Set>::largest_magnitudes(weights, length, count, largest.values + at);
  });
}

/// scales[k] = the least float not below largest[k] / greatest with largest[k] / scales[k] ≤ greatest; −1 where largest[k] is 0.
template <std::size_t Most>
fitted_groups symmetric_scales(const group_numbers<Most>& largest, float greatest, std::size_t count, group_numbers<Most>& scales) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return magnitude_kernels<Set>::symmetric_scales(largest.values, greatest, count, scales.values);
  });
}

/// The least and the greatest of finite weights and 0.
inline void range_of(std::span<const float> weights, float& lowest, float& highest) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    magnitude_kernels<Set>::range_of(weights.data(), weights.size(), lowest, highest);
  });
}

}  // namespace zolt::inline v0::kernel
