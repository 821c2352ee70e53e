// A number format of one's own, trained without touching the library: signed powers of two, which a chip multiplies by shifting.
#include <cmath>
#include <vector>

#include "zolt/zolt.hpp"

#include <fmt/format.h>

/// Four bits: ordinal o is sign(o)·2^(|o| − 7), and 0 is zero.
struct logarithmic4 {
  static constexpr std::string_view name = "logarithmic4";
  static constexpr int bits = 4, lowest = -7, highest = 7;

  static constexpr bool has_ordinal(zolt::code c) { return c != 8; }
  static constexpr int ordinal_of(zolt::code c) { return c < 8 ? c : 8 - c; }
  static constexpr zolt::code code_of(int ordinal) { return static_cast<zolt::code>(ordinal < 0 ? 8 - ordinal : ordinal); }
  static constexpr float value_of(int ordinal) {
    const int magnitude = ordinal < 0 ? -ordinal : ordinal;
    const float value = magnitude == 0 ? 0.0F : static_cast<float>(1 << magnitude) / 128.0F;
    return ordinal < 0 ? -value : value;
  }
};

int main() {
  constexpr std::size_t examples = 64, inputs = 32, outputs = 16;
  zolt::tensor<float> x({examples, inputs}), teacher({outputs, inputs}), start({outputs, inputs}), wanted({examples, outputs});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = std::sin(static_cast<float>(i * i % 977));
  for (std::size_t i = 0; i < teacher.size(); ++i) {
    teacher.data()[i] = 0.3F * std::sin(static_cast<float>(i * i % 613));
    start.data()[i] = 0.3F * std::cos(static_cast<float>(i * i % 409));
  }
  zolt::linear(teacher, x, wanted);

  auto weights = zolt::quantize<logarithmic4, zolt::per_channel>("weights", start);
  std::vector<float> y;
  const auto losses = [&](const zolt::probe_view& probes) {
    y.resize(examples * probes.count() * outputs);
    zolt::linear(probes, weights, x, zolt::tensor_view<float>(y.data(), {examples * probes.count(), outputs}));
    std::vector<double> errors(probes.count());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double e = y[i] - wanted.data()[i % wanted.size()];
      errors[i / wanted.size()] += e * e / examples;
    }
    return errors;
  };

  zolt::optimizer opt{zolt::parameters(zolt::parameter{"weights", weights}), zolt::sgd{.rate = 0.2}, zolt::linear_decay{.steps = 5000}};
  const double before = losses({})[0];
  for (int step = 0; step < 5000; ++step) opt.step(losses);
  const double after = losses({})[0];
  fmt::print("{}: squared error {:.3f} -> {:.3f}\n", logarithmic4::name, before, after);
  return after < 0.2 * before ? 0 : 1;
}
