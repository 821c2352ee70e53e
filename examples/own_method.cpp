// A method of one's own in one file: a composition of the library's policies and one that is new, trained on four-bit codes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "zolt/zolt.hpp"

#include <fmt/format.h>

/// Directions compete: each weighs by the rank of its derivative's magnitude, so that an outlier counts as the first of Q and no more.
///
///   c_q ← sign(c_q) · rank_q / Σ rank
struct by_rank {
  static constexpr std::string_view name = "by_rank";
  static constexpr zolt::coefficient_phase phase = zolt::coefficient_phase::normalise;

  std::uint32_t apply(std::span<zolt::term> terms, zolt::coefficient_statistics&) const {
    std::vector<std::size_t> order(terms.size());
    for (std::size_t q = 0; q < order.size(); ++q) order[q] = q;
    std::stable_sort(order.begin(), order.end(),
                     [terms](std::size_t a, std::size_t b) { return std::fabs(terms[a].coefficient) < std::fabs(terms[b].coefficient); });
    const double sum = 0.5 * static_cast<double>(terms.size() * (terms.size() + 1));
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      double& c = terms[order[rank]].coefficient;
      c = c == 0 ? 0 : std::copysign(static_cast<double>(rank + 1) / sum, c);
    }
    return 0;
  }
};

/// The method: several directions per step, their ranks instead of their derivatives, and code updates that are never lost to rounding.
struct ranked_descent {
  double rate = 0.2;
  std::uint32_t queries = 4;

  auto policies() const {
    return zolt::policies(zolt::two_point{.queries = queries}, by_rank{}, zolt::no_clip{}, zolt::sgd{.rate = rate}, zolt::residual<4>{});
  }
};

int main() {
  constexpr std::size_t examples = 64, inputs = 32, hidden = 24, outputs = 4;
  zolt::tensor<float> x({examples, inputs}), wanted({examples, outputs});
  zolt::tensor<float> start_first({hidden, inputs}), start_second({outputs, hidden});
  const auto noise = [](std::size_t i, std::size_t period) { return std::sin(static_cast<float>(i * i % period)); };
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = noise(i, 977);
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted.data()[i] = noise(i, 7) * x.data()[i / outputs * inputs + i % outputs];
  for (std::size_t i = 0; i < start_first.size(); ++i) start_first.data()[i] = 0.3F * noise(i, 613);
  for (std::size_t i = 0; i < start_second.size(); ++i) start_second.data()[i] = 0.3F * noise(i, 409);

  auto first = zolt::quantize<zolt::int4, zolt::per_group<32>>("first", start_first);
  auto second = zolt::quantize<zolt::int4, zolt::per_channel>("second", start_second);
  std::vector<float> h, y;
  const auto losses = [&](const zolt::probe_view& probes) {
    const std::size_t rows = examples * probes.count();
    h.resize(rows * hidden), y.resize(rows * outputs);
    zolt::linear(probes, first, x, zolt::tensor_view<float>(h.data(), {rows, hidden}));
    for (float& value : h) value = std::max(value, 0.0F);
    zolt::linear(probes, second, zolt::tensor_view<const float>(h.data(), {rows, hidden}),
                 zolt::tensor_view<float>(y.data(), {rows, outputs}));
    std::vector<double> errors(probes.count());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double e = y[i] - wanted.data()[i % wanted.size()];
      errors[i / wanted.size()] += e * e / examples;
    }
    return errors;
  };

  zolt::optimizer opt{zolt::parameters(zolt::parameter{"first", first}, zolt::parameter{"second", second}), ranked_descent{},
                      zolt::linear_decay{.steps = 1500}};
  const double before = losses({})[0];
  for (int step = 0; step < 1500; ++step) opt.step(losses);
  const double after = losses({})[0];
  fmt::print("ranked descent on {} codes: squared error {:.3f} -> {:.3f}\n", zolt::int4::name, before, after);
  return after < 0.5 * before ? 0 : 1;
}
