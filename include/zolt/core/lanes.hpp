#pragma once

#include <cstdint>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// The frozen width of every generated stream: 16 lanes of 32 bits. A narrower machine takes several registers for it.
inline constexpr std::size_t lane_count = 16;

inline constexpr std::uint32_t lane_indices[lane_count] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

using lanes_u32 = std::uint32_t __attribute__((vector_size(64)));
using lanes_i32 = std::int32_t __attribute__((vector_size(64)));
using lanes_u8 = std::uint8_t __attribute__((vector_size(16)));
using lanes_i16 = std::int16_t __attribute__((vector_size(32)));
using lanes_f32 = float __attribute__((vector_size(64)));

/// Unaligned load and store of one register's worth.
template <class Lanes, class T>
[[gnu::always_inline]] inline void load_lanes(Lanes& lanes, const T* from) {
  __builtin_memcpy(&lanes, from, sizeof lanes);
}
template <class Lanes, class T>
[[gnu::always_inline]] inline void store_lanes(const Lanes& lanes, T* to) {
  __builtin_memcpy(to, &lanes, sizeof lanes);
}

/// Asks for memory, as far as the second cache: what the first one waits for is few lines at a time, and asking there for scattered ones takes
/// twice as long. Also where it will be written, since no other core has it.
[[gnu::always_inline]] inline void prefetch(const void* at) { __builtin_prefetch(at, 0, 2); }

/// Asks for memory `Bytes` behind `at`, which need not be the caller's: nothing is read. As far as the first cache, for who reads line by line.
template <std::size_t Bytes>
[[gnu::always_inline]] inline void prefetch_ahead(const void* at) {
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(at) + Bytes), 0, 3);
}

/// Asks for the n floats two pages behind `row`.
[[gnu::always_inline]] inline void prefetch_row(const float* row, std::size_t n) {
  constexpr std::size_t two_pages = 8192, line = 16;
  for (std::size_t i = 0; i < n; i += line) prefetch_ahead<two_pages>(row + i);
}
/// As many floats need more memory than the second cache of one core has.
inline constexpr std::size_t beyond_second_cache = std::size_t{1} << 18;

/// Elements that one pass over a tensor handles at a time; a multiple of every layout's period.
inline constexpr std::size_t tile_size = 2048;

}  // namespace zolt::inline v0
