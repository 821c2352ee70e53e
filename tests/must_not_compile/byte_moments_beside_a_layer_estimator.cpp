// expect: zolt: moments in bytes need an estimator of loss scalars
#include <vector>

#include "zolt/estimator/exact_head.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/update/byte_moments.hpp"
#include "zolt/update/momentum.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::exact_head{}, zolt::momentum{}};
#else
zolt::optimizer opt{parameters(), zolt::exact_head{}, zolt::byte_moments<zolt::momentum>{}};
#endif
