#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

/// Working sets of a benchmark's argument 0, in bytes of weights, and threads of its argument 1.
namespace workload {

inline void sizes_and_threads(benchmark::internal::Benchmark* b) {
  b->ArgNames({"bytes", "threads"})->UseRealTime();
  for (const std::int64_t bytes : {1 << 20, 16 << 20, 256 << 20})  // second-level cache, third, memory
    for (const std::int64_t threads : {1, 2}) b->Args({bytes, threads});
}

inline std::size_t bytes(const benchmark::State& state) { return static_cast<std::size_t>(state.range(0)); }
inline std::size_t threads(const benchmark::State& state) { return static_cast<std::size_t>(state.range(1)); }

/// Elements and useful bytes per iteration.
inline void count(benchmark::State& state, std::size_t elements, double bytes_per_element) {
  const auto done = static_cast<double>(state.iterations()) * static_cast<double>(elements);
  state.SetItemsProcessed(static_cast<std::int64_t>(done));
  state.SetBytesProcessed(static_cast<std::int64_t>(done * bytes_per_element));
}

}  // namespace workload
