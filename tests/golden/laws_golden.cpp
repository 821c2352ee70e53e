// Draws every direction law, and applies fixed terms through the rules, write-backs and words that replay_golden has not; prints one hash,
// the same for every compiler, flag and number of threads. `laws_golden DATA THREADS`; DATA is not used.
//
// When a generated bit changes (and stream_version with it), from the root of the repository:
//   g++ -std=c++20 -O2 -pthread -Iinclude tests/golden/laws_golden.cpp -o build/laws_golden &&
//     build/laws_golden tests/golden/data 1 > tests/golden/laws.txt

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "zolt/direction/cone.hpp"
#include "zolt/direction/curvature_scaled.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/low_rank.hpp"
#include "zolt/direction/masked.hpp"
#include "zolt/direction/orthogonal_low_rank.hpp"
#include "zolt/direction/per_example.hpp"
#include "zolt/direction/pooled.hpp"
#include "zolt/direction/rounded.hpp"
#include "zolt/direction/spherical.hpp"
#include "zolt/direction/temporal_low_rank.hpp"
#include "zolt/direction/uniform_codes.hpp"
#include "zolt/estimator/three_point.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/parameter/narrow.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/byte_moments.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"
#include "zolt/update/vote.hpp"

namespace {

std::uint64_t hash_of(std::span<const std::byte> bytes) { return zolt::hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }

/// What a law draws for two steps and queries, in ranges that fit nothing.
template <class Direction>
std::uint64_t drawn(const Direction& direction) {
  zolt::tensor<float> w({61, 83});
  for (std::size_t i = 0; i < w.size(); ++i) w.flat()[i] = static_cast<float>(i * 7919 % 1000) - 500;
  const auto parameters = zolt::parameters(zolt::parameter("w", w));
  zolt::inputs_t<Direction> inputs;
  std::vector<std::int16_t> z(w.size()), all;
  for (const zolt::direction_key key : {zolt::direction_key{5, 0, 0}, zolt::direction_key{5, 70, 3}}) {
    zolt::detail::refresh(direction, inputs, parameters, {key.run, key.step, 0});
    const auto law = zolt::detail::law_at(direction, 0.3, 2, inputs);
    for (const auto& each : {law, zolt::detail::update_law(law)}) {
      for (std::size_t first = 0, length = 1; first < z.size(); first += length, length = 2 * length + 5)
        each.fill(key, {zolt::hash_of("w", 1), w.shape()}, first, std::span(z).subspan(first, std::min(length, z.size() - first)));
      all.insert(all.end(), z.begin(), z.end());
    }
  }
  return hash_of(std::as_bytes(std::span(all)));
}

/// The updates of a rule over eight steps of fixed gradients.
template <class Rule>
std::uint64_t updated(const Rule& rule) {
  constexpr std::size_t size = 333;
  std::vector<float> moments(Rule::moments * size), gradient(size), all;
  zolt::moment_tile<Rule::moments> state;
  for (std::size_t m = 0; m < Rule::moments; ++m) state[m] = std::span(moments).subspan(m * size, size);
  for (std::uint32_t step = 0; step < 8; ++step) {
    for (std::size_t i = 0; i < size; ++i) gradient[i] = 0x1p-7f * static_cast<float>(static_cast<int>((i * 131 + step * 37) % 511) - 255);
    all.resize(all.size() + size);
    rule.apply(rule.at(0.3, step), gradient, state, std::span(all).last(size));
  }
  return hash_of(std::as_bytes(std::span(all)));
}

/// The weights after eight steps of fixed terms.
template <class... Policies>
std::uint64_t applied(std::size_t threads, const Policies&... policies) {
  zolt::quantized_tensor<zolt::int4, zolt::per_group<32>> codes{{520, 512}};  // so large that threads share it
  for (float& scale : codes.scales()) scale = 0x1p-6f;
  for (std::size_t i = 0; i < codes.size(); ++i) codes.view().set_code(i, zolt::int4::code_of(static_cast<int>(i * 31 % 15) - 7));
  zolt::tensor<float> floats({30, 131});
  for (std::size_t i = 0; i < floats.size(); ++i) floats.flat()[i] = 0x1p-9f * static_cast<float>(1 + i * 17 % 300);
  zolt::optimizer opt{zolt::parameters(zolt::parameter("codes", codes),
                                       zolt::parameter("floats", floats, {.unit = 0.01, .relative = true, .lowest = 0, .highest = 1})),
                      policies..., zolt::options{.run = 7, .threads = threads}};
  for (std::uint32_t step = 0; step < 8; ++step) {
    std::vector<zolt::logged_term> terms;
    for (std::uint32_t q = 0; q < 6; ++q) terms.push_back({9 * q, 0x1p-5f * static_cast<float>(static_cast<int>((step + 5 * q) % 13) - 6)});
    opt.apply({step, 0x10000000, 0.7f, 6}, terms);
  }
  const std::uint64_t both[] = {hash_of(codes.view().bytes()), hash_of(std::as_bytes(floats.flat()))};
  return hash_of(std::as_bytes(std::span(both)));
}

/// 16-bit words and floats after eight steps of fixed terms, curvatures among them where the direction absorbs some.
template <class Direction, class... Policies>
std::uint64_t learned(std::size_t threads, const Direction& direction, const Policies&... policies) {
  zolt::tensor<float> floats({300, 131});
  std::vector<std::uint16_t> words(floats.size());
  for (std::size_t i = 0; i < floats.size(); ++i) {
    floats.flat()[i] = 0x1p-9f * static_cast<float>(1 + i * 17 % 300);
    words[i] = static_cast<std::uint16_t>(0x3c00 + i * 29 % 512);
  }
  zolt::optimizer opt{
      zolt::parameters(
          zolt::parameter("words", zolt::bfloat16_view(zolt::tensor_view<std::uint16_t>(words.data(), floats.shape())), {.unit = 0.01}),
          zolt::parameter("floats", floats, {.unit = 0.01})),
      direction, policies..., zolt::options{.run = 7, .threads = threads}};
  for (std::uint32_t step = 0; step < 8; ++step) {
    std::vector<zolt::logged_term> terms{{0, 0x1p-5f * static_cast<float>(static_cast<int>(step * 5 % 13) - 6)}};
    if constexpr (zolt::absorbing_curvatures<Direction>)
      terms.push_back({zolt::logged_term::curvature_mark, 0x1p-3f * static_cast<float>(step + 1)});
    opt.apply({step, 0, 0.7f, static_cast<std::uint32_t>(terms.size())}, terms);
  }
  const std::uint64_t both[] = {hash_of(std::as_bytes(std::span(words))), hash_of(std::as_bytes(floats.flat()))};
  return hash_of(std::as_bytes(std::span(both)));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return std::fprintf(stderr, "usage: laws_golden DATA THREADS\n"), 1;
  const std::size_t threads = std::strtoul(argv[2], nullptr, 10);
  using zolt::roundings;
  const zolt::two_point estimator{.queries = 50};
  const zolt::per_example<zolt::sparse_rademacher> per_example{{.ratio = 0, .min_density = 0.1}};
  const std::uint64_t hashes[] = {
      drawn(zolt::low_rank<1>{}),
      drawn(zolt::low_rank<5>{.refresh = 40}),
      drawn(zolt::pooled{}),
      drawn(zolt::uniform_codes<1>{}),
      drawn(zolt::uniform_codes<3>{}),
      drawn(zolt::rounded{}),
      drawn(zolt::rounded{.step = 20, .times = roundings::one_corrected}),
      drawn(zolt::masked<zolt::rademacher, zolt::magnitude_mask>{}),
      drawn(per_example),
      applied(threads, per_example, estimator, zolt::residual<4>{}),
      applied(threads, zolt::rounded{.step = 4}, estimator, zolt::replayed_residual{.window = 3}),
      updated(zolt::amsgrad{}),
      updated(zolt::vote{}),
      drawn(zolt::temporal_low_rank<5>{}),
      drawn(zolt::orthogonal_low_rank<3>{.refresh = 40}),
      drawn(zolt::spherical{}),
      learned(threads, zolt::cone{}, zolt::two_point{}),
      learned(threads, zolt::curvature_scaled{.smoothing = 0.1}, zolt::three_point{}),
      learned(threads, zolt::rademacher{}, zolt::byte_moments<zolt::adam>{}),
      learned(threads, zolt::rademacher{}, zolt::replayed<zolt::adam>{.window = 3}),
  };
  for (const std::uint64_t h : hashes) std::fprintf(stderr, "%016llx\n", static_cast<unsigned long long>(h));
  std::printf("%016llx\n", static_cast<unsigned long long>(hash_of(std::as_bytes(std::span(hashes)))));
} catch (const zolt::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 3;
}
