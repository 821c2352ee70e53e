// expect: zolt: a parameter's weights must be floats (a span<float>, a tensor) or model zolt::coded_storage
#include "zolt/parameter/parameter.hpp"

struct three_levels {
  static constexpr const char* name = "three_levels";
  static constexpr int bits = 2, lowest = -1, highest = 1;
  static bool has_ordinal(zolt::code) { return true; }
#if defined(ZOLT_SHOULD_COMPILE)
  static int ordinal_of(zolt::code c) { return c - 1; }
#endif
  static zolt::code code_of(int o) { return static_cast<zolt::code>(o + 1); }
  static float value_of(int o) { return static_cast<float>(o); }
};
struct storage {
  using format = three_levels;
  zolt::shape shape() const { return {}; }
  zolt::code code(std::size_t) const { return 0; }
  void set_code(std::size_t, zolt::code) const {}
  float scale(std::size_t) const { return 1; }
  std::span<std::byte> bytes() const { return {}; }
  void decode(std::size_t, std::span<float>) const {}
};
zolt::parameter p("w", storage{});
