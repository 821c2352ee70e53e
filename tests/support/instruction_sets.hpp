#pragma once

#include "zolt/core/instruction_set.hpp"

namespace zolt::test {

/// f(instruction_set_constant<S>{}) for every instruction set that this machine runs.
template <class Function>
void for_each_instruction_set(Function&& f) {
  f(instruction_set_constant<instruction_set::baseline>{});
#if ZOLT_HAS_SEVERAL_SETS
  if (is_available(instruction_set::avx2)) f(instruction_set_constant<instruction_set::avx2>{});
  if (is_available(instruction_set::avx512)) f(instruction_set_constant<instruction_set::avx512>{});
#endif
}

}  // namespace zolt::test
