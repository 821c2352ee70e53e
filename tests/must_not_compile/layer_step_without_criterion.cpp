// expect: zolt: this estimator reads the layers of a forward, not one loss: call step(forward, criterion)
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
void step() {
  opt.step([](const zolt::probe_view&) { return 1.0; });
}
#endif
