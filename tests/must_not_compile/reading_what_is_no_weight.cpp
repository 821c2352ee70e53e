// expect: zolt: weights are read from floats or from something that decodes itself (see zolt::readable_weights)
#include "zolt/optimizer/optimizer.hpp"

std::vector<float> w(8);
std::vector<int> whole(8);

#if defined(ZOLT_SHOULD_COMPILE)
void read(const zolt::probe_view& p, std::span<float> out) { p.read(w, 0, out); }
#else
void read(const zolt::probe_view& p, std::span<float> out) { p.read(whole, 0, out); }
#endif
