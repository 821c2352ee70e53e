// expect: zolt: an estimator needs radius, queries, plan(key, scale, evaluations, probes) and estimate(evaluations, scale, terms) (see zolt::estimator)
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
auto parameters() { return zolt::parameters(zolt::parameter("w", w)); }
struct difference {
  double radius = 1;
  unsigned queries = 1;
#if defined(ZOLT_SHOULD_COMPILE)
  void plan(const zolt::direction_key&, const zolt::probe_scale&, std::span<const zolt::evaluation>, std::vector<zolt::probe>&) const {}
#endif
  void estimate(std::span<const zolt::evaluation>, const zolt::probe_scale&, std::vector<zolt::term>&) const {}
};
zolt::optimizer opt{parameters(), difference{}};
