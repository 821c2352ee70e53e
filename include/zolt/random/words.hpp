#pragma once

#include <cstddef>
#include <span>

#include "zolt/core/vectors.hpp"
#include "zolt/random/cipher.hpp"

namespace zolt::inline v0 {

/// The words of a random_stream by groups of 64: the 16 consecutive blocks from 16·g, one lane each.
template <instruction_set Set>
struct word_kernels;

#define ZOLT_KERNEL_FILE "zolt/random/words.inc"
#include "zolt/core/per_instruction_set.inc"

/// out[i] = philox4x32::block of the counter first + i, whose lowest word must not overflow on the way: many blocks at a time.
inline void philox_blocks(const std::array<std::uint32_t, 4>& first, const std::array<std::uint32_t, 2>& key, std::span<random_block> out) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    word_kernels<Set>::philox(first, key, out.size(), reinterpret_cast<std::uint32_t*>(out.data()));
  });
}

}  // namespace zolt::inline v0
