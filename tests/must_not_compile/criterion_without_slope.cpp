// expect: zolt: the second argument of step must be a criterion: loss(example, outputs) and slope(example, outputs, slope)
#include <vector>

#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
zolt::optimizer opt{parameters(), zolt::exact_head{}};
std::vector<float> forward(const zolt::probe_view&) { return w; }
const std::vector<int> labels(8);

#if defined(ZOLT_SHOULD_COMPILE)
void step() { opt.step(forward, zolt::softmax_cross_entropy{labels}); }
#else
struct half_a_criterion {
  double loss(std::size_t, std::span<const float>) const { return 1; }
};
void step() { opt.step(forward, half_a_criterion{}); }
#endif
