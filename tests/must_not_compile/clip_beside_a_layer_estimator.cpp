// expect: zolt: an estimator that reads layers perturbs no weight: leave out the direction law and the coefficient transforms
#include <vector>

#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::learned_feedback<>{}};
#else
zolt::optimizer opt{parameters(), zolt::learned_feedback<>{}, zolt::clip{}};
#endif
