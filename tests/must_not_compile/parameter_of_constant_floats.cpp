// expect: zolt: a parameter's weights must be floats (a span<float>, a tensor) or model zolt::coded_storage
#include "zolt/parameter/parameter.hpp"

const std::vector<float> constant(8);
std::vector<float> variable(8);

#if defined(ZOLT_SHOULD_COMPILE)
zolt::parameter p("w", variable);
#else
zolt::parameter p("w", constant);
#endif
