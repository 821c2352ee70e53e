// expect: zolt: 16-bit weights keep no residual and have no codes: give zolt::stochastic, zolt::thrifty or zolt::nearest
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/parameter/narrow.hpp"

std::vector<std::uint16_t> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", zolt::half_view(std::span<std::uint16_t>(w)))); }
#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::nearest{}};
#else
zolt::optimizer opt{parameters(), zolt::residual<4>{}};
#endif
