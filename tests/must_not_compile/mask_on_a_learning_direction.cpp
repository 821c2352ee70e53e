// expect: zolt: a direction that learns from its steps cannot be masked
#include "zolt/direction/cone.hpp"
#include "zolt/direction/masked.hpp"
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::masked<zolt::gaussian, zolt::magnitude_mask>{}};
#else
zolt::optimizer opt{parameters(), zolt::masked<zolt::cone, zolt::magnitude_mask>{}};
#endif
