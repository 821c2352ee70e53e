// Quantize, perturb, update: the kernels of a step, each beside the copy of as many bytes.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "zolt/zolt.hpp"

namespace {

constexpr zolt::shape layer{512, 2048};

zolt::tensor<float> random_weights() {
  zolt::tensor<float> w(layer);
  std::vector<std::int16_t> z(w.size());
  zolt::distribution::fill<zolt::distribution::gaussian>(zolt::random_stream({1, 0, 0}, 1, zolt::stream::direction), 0, z);
  for (std::size_t i = 0; i < z.size(); ++i) w.data()[i] = static_cast<float>(z[i]);
  return w;
}

void count_weights(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(layer.size()));
}

void copy_floats(benchmark::State& state) {
  const zolt::tensor<float> from = random_weights();
  zolt::tensor<float> to(layer);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size() * sizeof(float));
    benchmark::ClobberMemory();
  }
  count_weights(state);
}
BENCHMARK(copy_floats);

template <class Distribution>
void fill_direction(benchmark::State& state) {
  std::vector<std::int16_t> z(layer.size());
  std::uint32_t step = 0;
  for (auto _ : state) {
    zolt::distribution::fill<Distribution>(zolt::random_stream({1, step++, 0}, 1, zolt::stream::direction), 0, z);
    benchmark::DoNotOptimize(z.data());
  }
  count_weights(state);
}
BENCHMARK(fill_direction<zolt::distribution::rademacher>);
BENCHMARK(fill_direction<zolt::distribution::gaussian>);
BENCHMARK(fill_direction<zolt::distribution::uniform>);

template <class Format>
void quantize_weights(benchmark::State& state) {
  const zolt::tensor<float> w = random_weights();
  for (auto _ : state) benchmark::DoNotOptimize(zolt::quantize<Format, zolt::per_group<32>>("w", w));
  count_weights(state);
}
BENCHMARK(quantize_weights<zolt::int8>);
BENCHMARK(quantize_weights<zolt::int4>);
BENCHMARK(quantize_weights<zolt::e4m3fn>);

template <class Format>
void decode_weights(benchmark::State& state) {
  const auto q = zolt::quantize<Format, zolt::per_group<32>>("w", random_weights());
  zolt::tensor<float> to(layer);
  for (auto _ : state) {
    q.decode(0, to.flat());
    benchmark::ClobberMemory();
  }
  count_weights(state);
}
BENCHMARK(decode_weights<zolt::int8>);
BENCHMARK(decode_weights<zolt::int4>);
BENCHMARK(decode_weights<zolt::e4m3fn>);

/// A whole step in place with a loss that costs nothing: move, undo, move, undo, update. The argument is the density in millionths.
template <class Format>
void step_without_forward(benchmark::State& state) {
  auto q = zolt::quantize<Format, zolt::per_group<32>>("w", random_weights());
  const double density = static_cast<double>(state.range(0)) * 1e-6;
  zolt::optimizer opt{zolt::parameters(zolt::parameter{"w", q}), zolt::sgd{.rate = 0.01},
                      zolt::sparse_rademacher{.ratio = 0, .min_density = density}, zolt::options{.record = false}};
  double loss = 0;
  for (auto _ : state) opt.step([&loss] { return loss = 1 - loss; });
  count_weights(state);
}
BENCHMARK(step_without_forward<zolt::int8>)->Arg(100)->Arg(1000)->Arg(100000);
BENCHMARK(step_without_forward<zolt::int4>)->Arg(100)->Arg(1000)->Arg(100000);
BENCHMARK(step_without_forward<zolt::e4m3fn>)->Arg(100)->Arg(1000)->Arg(100000);

}  // namespace
