// expect: zolt: the direction law is given twice
#include "zolt/direction/dense.hpp"
#include "zolt/method/step_matched.hpp"
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::method::step_matched{}, zolt::linear_decay{}};
#else
zolt::optimizer opt{parameters(), zolt::method::step_matched{}, zolt::rademacher{}};
#endif
