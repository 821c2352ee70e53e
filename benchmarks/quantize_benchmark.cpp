// Floats to codes and back.
#include <benchmark/benchmark.h>

#include "ratio/weights.hpp"
#include "workload.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace {

template <class Format, class Rounding>
void quantize(benchmark::State& state) {
  using quantizer = zolt::quantizer<Format, zolt::per_group<128>, zolt::absmax, Rounding>;
  zolt::thread_team team(workload::threads(state));
  const std::size_t part = workload::bytes(state) / 4 / team.size();
  const ratio::buffer<float> w = ratio::weights_of(part * team.size());
  std::vector<typename quantizer::tensor_type> codes(team.size());
  for (auto& c : codes) c = typename quantizer::tensor_type(ratio::shape_of(part));
  for (auto _ : state)
    team.run([&](std::size_t lane) { ratio::quantize_into(quantizer{}, ratio::tensor_of(w.part(lane * part, part)), codes[lane]); });
  workload::count(state, w.size(), 4 + Format::bits / 8.0);
}
BENCHMARK(quantize<zolt::int8, zolt::nearest_even>)->Apply(workload::sizes_and_threads);
BENCHMARK(quantize<zolt::int8, zolt::few_bit_stochastic<8>>)->Apply(workload::sizes_and_threads);
BENCHMARK(quantize<zolt::int8, zolt::few_bit_stochastic<16>>)->Apply(workload::sizes_and_threads);
BENCHMARK(quantize<zolt::int4, zolt::few_bit_stochastic<8>>)->Apply(workload::sizes_and_threads);
BENCHMARK(quantize<zolt::e4m3fn, zolt::few_bit_stochastic<16>>)->Apply(workload::sizes_and_threads);

template <class Format>
void decode(benchmark::State& state) {
  zolt::thread_team team(workload::threads(state));
  const ratio::buffer<float> w(workload::bytes(state) / 4);
  const ratio::coded_weights<Format> codes(w.size());
  const auto view = codes.view();
  for (auto _ : state)
    ratio::on_parts(team, w.size(), [&](std::size_t, std::size_t first, std::size_t count) { view.decode(first, w.part(first, count)); });
  workload::count(state, w.size(), 4 + Format::bits / 8.0);
}
BENCHMARK(decode<zolt::int8>)->Apply(workload::sizes_and_threads);
BENCHMARK(decode<zolt::int4>)->Apply(workload::sizes_and_threads);
BENCHMARK(decode<zolt::e4m3fn>)->Apply(workload::sizes_and_threads);

}  // namespace
