// Calls every span kernel at sizes, offsets and alignments that fit nothing, and prints one hash of all they write: the same for every
// compiler, flag, instruction set and number of threads. `kernels_golden DATA THREADS`; DATA is not used. What differs is on stderr, a line
// per kernel.
//
// When a generated bit changes (and stream_version with it), from the root of the repository:
//   g++ -std=c++20 -O2 -pthread -Iinclude tests/golden/kernels_golden.cpp -o build/kernels_golden &&
//     build/kernels_golden tests/golden/data 1 > tests/golden/kernels.txt

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "zolt/direction/dense.hpp"
#include "zolt/direction/uniform_codes.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/kernel/direction.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/momentum.hpp"

namespace {

std::uint64_t hash_of(std::span<const std::byte> bytes) { return zolt::hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }

/// Bytes as they come, and their hash so far.
struct witness {
  std::uint64_t hash = 0;

  template <class T>
  void see(std::span<T> values) {
    const std::uint64_t pair[] = {hash, hash_of(std::as_bytes(values))};
    hash = hash_of(std::as_bytes(std::span(pair)));
  }
};

/// Sizes, offsets and weights: integers and powers of two only.
struct draws {
  zolt::word_reader words;
  std::uint64_t next = 0;

  explicit draws(std::uint64_t run) : words(zolt::random_stream({.run = run}, 0, zolt::stream::mask)) {}
  std::size_t below(std::size_t bound) { return words(next++) % bound; }
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1))); }
  /// Many magnitudes, some of them zero.
  float weight() {
    const int whole = between(-2000, 2000);
    const std::size_t kind = below(16);
    return kind == 0 ? 0.0f : static_cast<float>(whole) * (kind % 2 == 0 ? 0x1p-12f : 0x1p-15f);
  }
};

constexpr std::size_t longest = 1300;
/// f(source, first element, offset, size): short spans and long ones, near 0 and beyond 2³².
template <class Function>
void for_spans(std::uint64_t run, Function&& f) {
  draws d(run);
  for (std::uint32_t i = 0; i < 60; ++i) {
    const zolt::random_stream source({run, i, i / 3}, 0x9e3779b97f4a7c15u * (i + 1), zolt::stream::direction);
    const std::uint64_t first = (i % 4 == 3 ? std::uint64_t{1} << 33 : 0) + d.below(5000);
    const std::size_t offset = d.below(17), size = d.below(i % 2 == 0 ? 70 : longest);
    f(source, first, offset, size);
  }
}

std::uint64_t words() {
  witness w;
  for_spans(1, [&](const zolt::random_stream& source, std::uint64_t first, std::size_t offset, std::size_t size) {
    std::vector<std::uint32_t> out(offset + 64 * (size / 64 + 1));
    source.groups(first, size / 64 + 1, out.data() + offset);
    out.push_back(source.word(first));
    w.see(std::span(out));
  });
  return w.hash;
}

template <class Distribution>
std::uint64_t filled() {
  witness w;
  for_spans(2, [&](const zolt::random_stream& source, std::uint64_t first, std::size_t offset, std::size_t size) {
    std::vector<std::int16_t> z(offset + size + 3, 99);  // the ends are seen, too: nothing may be written beyond a span
    zolt::distribution::fill<Distribution>(source, first, std::span(z).subspan(offset, size));
    w.see(std::span(z));
  });
  return w.hash;
}

template <class Distribution>
std::uint64_t added() {
  witness w;
  draws d(3);
  for_spans(4, [&](const zolt::random_stream& source, std::uint64_t first, std::size_t offset, std::size_t size) {
    std::vector<float> floats(offset + size + 3);
    for (float& f : floats) f = d.weight();
    const float coefficient = 0x1p-14f * static_cast<float>(d.between(-4000, 4000));  // so few bits that the products are exact
    zolt::kernel::add_direction<Distribution>(source, first, coefficient, std::span(floats).subspan(offset, size));
    w.see(std::span(floats));
    zolt::kernel::set_direction<Distribution>(source, first, coefficient, std::span(floats).subspan(offset, size));
    w.see(std::span(floats));
  });
  return w.hash;
}

/// Random codes, decoded under scales by group and as values.
template <class Format>
std::uint64_t decoded() {
  witness w;
  draws d(5);
  zolt::quantized_tensor<Format, zolt::per_group<24, zolt::last_group::shorter>> codes{{37, 149}};
  std::vector<zolt::code> valid;
  for (unsigned c = 0; c < 1u << Format::bits; ++c)
    if (Format::has_ordinal(static_cast<zolt::code>(c))) valid.push_back(static_cast<zolt::code>(c));
  for (std::size_t i = 0; i < codes.size(); ++i) codes.view().set_code(i, valid[d.below(valid.size())]);
  for (float& scale : codes.scales()) scale = 0x1p-13f * static_cast<float>(1 + d.below(4000));
  for (int i = 0; i < 60; ++i) {
    const std::size_t first = d.below(codes.size()), offset = d.below(17);
    const std::size_t size = std::min(codes.size() - first, d.below(i % 2 == 0 ? 70 : longest));
    std::vector<float> out(offset + size + 3, 99);
    codes.view().decode(first, std::span(out).subspan(offset, size));
    w.see(std::span(out));
    zolt::kernel::decode_unscaled<Format>(codes.view().bytes().data(), first, std::span(out).subspan(offset, size));
    w.see(std::span(out));
  }
  return w.hash;
}

template <class Format, class Rounding>
std::uint64_t quantized() {
  using granularity = zolt::per_group<40, zolt::last_group::shorter>;
  witness w;
  draws d(6);
  for (std::uint32_t i = 0; i < 12; ++i) {
    const zolt::shape s{1 + d.below(9), 1 + d.below(i % 2 == 0 ? 50 : 400)};
    const std::size_t offset = d.below(17);
    std::vector<float> floats(offset + s.size());
    for (float& f : floats) f = d.weight();
    zolt::quantization_events met;
    const zolt::quantizer<Format, granularity, zolt::absmax, Rounding> quantize{.range = {}, .round = {}, .key = {9, i, 0}};
    auto codes = quantize("w", zolt::tensor_view<const float>(floats.data() + offset, s), &met);
    const std::vector<std::uint64_t> counted = {met.clamped, met.zero_groups};
    w.see(codes.view().bytes()), w.see(std::span(codes.scales())), w.see(std::span(counted));
  }
  return w.hash;
}

/// Probes in place and updates; those of int8, of e4m3fn and of sparse laws are in training_golden. The loss is made of the bytes that a probe
/// sees, so that every one of them tells on all that follows.
template <class Parameters, class See, class... Policies>
void train(std::size_t threads, const Parameters& parameters, const See& see, const Policies&... policies) {
  zolt::optimizer opt{parameters, policies..., zolt::options{.run = 11, .threads = threads}};
  for (int step = 0; step < 3; ++step) {
    opt.step(see);
    see();
  }
}

/// A float tensor so large that threads share it, at an address that is no multiple of a register.
struct floats {
  std::vector<float> memory = std::vector<float>(70001);
  std::span<float> weights = std::span(memory).subspan(3);
  witness seen;

  floats() {
    draws d(7);
    for (float& f : weights) f = d.weight();
  }
  auto parameter() { return zolt::parameter("floats", weights, {.unit = 0.01}); }
  double see() { return seen.see(std::span(memory)), static_cast<double>(seen.hash % 4096); }
};

template <class... Policies>
std::uint64_t trained_floats(std::size_t threads, const Policies&... policies) {
  floats w;
  train(
      threads, zolt::parameters(w.parameter()), [&w] { return w.see(); }, policies...);
  return w.seen.hash;
}

template <class... Policies>
std::uint64_t trained(std::size_t threads, const Policies&... policies) {
  draws d(8);
  zolt::quantized_tensor<zolt::int4, zolt::per_group<32>> four_bit{{520, 160}};
  for (float& scale : four_bit.scales()) scale = 0x1p-10f * static_cast<float>(16 + d.below(16));
  for (std::size_t i = 0; i < four_bit.size(); ++i) four_bit.view().set_code(i, zolt::int4::code_of(d.between(-7, 7)));
  floats w;
  const auto see = [&] {
    w.seen.see(four_bit.view().bytes());
    return w.see();
  };
  train(threads, zolt::parameters(zolt::parameter("four_bit", four_bit), w.parameter()), see, policies...);
  return w.seen.hash;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return std::fprintf(stderr, "usage: kernels_golden DATA THREADS\n"), 1;
  const std::size_t threads = std::strtoul(argv[2], nullptr, 10);
  using zolt::int4, zolt::int8, zolt::e4m3fn, zolt::nearest_even, zolt::stochastic_rounding, zolt::few_bit_stochastic;
  namespace distribution = zolt::distribution;
  const struct {
    const char* what;
    std::uint64_t hash;
  } parts[] = {
      {"words", words()},
      {"rademacher", filled<distribution::rademacher>()},
      {"gaussian", filled<distribution::gaussian>()},
      {"uniform", filled<distribution::uniform>()},
      {"uniform_integers<1>", filled<distribution::uniform_integers<1>>()},
      {"uniform_integers<5>", filled<distribution::uniform_integers<5>>()},
      {"add rademacher", added<distribution::rademacher>()},
      {"add gaussian", added<distribution::gaussian>()},
      {"add uniform", added<distribution::uniform>()},
      {"decode int8", decoded<int8>()},
      {"decode int4", decoded<int4>()},
      {"decode int3", decoded<zolt::int3>()},
      {"decode e4m3fn", decoded<e4m3fn>()},
      {"decode nf4", decoded<zolt::nf4>()},
      {"int8 to nearest", quantized<int8, nearest_even>()},
      {"int8 stochastic", quantized<int8, stochastic_rounding>()},
      {"int8 few bits", quantized<int8, few_bit_stochastic<8>>()},
      {"int4 stochastic", quantized<int4, stochastic_rounding>()},
      {"int4 few bits", quantized<int4, few_bit_stochastic<8>>()},
      {"e4m3fn to nearest", quantized<e4m3fn, nearest_even>()},
      {"e4m3fn stochastic", quantized<e4m3fn, stochastic_rounding>()},
      {"sgd, rademacher", trained(threads, zolt::rademacher{}, zolt::sgd{.rate = 0.4})},
      {"momentum, uniform", trained_floats(threads, zolt::uniform{}, zolt::momentum{.rate = 0.1})},
      {"adam, gaussian", trained_floats(threads, zolt::gaussian{}, zolt::adam{.rate = 0.1})},
  };
  witness all;
  for (const auto& part : parts) {
    std::fprintf(stderr, "%016llx %s\n", static_cast<unsigned long long>(part.hash), part.what);
    all.see(std::span<const std::uint64_t>(&part.hash, 1));
  }
  std::printf("%016llx\n", static_cast<unsigned long long>(all.hash));
} catch (const zolt::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 3;
}
