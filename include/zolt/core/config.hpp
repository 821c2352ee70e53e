#pragma once

#include <cfloat>
#include <cstdint>

#if !defined(__GNUC__)
#error "zolt needs a compiler with vector extensions: g++ 12 or clang 14, or newer"
#endif
#if FLT_EVAL_METHOD != 0
#error "zolt needs FLT_EVAL_METHOD == 0 (no x87): replay is exact only when a float expression is evaluated in float"
#endif

namespace zolt::inline v0 {

/// API version (semantic). The inline namespace carries its major part: two majors may live in one program.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

/// Bumped whenever any generated bit changes: a direction, a rounding word, the order of terms. Recorded in every file.
inline constexpr std::uint32_t stream_version = 1;

/// True where the compiler may reorder and approximate float arithmetic, which voids the replay promise. Recorded in every file.
#if defined(__FAST_MATH__)
inline constexpr bool fast_math = true;
#else
inline constexpr bool fast_math = false;
#endif

}  // namespace zolt::inline v0
