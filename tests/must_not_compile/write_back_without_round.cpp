// expect: zolt: a write-back needs residual_bits and a static round, which is a zolt::rounding (see zolt::write_back)
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
struct landing {
  static constexpr int residual_bits = 0;
#if defined(ZOLT_SHOULD_COMPILE)
  static constexpr zolt::nearest_even round{};
#else
  static constexpr double round = 0.5;
#endif
};
zolt::optimizer opt{parameters(), landing{}};
