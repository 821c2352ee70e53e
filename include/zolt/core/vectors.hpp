#pragma once

#include <cstddef>
#include <cstdint>

#include "zolt/core/instruction_set.hpp"
#include "zolt/core/lanes.hpp"

namespace zolt::inline v0 {

/// The vector types of one register of an instruction set.
template <instruction_set Set>
struct vectors;

#define ZOLT_KERNEL_FILE "zolt/core/vectors.inc"
#include "zolt/core/per_instruction_set.inc"

/// The bits of a vector, or of a number, as another type.
template <class To, class From>
[[gnu::always_inline]] inline void copy_bits(const From& from, To& to) {
  static_assert(sizeof(To) == sizeof(From));
  __builtin_memcpy(&to, &from, sizeof to);
}

}  // namespace zolt::inline v0
