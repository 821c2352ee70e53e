// Trains two networks whose losses are sums of 64-bit integers, and prints one hash of their weights and trajectories: with an exact loss
// not only replay but training itself has the same bits for every compiler, flag and number of threads. `training_golden DATA THREADS`.
//
// When a generated bit changes (and stream_version with it), from the root of the repository:
//   g++ -std=c++20 -O2 -pthread -Iinclude tests/golden/training_golden.cpp -o build/training_golden &&
//     build/training_golden tests/golden/data 1 > tests/golden/training.txt

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "zolt/direction/dense.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/update/momentum.hpp"

namespace {

constexpr std::size_t inputs = 4100, hidden = 64, outputs = 10, examples = 2;

/// Two layers on integer activations, the first so large that threads share it. Scales are powers of two, so a decoded weight times a power of two is an integer exactly, and a float
/// is cut to a multiple of 2⁻¹².
struct network {
  zolt::quantized_tensor<zolt::int8, zolt::per_tensor> first{{hidden, inputs}};
  zolt::quantized_tensor<zolt::e4m3fn, zolt::per_tensor> second{{outputs, hidden}};
  std::vector<float> bias = std::vector<float>(outputs);
  std::vector<std::int64_t> x = std::vector<std::int64_t>(examples * inputs), target = std::vector<std::int64_t>(examples * outputs);

  network() {
    zolt::word_reader words(zolt::random_stream({.run = 7}, 0, zolt::stream::mask));
    std::uint64_t next = 0;
    const auto between = [&](int low, int high) { return low + static_cast<int>(words(next++) % static_cast<unsigned>(high - low + 1)); };
    first.scales()[0] = 0x1p-7f;
    second.scales()[0] = 0x1p-4f;
    for (std::size_t i = 0; i < first.size(); ++i) first.view().set_code(i, zolt::int8::code_of(between(-40, 40)));
    for (std::size_t i = 0; i < second.size(); ++i) second.view().set_code(i, zolt::e4m3fn::code_of(between(-60, 60)));
    for (float& b : bias) b = 0x1p-6f * static_cast<float>(between(-64, 64));
    for (std::int64_t& v : x) v = between(-7, 7);
    for (std::int64_t& t : target) t = between(-3000, 3000);
  }
  auto parameters() {
    return zolt::parameters(zolt::parameter("first", first), zolt::parameter("second", second),
                            zolt::parameter("bias", bias, {.unit = 0.0625}));
  }

  /// Weights times 2^power as integers, under every probe of a view.
  template <class Weights>
  static std::vector<std::int64_t> read(const zolt::probe_view& probes, const Weights& w, std::size_t size, float scale) {
    std::vector<float> seen(size * probes.count());
    probes.read(w, 0, seen);
    std::vector<std::int64_t> whole(seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) whole[i] = static_cast<std::int64_t>(seen[i] * scale);
    return whole;
  }
  std::vector<double> losses(const zolt::probe_view& probes) const {
    const auto w1 = read(probes, first, first.size(), 0x1p7f), w2 = read(probes, second, second.size(), 0x1p13f),
               b = read(probes, bias, outputs, 0x1p12f);
    std::vector<double> result;
    for (std::size_t k = 0; k < probes.count(); ++k) {
      std::int64_t loss = 0;
      for (std::size_t e = 0; e < examples; ++e) {
        std::int64_t activation[hidden];
        for (std::size_t h = 0; h < hidden; ++h) {
          std::int64_t sum = 0;
          for (std::size_t i = 0; i < inputs; ++i) sum += x[e * inputs + i] * w1[(k * hidden + h) * inputs + i];
          activation[h] = sum > 0 ? sum >> 6 : 0;
        }
        for (std::size_t o = 0; o < outputs; ++o) {
          std::int64_t sum = b[k * outputs + o] << 4;
          for (std::size_t h = 0; h < hidden; ++h) sum += activation[h] * w2[(k * outputs + o) * hidden + h];
          const std::int64_t difference = (sum >> 8) - target[e * outputs + o];
          loss += difference * difference;
        }
      }
      if (loss >> 53 != 0) std::abort();  // no longer exact as a double
      result.push_back(static_cast<double>(loss));
    }
    return result;
  }
};

std::vector<std::byte> bytes;
void add(std::span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); }

template <class Optimizer>
void finish(const Optimizer& opt, network& n) {
  add(n.first.view().bytes()), add(n.second.view().bytes()), add(std::as_bytes(std::span(n.bias)));
  add(zolt::to_bytes(opt.recorded()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: training_golden DATA THREADS\n"), 1;
  const std::size_t threads = std::strtoul(argv[2], nullptr, 10);
  constexpr int steps = 10;
  double before = 0, after = 0;
  {
    network n;
    before = n.losses({})[0];
    zolt::optimizer opt{n.parameters(), zolt::sgd{.rate = 0.5}, zolt::two_point{.queries = 2}, zolt::linear_decay{.steps = 30},
                        zolt::options{.run = 1, .threads = threads}};
    for (int step = 0; step < steps; ++step) opt.step([&](const zolt::probe_view& p) { return n.losses(p); });
    after = n.losses({})[0];
    finish(opt, n);
  }
  {
    network n;
    zolt::optimizer opt{n.parameters(),     zolt::momentum{.rate = 0.1}, zolt::one_sided{.queries = 2},
                        zolt::rademacher{}, zolt::residual<2>{},         zolt::options{.run = 2, .threads = threads}};
    for (int step = 0; step < steps; ++step) opt.step([&] { return n.losses({})[0]; });
    finish(opt, n);
  }
  std::fprintf(stderr, "loss %.0f to %.0f\n", before, after);
  std::printf("%016llx\n", static_cast<unsigned long long>(zolt::hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
}
