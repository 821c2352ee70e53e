// expect: zolt: the loss must be callable as f() or f(const zolt::probe_view&) and return a number, or one number per probe
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
zolt::optimizer opt{parameters()};

#if defined(ZOLT_SHOULD_COMPILE)
void step() {
  opt.step([](const zolt::probe_view&) { return 1; });
}
#else
void step() {
  opt.step([](const std::vector<float>&) { return 1; });
}
#endif
