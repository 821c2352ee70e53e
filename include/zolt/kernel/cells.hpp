#pragma once

#include <cstddef>
#include <cstdint>

#include "zolt/core/vectors.hpp"
#include "zolt/random/stream.hpp"

/// The cells of a sparse law, of which each has at most one non-zero.
namespace zolt::inline v0 {

template <instruction_set Set>
struct cell_kernels;

#define ZOLT_KERNEL_FILE "zolt/kernel/cells.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// index[j] and sign[j] of the non-zero that words[j] describes in cell first + j of `size` weights, for a whole group of words; whether all of
/// them are kept, that is below `kept` of 2³¹.
inline bool locate_nonzeros(const std::uint32_t* words, std::uint64_t first, std::uint64_t size, std::uint64_t kept, std::uint64_t* index,
                            std::int32_t* sign) {
  return on_instruction_set(
      [&]<instruction_set Set>(instruction_set_constant<Set>) { return cell_kernels<Set>::locate(words, first, size, kept, index, sign); });
}

}  // namespace zolt::inline v0::kernel
