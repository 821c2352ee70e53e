// expect: zolt: the write-back is given twice
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::nearest{}};
#else
zolt::optimizer opt{parameters(), zolt::nearest{}, zolt::residual<4>{}};
#endif
