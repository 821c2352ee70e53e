// expect: zolt: a granularity needs layout(shape) and fits(shape) (see zolt::granularity)
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

struct per_column {
  static bool fits(const zolt::shape&) { return true; }
#if defined(ZOLT_SHOULD_COMPILE)
  static zolt::scale_layout layout(const zolt::shape& s) { return {s.columns, 1}; }
#endif
};
zolt::quantized_tensor<zolt::int8, per_column> w;
