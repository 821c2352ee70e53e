// Floats to codes: a range per group and one rounding per weight, 4 bytes read and a code written.
#include <memory>

#include "limits.hpp"
#include "peers.hpp"
#include "rows.hpp"
#include "weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace ratio {
namespace {

/// Its input is the kernel's.
rival eigen_peer(const buffer<float>& w, bool stochastic) {
  struct memory {
    explicit memory(std::size_t n) : uniform(weights_of(n)), scales(n / peer::eigen_group), codes(n) {
      for (float& u : uniform.all()) u += 0.5f;
    }
    buffer<float> uniform, scales;
    buffer<std::int8_t> codes;
  };
  const auto m = std::make_shared<memory>(w.size());
  const auto n = static_cast<double>(w.size());
  if (!stochastic)
    return {"Eigen round", measure::elements, {5 * n, n, [&w, m] { peer::eigen_round(w.all(), m->codes.all(), m->scales.all()); }}};
  const auto rounded = [&w, m] { peer::eigen_round_stochastically(w.all(), m->uniform.all(), m->codes.all(), m->scales.all()); };
  return {"Eigen floor(w + stored u)", measure::elements, {9 * n, n, rounded}};
}

template <class Format, std::size_t Group, class Rounding>
void rows_of(suite& s, const std::string& kernel, bool with_peers = false) {
  using quantizer = zolt::quantizer<Format, zolt::per_group<Group>, zolt::absmax, Rounding>;
  if (!s.wants(kernel)) return;
  constexpr double bytes_per_weight = sizeof(float) + Format::bits / 8.0 + sizeof(float) / static_cast<double>(Group);
  for (const working_set& set : s.sets()) {
    zolt::thread_team team(set.threads);
    const std::size_t part = static_cast<std::size_t>(static_cast<double>(set.bytes) / bytes_per_weight) / set.threads / columns * columns;
    const buffer<float> w = weights_of(part * set.threads);
    std::vector<typename quantizer::tensor_type> codes(set.threads);
    for (auto& c : codes) c = typename quantizer::tensor_type(shape_of(part));
    const auto n = static_cast<double>(w.size());
    const auto run = [&] {
      team.run([&](std::size_t lane) { quantize_into(quantizer{}, tensor_of(w.part(lane * part, part)), codes[lane]); });
    };
    const buffer<std::byte> copy(static_cast<std::size_t>(n * bytes_per_weight / 2));
    std::vector<rival> rivals{copied(team, std::as_bytes(std::span<const float>(w.all())), copy.all())};
    if (with_peers && set.threads == 1) rivals.push_back(eigen_peer(w, Rounding::random));
    s.compare(kernel, set, {n * bytes_per_weight, n, run}, rivals);
  }
}

#if ZOLT_BENCHMARK_TORCH
void torch_rows(suite& s) {
  using quantizer = zolt::quantizer<zolt::int8, zolt::per_group<128>, zolt::absmax, zolt::few_bit_stochastic<8>>;
  if (!s.wants("quantize_int8_8_bits")) return;
  const working_set set{"25M", 100'000'000, 1};
  const buffer<float> w = weights_of(set.bytes / sizeof(float) / columns * columns);
  quantizer::tensor_type codes(shape_of(w.size()));
  const auto n = static_cast<double>(w.size());
  peer::torch_threads(1);
  s.compare("quantize_int8_8_bits", set, {5 * n, n, [&] { quantize_into(quantizer{}, tensor_of(w.all()), codes); }},
            {{"torch floor(w + rand)", measure::elements, {5 * n, n, peer::torch_round_stochastically(w.size())}},
             {"torch the same, kept", measure::elements, {5 * n, n, peer::torch_round_stochastically_kept(w.size())}}});
}
#endif

}  // namespace

void quantize_rows(suite& s) {
  rows_of<zolt::int8, 128, zolt::nearest_even>(s, "quantize_int8_nearest", true);
  rows_of<zolt::int8, 128, zolt::few_bit_stochastic<8>>(s, "quantize_int8_8_bits", true);
  rows_of<zolt::int8, 128, zolt::few_bit_stochastic<16>>(s, "quantize_int8_16_bits");
  rows_of<zolt::int4, 32, zolt::few_bit_stochastic<8>>(s, "quantize_int4_8_bits");
  rows_of<zolt::e4m3fn, 128, zolt::few_bit_stochastic<16>>(s, "quantize_e4m3fn_16_bits");
#if ZOLT_BENCHMARK_TORCH
  torch_rows(s);
#endif
}

}  // namespace ratio
