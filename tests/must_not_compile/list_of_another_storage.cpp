// expect: zolt: this parameter_list was not declared with the storage of these weights
#include "zolt/parameter/parameter_set.hpp"

std::vector<float> w(8);

#if defined(ZOLT_SHOULD_COMPILE)
void add() { zolt::parameter_list<zolt::dense_view>{}.add("w", w); }
#else
struct other {
  std::span<float> values() const { return {}; }
  zolt::shape shape() const { return {}; }
};
void add() { zolt::parameter_list<other>{}.add("w", w); }
#endif
