#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/weights.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/probe_view.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/quantize/quantizer.hpp"

/// A model with a tensor of every kind of storage, and losses on it, for tests of the optimizer as a whole.
namespace zolt::test {

using int4_weights = quantized_tensor<int4, per_group<32>>;
using int8_weights = quantized_tensor<int8>;
using e4m3_weights = quantized_tensor<e4m3fn, per_group<16, last_group::shorter>>;
using e5m2_weights = quantized_tensor<e5m2, per_tensor>;

using any_parameters =
    parameter_list<storage_t<int4_weights>, storage_t<int8_weights>, storage_t<e4m3_weights>, storage_t<e5m2_weights>, dense_view>;
/// Packed codes, codes with two zeros, and floats: as few kinds as a mixed model can have, because an optimizer is compiled once per kind.
using mixed_parameters = parameter_list<storage_t<int4_weights>, storage_t<e4m3_weights>, dense_view>;

/// Which tensors of a model are parameters; the others are frozen.
enum kinds : unsigned { int4_only = 1, int8_only = 2, e4m3_only = 4, e5m2_only = 8, dense_only = 16, coded_kinds = 15, every_kind = 31 };

/// Random codes over all that a format has, with its ends, its smallest numbers and every code of zero among the first.
template <class Weights>
void fill_with_every_code(Weights& w, draws& d) {
  using format = typename Weights::format;
  const auto view = w.view();
  for (float& scale : w.scales()) scale = d.real(0.005, 0.02);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const auto any = static_cast<code>(d.word() & ((1u << format::bits) - 1));
    view.set_code(i, format::has_ordinal(any) ? any : format::code_of(format::highest));
  }
  std::size_t at = 0;
  for (const int ordinal : {format::highest, format::lowest, 0, 1, -1, format::highest - 1, format::lowest + 1})
    view.set_code(at++, format::code_of(ordinal));
  for (unsigned c = 0; c < 1u << format::bits; ++c)
    if (const auto zero = static_cast<code>(c); format::has_ordinal(zero) && format::ordinal_of(zero) == 0)
      for (int copies = 0; copies < 3; ++copies) view.set_code(at++, zero);
}

/// Tensors for several lanes, and sizes that nothing divides.
struct model {
  int4_weights in_int4{{150, 256}};
  int8_weights in_int8{{70, 301}};
  e4m3_weights in_e4m3{{41, 100}};
  e5m2_weights in_e5m2{{33, 33}};
  tensor<float> in_float{{140, 131}};

  /// Weights as a network has them: small numbers, quantized.
  static model quantized(std::uint64_t run = 1) {
    model m;
    draws d(run);
    const auto floats = [&d](shape s) {
      tensor<float> t(s);
      for (float& w : t.flat()) w = 0.03f * d.normal();
      return t;
    };
    m.in_int4 = quantize<int4, per_group<32>>("int4", floats(m.in_int4.shape()).view());
    m.in_int8 = quantize<int8>("int8", floats(m.in_int8.shape()).view());
    m.in_e4m3 = quantize<e4m3fn, per_group<16, last_group::shorter>>("e4m3fn", floats(m.in_e4m3.shape()).view());
    m.in_e5m2 = quantize<e5m2, per_tensor>("e5m2", floats(m.in_e5m2.shape()).view());
    m.in_float = floats(m.in_float.shape());
    return m;
  }

  /// Weights that an undo could get wrong: both ends of every range, both zeros, floats of all magnitudes.
  static model extreme(std::uint64_t run = 1) {
    model m;
    draws d(run);
    fill_with_every_code(m.in_int4, d);
    fill_with_every_code(m.in_int8, d);
    fill_with_every_code(m.in_e4m3, d);
    fill_with_every_code(m.in_e5m2, d);
    constexpr std::array<float, 8> planted = {0.0f, -0.0f, 0x1p-149f, -0x1p-149f, 0x1p-126f, 3e38f, -3e38f, 1.0f};
    for (std::size_t i = 0; i < m.in_float.size(); ++i)
      m.in_float.data()[i] = i % 5 == 0 ? planted[d.below(planted.size())] : std::ldexp(d.normal(), static_cast<int>(d.below(40)) - 30);
    return m;
  }

  static constexpr double dense_unit = 0.01;

  any_parameters list(unsigned which = every_kind) {
    any_parameters p;
    if (which & int4_only) p.add("int4", in_int4);
    if (which & int8_only) p.add("int8", in_int8);
    if (which & e4m3_only) p.add("e4m3fn", in_e4m3);
    if (which & e5m2_only) p.add("e5m2", in_e5m2);
    if (which & dense_only) p.add("dense", in_float, {.unit = dense_unit});
    return p;
  }

  mixed_parameters mixed() {
    mixed_parameters p;
    p.add("int4", in_int4);
    p.add("e4m3fn", in_e4m3);
    p.add("dense", in_float, {.unit = dense_unit});
    return p;
  }

  static_parameters<dense_view> floats() { return parameters(parameter("dense", in_float, {.unit = dense_unit})); }

  /// f(tensor) for each.
  template <class Function>
  void for_each(Function&& f) const {
    f(in_int4), f(in_int8), f(in_e4m3), f(in_e5m2), f(in_float);
  }

  /// All memory of the model: codes, scales and floats, frozen or not.
  std::vector<std::byte> bytes() const {
    std::vector<std::byte> all;
    for_each([&all]<class W>(const W& w) {
      const auto add = [&all](std::span<const std::byte> part) { all.insert(all.end(), part.begin(), part.end()); };
      if constexpr (requires { w.scales(); }) {
        add(w.view().bytes());
        add(std::as_bytes(w.scales()));
      } else {
        add(std::as_bytes(w.flat()));
      }
    });
    return all;
  }
};

/// Σ (w − 0.05)² of all tensors under each probe of a view, in double and in order: the same bits however the weights are seen.
/// It allocates nothing.
class squared_distance {
 public:
  explicit squared_distance(const model& m) : model_(&m) {}

  std::span<const double> operator()(const probe_view& probes) {
    std::fill_n(sums_.begin(), probes.count(), 0.0);
    model_->for_each([&](const auto& w) {
      constexpr std::size_t most = 512;
      for (std::size_t first = 0; first < w.size(); first += most) {
        const std::size_t n = std::min(most, w.size() - first);
        const auto tile = std::span(tile_).first(n * probes.count());
        probes.read(w, first, tile);
        for (std::size_t k = 0; k < probes.count(); ++k)
          for (const float value : tile.subspan(k * n, n)) sums_[k] += (value - 0.05) * (value - 0.05);
      }
    });
    return std::span<const double>(sums_).first(probes.count());
  }
  double of_weights() { return (*this)(probe_view{})[0]; }

 private:
  const model* model_;
  std::array<double, 16> sums_{};
  std::array<float, 16 * 512> tile_{};
};

/// Sizes of thread teams: alone, one lane per core of a small machine, more lanes than blocks divide into.
inline constexpr std::array<std::size_t, 3> teams = {1, 2, 7};

/// How a loss may see a probe.
enum class seeing { in_place, one_probe, whole_plan };

inline constexpr std::array<seeing, 3> ways_of_seeing = {seeing::in_place, seeing::one_probe, seeing::whole_plan};

/// One step on the squared distance, seen in one of the three ways. Every way is compiled: a test that needs one calls step itself.
template <class Optimizer>
auto step_seen(Optimizer& opt, squared_distance& loss, seeing how) {
  switch (how) {
    case seeing::in_place: return opt.step([&] { return loss.of_weights(); });
    case seeing::one_probe: return opt.step([&](const probe_view& p) { return loss(p)[0]; });
    default: return opt.step([&](const probe_view& p) { return loss(p); });
  }
}

}  // namespace zolt::test
