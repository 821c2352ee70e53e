// expect: zolt: a range policy needs scale_for(weights, greatest), which returns a float (see zolt::range_policy)
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantizer.hpp"

struct unit_scale {
#if defined(ZOLT_SHOULD_COMPILE)
  float scale_for(std::span<const float>, float) const { return 1; }
#endif
};
zolt::quantizer<zolt::int8, zolt::per_channel, unit_scale> q;
