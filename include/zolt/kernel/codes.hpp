#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "zolt/core/vectors.hpp"
#include "zolt/numeric/format.hpp"

/// Moves of unpacked codes, one byte each.
namespace zolt::inline v0 {

template <instruction_set Set>
struct code_kernels;

namespace kernel {

/// A format whose ordinals come and go by vectors.
template <class F>
concept format_of_lanes = number_format<F> && requires(lanes_i32& x) {
  F::codes_to_ordinals(x);
  F::ordinals_to_codes(x);
};

/// Why a move of a code cannot be undone by the opposite move: it stopped at the end of the range, or the code was not the one that stands
/// for its ordinal.
inline constexpr std::uint8_t stopped = 1, not_canonical = 2;

/// What landing did to a tile.
struct landed_codes {
  std::uint64_t moved = 0, clamped = 0;
};

}  // namespace kernel

#define ZOLT_KERNEL_FILE "zolt/kernel/codes.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// codes[j] moves by step·z[j] ordinals, as far as the range goes; exceptions[j] ← why it cannot be undone, or 0.
template <number_format Format>
void move_codes(code* codes, const std::int16_t* z, int step, std::size_t count, std::uint8_t* exceptions) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    code_kernels<Set>::template move<Format>(codes, z, step, count, exceptions);
  });
}

/// Undoes move_codes, where it can be undone.
template <number_format Format>
void move_codes_back(code* codes, const std::int16_t* z, int step, std::size_t count) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    code_kernels<Set>::template move_back<Format>(codes, z, step, count);
  });
}

/// codes[j] moves by delta[j] ordinals, rounded stochastically with words[j], within the range. A code that stays is not touched.
template <number_format Format>
landed_codes land_codes(code* codes, const float* delta, const std::uint32_t* words, std::size_t count) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return code_kernels<Set>::template land<Format>(codes, delta, words, count);
  });
}

}  // namespace zolt::inline v0::kernel
