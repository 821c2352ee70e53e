// expect: zolt: a write-back that replays past steps needs an update rule without moments
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed_residual.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::replayed_residual{}, zolt::sgd{}};
#else
zolt::optimizer opt{parameters(), zolt::replayed_residual{}, zolt::momentum{}};
#endif
