// expect: zolt: the clip is given twice
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::clip{}};
#else
zolt::optimizer opt{parameters(), zolt::clip{}, zolt::no_clip{}};
#endif
