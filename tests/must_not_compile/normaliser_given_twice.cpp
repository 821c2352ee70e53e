// expect: zolt: the normaliser is given twice
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::running_rms{}};
#else
zolt::optimizer opt{parameters(), zolt::running_rms{}, zolt::no_normalisation{}};
#endif
