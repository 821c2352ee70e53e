// Updates of codes along a dense ±1 direction: by 0.3 codes, which moves about every third weight, and by 0.001 codes.
#include <cmath>

#include "limits.hpp"
#include "rows.hpp"
#include "weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/update/sgd.hpp"

namespace ratio {
namespace {

template <class Format>
void rows_of(suite& s, const std::string& name) {
  const std::string often = "update_" + name + "_often", rarely = "update_" + name + "_rarely", probe = "probe_" + name;
  if (!s.wants(often) && !s.wants(rarely) && !s.wants(probe)) return;
  for (const working_set& set : s.sets()) {
    zolt::thread_team team(set.threads);
    const coded_weights<Format> codes(set.bytes * 8 / Format::bits);
    const auto n = static_cast<double>(codes.count), bytes = 2 * static_cast<double>(codes.raw().size());
    auto optimizer = optimizer_of(codes.view(), set.threads, zolt::rademacher{}, zolt::sgd{.rate = 0.01}, zolt::thrifty{});
    const auto by_codes = [&](float delta) { return contender{bytes, n, [&optimizer, delta] { update(optimizer, 100 * delta); }}; };
    if (s.wants(probe))
      s.compare(probe, set, {0, n, [&] { visit_and_undo(optimizer); }}, {in_place_bytes(team, codes.raw(), measure::passes)});
    if (s.wants(often)) {
      std::vector<rival> rivals{in_place_bytes(team, codes.raw(), measure::elements)};
      const buffer<std::int8_t> few(1 << 18);
      if (std::same_as<Format, zolt::int8> && set.threads == 1)
        rivals.push_back(
            {"weight by weight", measure::elements, {2.0 * (1 << 18), 1 << 18, [&] { update_codes_one_by_one(few.all(), 0.3f, 1); }}});
      s.compare(often, set, by_codes(0.3f), rivals);
    }
    if (s.wants(rarely))
      s.compare(rarely, set, by_codes(0.001f),
                {in_place_bytes(team, codes.raw(), measure::elements), {"the update by 0.3 codes", measure::elements, by_codes(0.3f)}});
  }
}

}  // namespace

void code_rows(suite& s) {
  rows_of<zolt::int8>(s, "int8");
  rows_of<zolt::int4>(s, "int4");
  rows_of<zolt::e4m3fn>(s, "e4m3fn");
}

}  // namespace ratio
