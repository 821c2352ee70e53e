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
#include <span>
#include <string>
#include <vector>

#include "zolt/direction/dense.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/direction/uniform_codes.hpp"
#include "zolt/kernel/codes.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/kernel/direction.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
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
template <class Source = zolt::random_stream, class Function>
void for_spans(std::uint64_t run, Function&& f) {
  draws d(run);
  for (std::uint32_t i = 0; i < 60; ++i) {
    const Source source({run, i, i / 3}, 0x9e3779b97f4a7c15u * (i + 1), zolt::stream::direction);
    const std::uint64_t first = (i % 4 == 3 ? std::uint64_t{1} << 33 : 0) + d.below(5000);
    const std::size_t offset = d.below(17), size = d.below(i % 2 == 0 ? 70 : longest);
    f(source, first, offset, size);
  }
}

template <class Source>
std::uint64_t words() {
  witness w;
  for_spans<Source>(1, [&](const Source& source, std::uint64_t first, std::size_t offset, std::size_t size) {
    std::vector<std::uint32_t> out(offset + 64 * (size / 64 + 1));
    source.groups(first, size / 64 + 1, out.data() + offset);
    out.push_back(source.word(first));
    w.see(std::span(out));
  });
  return w.hash;
}

template <class Distribution, class Source = zolt::random_stream>
std::uint64_t filled() {
  witness w;
  for_spans<Source>(2, [&](const Source& source, std::uint64_t first, std::size_t offset, std::size_t size) {
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

/// Floats that are displaced, with what undoes it, and put back.
template <class Distribution>
std::uint64_t displaced() {
  witness w;
  draws d(7);
  for_spans(8, [&](const zolt::random_stream& source, std::uint64_t first, std::size_t offset, std::size_t size) {
    std::vector<float> floats(offset + size + 3);
    for (float& f : floats) f = d.weight();
    std::vector<std::int8_t> corrections(size);
    std::vector<std::uint32_t> lost(size);
    const float coefficient = 0x1p-14f * static_cast<float>(d.between(-4000, 4000));
    const std::span<float> some = std::span(floats).subspan(offset, size);
    zolt::kernel::displace<Distribution>(source, first, some, {coefficient, corrections.data(), lost.data()});
    w.see(std::span(floats)), w.see(std::span(corrections)), w.see(std::span(lost));
    zolt::kernel::put_back<Distribution>(source, first, some, {coefficient, corrections.data(), lost.data()});
    w.see(std::span(floats));
  });
  return w.hash;
}

template <class Rule>
std::uint64_t ruled(const Rule& rule) {
  witness w;
  draws d(9);
  for (std::uint64_t step = 0; step < 40; ++step) {
    const std::size_t size = d.below(longest);
    std::vector<float> gradient(size), delta(size), weights(size), moments[Rule::moments];
    zolt::moment_tile<Rule::moments> tile;
    for (std::size_t m = 0; m < Rule::moments; ++m) {
      moments[m].resize(size);
      for (float& f : moments[m]) f = d.weight();
      if (m > 0)
        for (float& f : moments[m]) f = f < 0 ? -f : f;
      tile[m] = moments[m];
    }
    for (float& f : gradient) f = d.weight();
    for (float& f : weights) f = d.weight();
    rule.apply(rule.at(0.1, step * step), gradient, tile, delta);
    zolt::kernel::add_update(weights, delta.data(), {0.75f, -0.25f, 0.25f});
    w.see(std::span(delta)), w.see(std::span(weights));
    for (const std::vector<float>& m : moments) w.see(std::span(m));
  }
  return w.hash;
}

/// Codes that move, move back, and take updates of every length.
template <class Format>
std::uint64_t moved() {
  witness w;
  draws d(10);
  for (int i = 0; i < 40; ++i) {
    const std::size_t size = d.below(longest);
    std::vector<zolt::code> codes(size);
    for (zolt::code& c : codes) c = Format::code_of(d.between(Format::lowest, Format::highest));
    std::vector<std::int16_t> z(size);
    for (std::int16_t& each : z) each = static_cast<std::int16_t>(d.between(-3, 3));
    std::vector<std::uint8_t> exceptions(size);
    zolt::kernel::move_codes<Format>(codes.data(), z.data(), i % 5 + 1, size, exceptions.data());
    w.see(std::span(codes)), w.see(std::span(exceptions));
    std::vector<float> delta(size);
    std::vector<std::uint32_t> words(size);
    for (float& f : delta) f = d.weight() * 4;
    for (std::uint32_t& each : words) each = d.words(d.next++);
    const auto landed = zolt::kernel::land_codes<Format>(codes.data(), delta.data(), words.data(), size);
    const std::vector<std::uint64_t> counted = {landed.moved, landed.clamped};
    w.see(std::span(codes)), w.see(std::span(counted));
    if constexpr (zolt::kernel::format_of_byte_lanes<Format>) {
      zolt::kernel::sign_words bits;
      for (std::uint32_t& each : bits.signs) each = d.words(d.next++);
      for (std::uint32_t& each : bits.bytes) each = d.words(d.next++);
      for (std::uint32_t& each : bits.tails) each = d.words(d.next++);
      zolt::kernel::land_signs<Format, zolt::packing<8>>(reinterpret_cast<std::byte*>(codes.data()), bits, d.words(d.next++), i % 2 == 0,
                                                         size);
      w.see(std::span(codes));
    }
  }
  return w.hash;
}

std::uint64_t located() {
  witness w;
  const zolt::parameter_info info{7, {1, std::size_t{1} << 30}};
  for (const std::uint32_t rho : {429u, 4294967u, 42949672u, 2147483648u}) {
    std::vector<std::uint64_t> found;
    zolt::sparse_rademacher_law{rho}.for_each_nonzero({1, 2, 3}, info, 12345, 12345 + (std::uint64_t{1} << 43) / (rho + 1ull),
                                                      [&found](std::uint64_t i, int z, std::uint64_t slot) {
                                                        found.push_back(i), found.push_back(slot), found.push_back(z < 0 ? 1 : 0);
                                                      });
    w.see(std::span(found));
  }
  return w.hash;
}

}  // namespace

int main(int argc, char**) try {
  if (argc != 3) return std::fprintf(stderr, "usage: kernels_golden DATA THREADS (both unused here)\n"), 1;
  using zolt::int4, zolt::int8, zolt::e4m3fn, zolt::few_bit_stochastic;
  namespace distribution = zolt::distribution;
  const struct {
    const char* what;
    std::uint64_t hash;
  } parts[] = {
      {"words", words<zolt::random_stream>()},
      {"rademacher", filled<distribution::rademacher>()},
      {"gaussian", filled<distribution::gaussian>()},
      {"uniform", filled<distribution::uniform>()},
      {"uniform_integers<5>", filled<distribution::uniform_integers<5>>()},
      {"add rademacher", added<distribution::rademacher>()},
      {"add gaussian", added<distribution::gaussian>()},
      {"add uniform", added<distribution::uniform>()},
      {"decode int8", decoded<int8>()},
      {"decode int4", decoded<int4>()},
      {"decode e4m3fn", decoded<e4m3fn>()},
      {"decode nf4", decoded<zolt::nf4>()},
      {"int8 few bits", quantized<int8, few_bit_stochastic<8>>()},
      {"displace rademacher", displaced<distribution::rademacher>()},
      {"displace gaussian", displaced<distribution::gaussian>()},
      {"momentum", ruled(zolt::momentum{})},
      {"adam", ruled(zolt::adam{})},
      {"move int8", moved<int8>()},
      {"move int4", moved<int4>()},
      {"locate", located()},
      {"words of blocks", words<zolt::block_stream>()},
      {"gaussian of blocks", filled<distribution::gaussian, zolt::block_stream>()},
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
