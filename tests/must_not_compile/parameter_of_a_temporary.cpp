// expect: zolt: a parameter is a view: name a tensor that lives on, not a temporary that owns its weights
#include <vector>

#include "zolt/parameter/parameter_set.hpp"

int main() {
  std::vector<float> weights(4);
#ifdef ZOLT_SHOULD_COMPILE
  const zolt::parameter p{"weights", weights};
#else
  const zolt::parameter p{"weights", std::vector<float>(4)};
#endif
  return p.size() == 4 ? 0 : 1;
}
