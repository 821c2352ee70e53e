// expect: zolt: only minifloats and powers of two have a rule for overflow
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

#if defined(ZOLT_SHOULD_COMPILE)
using format = zolt::e4m3fn;
#else
using format = zolt::int4;
#endif
constexpr int bits = zolt::with_overflow<zolt::overflow::ieee, format>::bits;
