// expect: zolt: a coefficient transform needs phase and apply(terms, statistics), which returns how many it cut (see zolt::coefficient_transform)
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
#if defined(ZOLT_SHOULD_COMPILE)
using result = std::uint32_t;
#else
using result = void;
#endif
struct transform {
  static constexpr zolt::coefficient_phase phase = zolt::coefficient_phase::clip;
  result apply(std::span<zolt::term>, zolt::coefficient_statistics&) const { return result(); }
};
zolt::optimizer opt{parameters(), transform{}};
