// expect: zolt: moments in bytes need a rule that says which of them are never negative
#include "zolt/update/byte_moments.hpp"
#include "zolt/update/momentum.hpp"

struct own_rule {
  static constexpr std::size_t moments = 1;
#if defined(ZOLT_SHOULD_COMPILE)
  static constexpr bool non_negative[] = {false};
#endif
  double rate = 0.01;
  int at(double, std::uint64_t) const { return 0; }
  void apply(int, std::span<const float>, zolt::moment_tile<1>, std::span<float>) const {}
};
zolt::byte_moments<own_rule> rule;
