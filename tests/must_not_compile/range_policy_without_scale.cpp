// expect: zolt: a range policy needs fit<Format>(weights), which returns a zolt::scaled for int8 (see zolt::range_policy)
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantizer.hpp"

struct unit_scale {
#if defined(ZOLT_SHOULD_COMPILE)
  template <zolt::number_format Format>
  zolt::scaled fit(std::span<const float>) const {
    return {1};
  }
#endif
};
zolt::quantizer<zolt::int8, zolt::per_channel, unit_scale> q;
