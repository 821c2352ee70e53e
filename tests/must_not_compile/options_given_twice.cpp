// expect: zolt: the options are given twice
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::options{}};
#else
zolt::optimizer opt{parameters(), zolt::options{}, zolt::options{}};
#endif
