// expect: zolt: a direction that learns from curvatures needs an estimator that measures them
#include "zolt/direction/curvature_scaled.hpp"
#include "zolt/estimator/three_point.hpp"
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::curvature_scaled{}, zolt::three_point{}};
#else
zolt::optimizer opt{parameters(), zolt::curvature_scaled{}, zolt::two_point{}};
#endif
