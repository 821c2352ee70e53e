// expect: zolt: an update rule that replays past steps needs a write-back that does not
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"
#include "zolt/update/replayed_residual.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::stochastic{}, zolt::replayed<zolt::momentum>{}};
#else
zolt::optimizer opt{parameters(), zolt::replayed_residual{}, zolt::replayed<zolt::momentum>{}};
#endif
