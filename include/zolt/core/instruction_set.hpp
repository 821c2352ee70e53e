#pragma once

/// A program that is compiled with ZOLT_ONLY_BASELINE_KERNELS, in all of its files, has the kernels of the baseline alone. They give the
/// same bits; a sanitized build takes half of the time, a plain one by g++ a tenth less.
#if defined(__x86_64__) && !defined(ZOLT_ONLY_BASELINE_KERNELS)
#define ZOLT_HAS_SEVERAL_SETS 1
#include <cpuid.h>
#else
#define ZOLT_HAS_SEVERAL_SETS 0
#endif

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <type_traits>

#include "zolt/core/error.hpp"

namespace zolt::inline v0 {

/// The instruction sets that kernels are compiled for, whatever the flags of the program. All give the same bits.
///
/// baseline: what every processor of the architecture has (SSE2 on x86-64, NEON on aarch64); avx2: with FMA, F16C and BMI2; avx512: F, BW, DQ
/// and VL.
enum class instruction_set : std::uint8_t { baseline, avx2, avx512 };

constexpr std::string_view name_of(instruction_set set) {
  switch (set) {
    case instruction_set::avx2: return "avx2";
    case instruction_set::avx512: return "avx512";
    default: return "baseline";
  }
}

/// Whether this machine runs code for an instruction set, and this program has it.
inline bool is_available(instruction_set set) {
#if ZOLT_HAS_SEVERAL_SETS
  __builtin_cpu_init();
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;  // no name of __builtin_cpu_supports in clang 14
  const bool avx2 = f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2");
  if (set == instruction_set::avx2) return avx2;
  if (set == instruction_set::avx512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#endif
  return set == instruction_set::baseline;
}

namespace detail {
inline instruction_set chosen_instruction_set() {
  constexpr instruction_set best_first[] = {instruction_set::avx512, instruction_set::avx2, instruction_set::baseline};
  const char* forced = std::getenv("ZOLT_INSTRUCTION_SET");
  if (forced != nullptr && *forced == 0) forced = nullptr;
  for (const instruction_set set : best_first) {
    if (forced == nullptr ? is_available(set) : name_of(set) == forced) {
      if (!is_available(set)) fail("ZOLT_INSTRUCTION_SET", "instruction set", forced, "be one that this machine and this program have");
      return set;
    }
  }
  fail("ZOLT_INSTRUCTION_SET", "instruction set", forced, "be baseline, avx2 or avx512");
}
}  // namespace detail

/// The instruction set of this program's kernels: the best that the machine has, or the one that the environment variable
/// ZOLT_INSTRUCTION_SET names. Chosen once, at the first call.
///
/// Errors   a name that is none, or of a set that the machine has not.
inline instruction_set active_instruction_set() {
  static const instruction_set chosen = detail::chosen_instruction_set();
  return chosen;
}

template <instruction_set Set>
using instruction_set_constant = std::integral_constant<instruction_set, Set>;

/// f(instruction_set_constant<S>{}) for the active instruction set S. Kernels are specialisations for S of a class template.
template <class Function>
inline decltype(auto) on_instruction_set(Function&& f) {
#if ZOLT_HAS_SEVERAL_SETS
  switch (active_instruction_set()) {
    case instruction_set::avx512: return f(instruction_set_constant<instruction_set::avx512>{});
    case instruction_set::avx2: return f(instruction_set_constant<instruction_set::avx2>{});
    default: break;
  }
#endif
  return f(instruction_set_constant<instruction_set::baseline>{});
}

}  // namespace zolt::inline v0
