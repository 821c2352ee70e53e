// expect: zolt: the first argument of an optimizer must be a set of parameters: zolt::parameters(...) or a zolt::parameter_list
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{zolt::parameters(zolt::parameter("w", w)), zolt::sgd{}};
#else
zolt::optimizer opt{zolt::parameter("w", w), zolt::sgd{}};
#endif
