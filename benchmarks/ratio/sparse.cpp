// A step on the non-zeros of a sparse direction, in passes over all codes: there, back and the update. And what naming a non-zero costs.
#include "zolt/direction/sparse.hpp"
#include "limits.hpp"
#include "rows.hpp"
#include "weights.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/update/sgd.hpp"

namespace ratio {
namespace {

zolt::sparse_rademacher of_density(double density) { return {.ratio = 0, .min_density = density}; }

template <class Format>
void visit_rows(suite& s, const std::string& kernel, double density) {
  if (!s.wants(kernel)) return;
  for (const working_set& set : s.sets()) {
    if (set.name == "L2") continue;  // a thousand non-zeros or fewer
    zolt::thread_team team(set.threads);
    const coded_weights<Format> codes(set.bytes * 8 / Format::bits);
    auto optimizer = optimizer_of(codes.view(), set.threads, of_density(density), zolt::sgd{.rate = 0.01});
    double loss = 0;
    const auto run = [&] { optimizer.step([&loss] { return loss = 1 - loss; }); };
    s.compare(kernel, set, {0, static_cast<double>(codes.count), run}, {in_place_bytes(team, codes.raw(), measure::passes)});
  }
}

void generation_row(suite& s, const std::string& kernel, double density) {
  if (!s.wants(kernel)) return;
  const zolt::sparse_rademacher_law law = of_density(density).law_at(0, 1);
  constexpr std::size_t weights = std::size_t{1} << 28;
  std::size_t count = 0;
  law.for_each_nonzero({1, 0, 0}, {7, shape_of(weights)}, 0, weights, [&count](std::uint64_t, int, std::uint64_t) { ++count; });
  std::uint64_t sum = 0;  // one thing to keep: two would wait for each other in memory
  const auto run = [&](std::uint32_t step) {
    law.for_each_nonzero({1, step, 0}, {7, shape_of(weights)}, 0, weights, [&sum](std::uint64_t i, int sign, std::uint64_t) {
      sum += i ^ static_cast<std::uint64_t>(std::int64_t{sign} >> 63);
    });
  };
  std::uint32_t step = 0;
  s.time(kernel, {"-", 0, 1}, {0, static_cast<double>(count), [&] { run(++step); }});
  if (sum == 1) throw std::runtime_error("unlikely");  // it is read, so it is computed
}

}  // namespace

void sparse_rows(suite& s) {
  for (const auto& [text, density] : {std::pair{"1e-3", 1e-3}, std::pair{"1e-4", 1e-4}}) {
    visit_rows<zolt::int8>(s, std::string("sparse_int8_") + text, density);
    visit_rows<zolt::int4>(s, std::string("sparse_int4_") + text, density);
  }
  for (const auto& [text, density] : {std::pair{"1e-3", 1e-3}, std::pair{"1e-4", 1e-4}})
    generation_row(s, std::string("sparse_nonzero_") + text, density);
}

}  // namespace ratio
