// expect: zolt: every argument after the parameters must be a policy: an estimator, an update rule, a direction law
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::sgd{.rate = 0.1}};
#else
zolt::optimizer opt{parameters(), 0.1};
#endif
