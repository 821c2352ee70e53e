// Replays the trajectory files in tests/golden/data and prints one hash of all weights: the same for every compiler, flag and number of
// threads. `replay_golden DATA THREADS`; compiled with -DZOLT_WRITE it trains anew and writes the files first.
//
// When a generated bit changes (and stream_version with it), from the root of the repository:
//   g++ -std=c++20 -O2 -pthread -Iinclude -DZOLT_WRITE tests/golden/replay_golden.cpp -o build/replay_golden &&
//     build/replay_golden tests/golden/data 1 > tests/golden/replay.txt

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "zolt/direction/dense.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/update/momentum.hpp"

namespace {

/// Base weights by integer arithmetic. The first tensor is so large that threads share it.
struct mixed_model {
  zolt::quantized_tensor<zolt::int4, zolt::per_group<32>> four_bit{{520, 512}};
  zolt::quantized_tensor<zolt::int8> eight_bit{{20, 301}};
  zolt::quantized_tensor<zolt::e4m3fn> minifloat{{20, 100}};
  zolt::tensor<float> floats{{30, 131}};

  mixed_model() {
    zolt::word_reader words(zolt::random_stream({.run = 2026}, 0, zolt::stream::mask));
    std::uint64_t next = 0;
    const auto fill = [&](auto& w, unsigned most) {
      for (float& scale : w.scales()) scale = 0x1p-10f * static_cast<float>(16 + words(next++) % 16);
      using format = typename std::remove_reference_t<decltype(w)>::format;
      for (std::size_t i = 0; i < w.size(); ++i)
        w.view().set_code(i, format::code_of(static_cast<int>(words(next++) % (2 * most + 1)) - static_cast<int>(most)));
    };
    fill(four_bit, 7), fill(eight_bit, 127), fill(minifloat, 80);
    for (float& w : floats.flat()) w = 0x1p-12f * static_cast<float>(static_cast<int>(words(next++) % 2001) - 1000);
  }
  auto all() {
    return zolt::parameters(zolt::parameter("four_bit", four_bit), zolt::parameter("eight_bit", eight_bit),
                            zolt::parameter("minifloat", minifloat), zolt::parameter("floats", floats, {.unit = 0.03}));
  }
  std::uint64_t hash() {
    std::vector<std::byte> bytes;
    const auto add = [&bytes](std::span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); };
    add(four_bit.view().bytes()), add(eight_bit.view().bytes()), add(minifloat.view().bytes()), add(std::as_bytes(floats.flat()));
    return zolt::hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  /// Σ w² under every probe. Its last bits may differ between builds: it is used to write the files, never to replay them.
  std::vector<double> losses(const zolt::probe_view& probes) {
    std::vector<double> sums(probes.count());
    const auto add = [&](const auto& w) {
      std::vector<float> seen(w.size() * probes.count());
      probes.read(w, 0, seen);
      for (std::size_t i = 0; i < seen.size(); ++i) sums[i / w.size()] += static_cast<double>(seen[i]) * static_cast<double>(seen[i]);
    };
    add(four_bit), add(eight_bit), add(minifloat), add(floats);
    return sums;
  }
};

constexpr int steps = 12;

/// Replays a file; the hash of the weights afterwards.
template <class Parameters, class... Policies>
std::uint64_t run(mixed_model& m, const Parameters& parameters, const std::string& path, std::size_t threads, const Policies&... policies) {
  zolt::optimizer opt{parameters, policies..., zolt::options{.run = 42, .threads = threads}};
#if defined(ZOLT_WRITE)
  for (int step = 0; step < steps; ++step) opt.tell(m.losses(opt.probes()));
  zolt::save(opt.recorded(), path);
#else
  const zolt::trajectory t = zolt::load_trajectory(path);
  opt.replay(t);
  if (opt.recorded() != t || t.steps.size() != steps) std::exit(2);
#endif
  return m.hash();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return std::fprintf(stderr, "usage: replay_golden DATA THREADS\n"), 1;
  const std::string data = std::string(argv[1]) + "/";
  const std::size_t threads = std::strtoul(argv[2], nullptr, 10);

  std::uint64_t hashes[4];
  {
    mixed_model m;
    hashes[0] = run(m, m.all(), data + "sgd.bin", threads, zolt::sgd{.rate = 0.4}, zolt::two_point{.queries = 2});
  }
  {
    mixed_model m;
    hashes[1] = run(m, m.all(), data + "momentum.bin", threads, zolt::momentum{.rate = 0.05}, zolt::rademacher{}, zolt::residual<4>{});
  }
  {
    mixed_model m;
    hashes[2] = run(m, m.all(), data + "adam.bin", threads, zolt::adam{.rate = 0.1}, zolt::two_point{.queries = 2});
  }
  {
    mixed_model m;
    hashes[3] = run(m, zolt::parameters(zolt::parameter("floats", m.floats)), data + "adam_gaussian.bin", threads, zolt::adam{.rate = 0.01},
                    zolt::gaussian{}, zolt::two_point{.radius = 1e-3});
  }
  for (const std::uint64_t h : hashes) std::fprintf(stderr, "%016llx\n", static_cast<unsigned long long>(h));
  std::printf("%016llx\n", static_cast<unsigned long long>(zolt::hash_of(reinterpret_cast<const char*>(hashes), sizeof hashes)));
} catch (const zolt::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 3;
}
