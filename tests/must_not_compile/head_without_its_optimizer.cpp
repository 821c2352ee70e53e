// expect: zolt: a method with a head is for zolt::elastic_optimizer, which trains both parts
#include "zolt/method/elastic_zo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }

#if defined(ZOLT_SHOULD_COMPILE)
zolt::optimizer opt{parameters(), zolt::method::mezo{}};
#else
zolt::optimizer opt{parameters(), zolt::method::elastic_zo{}};
#endif
