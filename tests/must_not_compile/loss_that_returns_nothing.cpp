// expect: zolt: the loss must be callable as f() or f(const zolt::probe_view&) and return a number, or one number per probe
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
zolt::optimizer opt{parameters()};
double last;

#if defined(ZOLT_SHOULD_COMPILE)
void step() {
  opt.step([] { return last; });
}
#else
void step() {
  opt.step([] { last = 1; });
}
#endif
