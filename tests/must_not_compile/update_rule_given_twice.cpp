// expect: zolt: the update rule is given twice
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::sgd{}};
#else
zolt::optimizer opt{parameters(), zolt::sgd{}, zolt::sgd{.rate = 1}};
#endif
