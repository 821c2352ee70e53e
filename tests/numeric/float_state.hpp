#pragma once

#include <cfenv>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace zolt::test {

/// Another rounding mode of the float unit, until the end of the scope.
class rounding_mode {
 public:
  explicit rounding_mode(int mode) : before_(std::fegetround()) { std::fesetround(mode); }
  ~rounding_mode() { std::fesetround(before_); }
  rounding_mode(const rounding_mode&) = delete;
  rounding_mode& operator=(const rounding_mode&) = delete;

 private:
  int before_;
};

#if defined(__SSE2__)
/// Flush to zero and denormals are zero, until the end of the scope.
class flushed_subnormals {
 public:
  flushed_subnormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~flushed_subnormals() { _mm_setcsr(before_); }
  flushed_subnormals(const flushed_subnormals&) = delete;
  flushed_subnormals& operator=(const flushed_subnormals&) = delete;

 private:
  unsigned before_;
};
#endif

}  // namespace zolt::test
