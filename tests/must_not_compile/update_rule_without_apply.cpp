// expect: zolt: an update rule needs rate, and either step_for(rate, coefficient) or moments, at(rate, step) and apply(
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
struct rule {
  static constexpr std::size_t moments = 0;
  double rate = 1;
  int at(double, std::uint64_t) const { return 0; }
#if defined(ZOLT_SHOULD_COMPILE)
  void apply(int, std::span<const float>, zolt::moment_tile<0>, std::span<float>) const {}
#endif
};
zolt::optimizer opt{parameters(), rule{}};
