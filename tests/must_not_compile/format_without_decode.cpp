// expect: zolt: a number format needs name, bits, lowest, highest, has_ordinal, ordinal_of, code_of and value_of (see zolt::number_format)
#include "zolt/quantize/quantized_tensor.hpp"

struct three_levels {
  static constexpr const char* name = "three_levels";
  static constexpr int bits = 2, lowest = -1, highest = 1;
  static bool has_ordinal(zolt::code) { return true; }
  static int ordinal_of(zolt::code c) { return c - 1; }
  static zolt::code code_of(int o) { return static_cast<zolt::code>(o + 1); }
#if defined(ZOLT_SHOULD_COMPILE)
  static float value_of(int o) { return static_cast<float>(o); }
#endif
};
zolt::quantized_tensor<three_levels> w;
