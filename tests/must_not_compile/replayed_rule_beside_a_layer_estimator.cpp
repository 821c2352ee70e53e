// expect: zolt: an update rule that replays past steps needs an estimator of loss scalars
#include <vector>

#include "zolt/estimator/exact_head.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::exact_head{}, zolt::momentum{}};
#else
zolt::optimizer opt{parameters(), zolt::exact_head{}, zolt::replayed<zolt::momentum>{}};
#endif
