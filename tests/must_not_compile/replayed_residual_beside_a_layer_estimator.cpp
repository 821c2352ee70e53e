// expect: zolt: a write-back that replays past steps needs an estimator of loss scalars: outer estimates are not kept
#include <vector>

#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::exact_head{}, zolt::residual<4>{}};
#else
zolt::optimizer opt{parameters(), zolt::exact_head{}, zolt::replayed_residual{}};
#endif
