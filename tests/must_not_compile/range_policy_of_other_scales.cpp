// expect: zolt: scales that are derived from each other (nvfp4_scales) go with range policy largest_magnitude, and no others do
#include "zolt/quantize/block_scales.hpp"
#include "zolt/quantize/quantizer.hpp"

#if defined(ZOLT_SHOULD_COMPILE)
using range = zolt::largest_magnitude;
#else
using range = zolt::absmax;
#endif
zolt::quantizer<zolt::e2m1fn, zolt::per_group<16>, range, zolt::nearest_even, zolt::nvfp4_scales> q;
