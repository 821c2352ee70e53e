// expect: zolt: a direction law needs law_at(rate, queries) and law_of(record), which return one zolt::resolved_law (see zolt::direction_law)
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
struct field {
  struct law {
    static constexpr int bits = 1;
    static constexpr bool whole_units = true;
    double density() const { return 1; }
    double spread() const { return 1; }
    double amplitude() const { return 1; }
#if defined(ZOLT_SHOULD_COMPILE)
    std::uint32_t record() const { return 0; }
#endif
    void fill(const zolt::direction_key&, const zolt::parameter_info&, std::uint64_t, std::span<std::int16_t>) const {}
  };
  law law_at(double, std::uint32_t) const { return {}; }
  law law_of(std::uint32_t) const { return {}; }
};
zolt::optimizer opt{parameters(), field{}};
