// expect: zolt: an estimator that reads layers needs purity and signals(state, key, trace)
#include <vector>

#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
struct deaf {
  static constexpr zolt::purity_class purity = zolt::purity_class::p2;
  struct state {};
#if defined(ZOLT_SHOULD_COMPILE)
  void signals(state&, const zolt::direction_key&, const zolt::network_trace&) const {}
#endif
};
zolt::optimizer opt{parameters(), deaf{}};
