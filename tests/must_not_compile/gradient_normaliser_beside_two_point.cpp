// expect: zolt: a gradient normaliser or batches_per_write belongs to an estimator that reads layers
#include <vector>

#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::exact_head{}, zolt::matrix_rms{}};
#else
zolt::optimizer opt{parameters(), zolt::two_point{}, zolt::matrix_rms{}};
#endif
