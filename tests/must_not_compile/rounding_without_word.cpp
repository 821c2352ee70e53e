// expect: zolt: a rounding needs random and operator()(grid_position, word), which returns an int (see zolt::rounding)
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantizer.hpp"

struct toward_zero {
  static constexpr bool random = false;
#if defined(ZOLT_SHOULD_COMPILE)
  int operator()(const zolt::grid_position& at, std::uint32_t) const { return at.below; }
#else
  int operator()(const zolt::grid_position& at) const { return at.below; }
#endif
};
zolt::quantizer<zolt::int8, zolt::per_channel, zolt::absmax, toward_zero> q;
