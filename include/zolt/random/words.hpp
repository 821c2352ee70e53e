#pragma once

#include "zolt/core/vectors.hpp"
#include "zolt/random/cipher.hpp"

namespace zolt::inline v0 {

/// The words of a random_stream by groups of 64: the 16 consecutive blocks from 16·g, one lane each.
template <instruction_set Set>
struct word_kernels;

#define ZOLT_KERNEL_FILE "zolt/random/words.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0
