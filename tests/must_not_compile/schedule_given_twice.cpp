// expect: zolt: the rate schedule is given twice
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::constant{}};
#else
zolt::optimizer opt{parameters(), zolt::constant{}, zolt::linear_decay{.steps = 5}};
#endif
