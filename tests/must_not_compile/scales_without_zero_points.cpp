// expect: zolt: scales of this kind have no zero point, which an unsigned format needs, or one that a signed format has not
#include "zolt/quantize/quantizer.hpp"

#if defined(ZOLT_SHOULD_COMPILE)
using scales = zolt::half_affine_scales;
#else
using scales = zolt::half_scales;
#endif
zolt::quantizer<zolt::uint4, zolt::per_channel, zolt::absmax, zolt::nearest_even, scales> q;
