#pragma once

#include <cstddef>
#include <cstdint>

#include "zolt/core/lanes.hpp"

namespace zolt::inline v0::kernel {

/// moves[j] = whether a weight leaves its place when `delta[j] · scale` steps are rounded stochastically with words[j]:
///
///   |x| ≥ 1   or   word < ⌊2³² |x|⌋
///
/// Most updates are a small part of a step, and most weights stay: those that do need not be read. Exact: a power of two times a float is
/// one, and its conversion to an integer rounds toward zero.
inline void find_stochastic_moves(const float* delta, float scale, const std::uint32_t* words, std::size_t count, std::int32_t* moves) {
  constexpr float almost_one = 1 - 0x1p-24f;
  std::size_t j = 0;
  for (; j + lane_count <= count; j += lane_count) {
    lanes_f32 x;
    lanes_u32 w;
    load_lanes(x, delta + j);
    load_lanes(w, words + j);
    x = (x < 0 ? -x : x) * scale;
    const lanes_f32 below_one = x < almost_one ? x : lanes_f32{} + almost_one;
    const lanes_u32 threshold = __builtin_convertvector(below_one * 0x1p32f, lanes_u32);
    store_lanes(static_cast<lanes_i32>(x >= 1) | static_cast<lanes_i32>(w < threshold), moves + j);
  }
  for (; j < count; ++j) {
    const float x = (delta[j] < 0 ? -delta[j] : delta[j]) * scale;
    moves[j] = x >= 1 || words[j] < static_cast<std::uint32_t>((x < almost_one ? x : almost_one) * 0x1p32f) ? -1 : 0;
  }
}

}  // namespace zolt::inline v0::kernel
