// Random words, and small integers from them.
#include <benchmark/benchmark.h>

#include "ratio/memory.hpp"
#include "workload.hpp"
#include "zolt/random/distribution.hpp"

namespace {

const zolt::random_stream directions({1, 2, 3}, 4, zolt::stream::direction);

void words(benchmark::State& state) {
  zolt::thread_team team(workload::threads(state));
  const ratio::buffer<std::uint32_t> all(workload::bytes(state) / 4);
  for (auto _ : state)
    ratio::on_parts(team, all.size(), [&](std::size_t, std::size_t first, std::size_t count) {
      constexpr std::size_t group = zolt::random_stream::group_size;
      directions.groups(first / group, count / group, all.data() + first);
    });
  workload::count(state, all.size(), 4);
}
BENCHMARK(words)->Apply(workload::sizes_and_threads);

template <class Distribution>
void fill(benchmark::State& state) {
  zolt::thread_team team(workload::threads(state));
  const ratio::buffer<std::int16_t> z(workload::bytes(state) / 2);
  for (auto _ : state)
    ratio::on_parts(team, z.size(), [&](std::size_t, std::size_t first, std::size_t count) {
      zolt::distribution::fill<Distribution>(directions, first, z.part(first, count));
    });
  workload::count(state, z.size(), 2);
}
BENCHMARK(fill<zolt::distribution::rademacher>)->Apply(workload::sizes_and_threads);
BENCHMARK(fill<zolt::distribution::gaussian>)->Apply(workload::sizes_and_threads);
BENCHMARK(fill<zolt::distribution::uniform>)->Apply(workload::sizes_and_threads);

}  // namespace
