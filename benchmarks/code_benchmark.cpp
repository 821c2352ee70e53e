// Visits of codes by an optimizer: an in-place scope and an update, along a dense direction and a sparse one.
#include <benchmark/benchmark.h>

#include <cmath>

#include "ratio/weights.hpp"
#include "workload.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/update/sgd.hpp"

namespace {

template <class Format, class Law>
void visits(benchmark::State& state, const Law& law, float coefficient, bool probes) {
  const ratio::coded_weights<Format> codes(workload::bytes(state) * 8 / Format::bits);
  auto optimizer = ratio::optimizer_of(codes.view(), workload::threads(state), law, zolt::sgd{.rate = 0.01});
  for (auto _ : state)
    if (probes)
      ratio::visit_and_undo(optimizer);
    else
      ratio::update(optimizer, coefficient, law.law_at(0, 1).record());
  workload::count(state, codes.count, Format::bits / 8.0 * (probes ? 4 : 2));
}
/// A third of a code each.
template <class Format, bool Probes>
void dense(benchmark::State& state) {
  visits<Format>(state, zolt::rademacher{}, 30, Probes);
}
/// A code on every thousandth weight.
template <class Format, bool Probes>
void sparse(benchmark::State& state) {
  visits<Format>(state, zolt::sparse_rademacher{.ratio = 0, .min_density = 1e-3}, static_cast<float>(std::sqrt(1e-3) / 0.01), Probes);
}
BENCHMARK(dense<zolt::int8, true>)->Name("probe_int8")->Apply(workload::sizes_and_threads);
BENCHMARK(dense<zolt::int8, false>)->Name("update_int8")->Apply(workload::sizes_and_threads);
BENCHMARK(dense<zolt::int4, true>)->Name("probe_int4")->Apply(workload::sizes_and_threads);
BENCHMARK(dense<zolt::int4, false>)->Name("update_int4")->Apply(workload::sizes_and_threads);
BENCHMARK(dense<zolt::e4m3fn, true>)->Name("probe_e4m3fn")->Apply(workload::sizes_and_threads);
BENCHMARK(dense<zolt::e4m3fn, false>)->Name("update_e4m3fn")->Apply(workload::sizes_and_threads);
BENCHMARK(sparse<zolt::int8, true>)->Name("sparse_probe_int8")->Apply(workload::sizes_and_threads);
BENCHMARK(sparse<zolt::int8, false>)->Name("sparse_update_int8")->Apply(workload::sizes_and_threads);
BENCHMARK(sparse<zolt::int4, true>)->Name("sparse_probe_int4")->Apply(workload::sizes_and_threads);
BENCHMARK(sparse<zolt::int4, false>)->Name("sparse_update_int4")->Apply(workload::sizes_and_threads);

}  // namespace
