// Visits of float weights: the kernel of a perturbation, an in-place scope of the optimizer, its update.
#include <benchmark/benchmark.h>

#include "ratio/weights.hpp"
#include "workload.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/sgd.hpp"
#if __has_include("zolt/kernel/direction.hpp")
#include "zolt/kernel/direction.hpp"
#endif

namespace {

#if __has_include("zolt/kernel/direction.hpp")
template <class Distribution>
void add_direction(benchmark::State& state) {
  zolt::thread_team team(workload::threads(state));
  const ratio::buffer<float> w = ratio::weights_of(workload::bytes(state) / 4);
  const zolt::random_stream directions({1, 2, 3}, 4, zolt::stream::direction);
  float coefficient = 0x1p-12f;
  for (auto _ : state) {
    ratio::on_parts(team, w.size(), [&](std::size_t, std::size_t first, std::size_t count) {
      zolt::kernel::add_direction<Distribution>(directions, first, coefficient, w.part(first, count));
    });
    coefficient = -coefficient;
  }
  workload::count(state, w.size(), 8);
}
BENCHMARK(add_direction<zolt::distribution::rademacher>)->Apply(workload::sizes_and_threads);
BENCHMARK(add_direction<zolt::distribution::gaussian>)->Apply(workload::sizes_and_threads);
BENCHMARK(add_direction<zolt::distribution::uniform>)->Apply(workload::sizes_and_threads);
#endif

template <class Law, class Rule>
void visits(benchmark::State& state, bool probes) {
  const ratio::buffer<float> w = ratio::weights_of(workload::bytes(state) / 4);
  auto optimizer = ratio::optimizer_of(ratio::tensor_of(w.all()), workload::threads(state), Law{}, Rule{.rate = 1e-5},
                                       zolt::two_point{.radius = 0x1p-10});
  for (auto _ : state)
    if (probes)
      ratio::visit_and_undo(optimizer);
    else
      ratio::update(optimizer, 1e-3f);
  workload::count(state, w.size(),
                  probes ? 16 : 8 + 8 * static_cast<double>(optimizer.state_bytes()) / (4.0 * static_cast<double>(w.size())));
}
template <class Law>
void probe(benchmark::State& state) {
  visits<Law, zolt::sgd>(state, true);
}
template <class Law, class Rule>
void update(benchmark::State& state) {
  visits<Law, Rule>(state, false);
}
BENCHMARK(probe<zolt::rademacher>)->Apply(workload::sizes_and_threads);
BENCHMARK(update<zolt::rademacher, zolt::sgd>)->Apply(workload::sizes_and_threads);
BENCHMARK(update<zolt::rademacher, zolt::adam>)->Apply(workload::sizes_and_threads);
BENCHMARK(probe<zolt::gaussian>)->Apply(workload::sizes_and_threads);
BENCHMARK(update<zolt::gaussian, zolt::sgd>)->Apply(workload::sizes_and_threads);

}  // namespace
