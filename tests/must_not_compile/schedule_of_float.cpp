// expect: zolt: a rate schedule needs double factor(step) (see zolt::rate_schedule)
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
#if defined(ZOLT_SHOULD_COMPILE)
using real = double;
#else
using real = float;
#endif
struct schedule {
  real factor(std::uint64_t) const { return 1; }
};
zolt::optimizer opt{parameters(), schedule{}};
