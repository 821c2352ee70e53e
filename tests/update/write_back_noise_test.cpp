#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "zolt/optimizer/application.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::test {
namespace {

/// A gradient that knows something: a = rate·(mean + noise), mean ±signal and the same in every step, noise of variance 1.
struct noisy_gradient {
  double rate = 0.02;
  double signal = 0.1;
  int batches = 1;   ///< averaged before they are written; fewer writes, each as much longer
  double power = 1;  ///< sign(a)|a|^power, scaled to the same drift
};

/// What write-back alone adds over many steps: its variance per weight over the drift of the weight, both in codes.
struct measured_noise {
  double variance_per_drift;
  double mean_step_per_drift;  ///< E|a| / |E a|, which the law says it is
};

template <write_back WriteBack>
measured_noise noise_of(const noisy_gradient& g) {
  constexpr std::size_t weights = 16384;
  constexpr int batches = 480;
  tensor<float> zeros({1, weights});
  zeros(0, 0) = 127;  // a scale of 1
  auto w = quantize<int8>("w", zeros.view());
  w.view().set_code(0, int8::code_of(0));
  const parameter p{"w", w};
  detail::parameter_state state;
  state.residuals.assign(residual_field<std::max(1, WriteBack::residual_bits)>::bytes_for(weights), 0);

  std::vector<std::int16_t> z(weights), signs(weights);
  std::vector<float> step(weights), wanted(weights, 0.0f);
  distribution::fill<distribution::rademacher>(random_stream({7, 0, 0}, 1, stream::pool), 0, signs);
  const double deviation = std::sqrt(distribution::gaussian::second_moment);
  write_events events;
  double steps = 0, drift = 0;
  const auto shaped = [&](double a) { return std::copysign(std::pow(std::fabs(a), g.power), a); };
  double along = 0, plain = 0;  // E a·sign with and without the shape: what a shaped step is scaled by
  for (const bool measures : {true, false}) {
    for (int first = 0; first < batches; first += g.batches) {
      std::fill(step.begin(), step.end(), 0.0f);
      for (int u = 0; u < g.batches; ++u) {
        distribution::fill<distribution::gaussian>(random_stream({7, static_cast<std::uint32_t>(first + u), 1}, 1, stream::pool), 0, z);
        for (std::size_t j = 0; j < weights; ++j) step[j] += static_cast<float>(g.signal * signs[j] + z[j] / deviation);
      }
      for (std::size_t j = 0; j < weights; ++j) {
        const double a = shaped(double{step[j]} / g.batches);
        if (measures) along += a * signs[j], plain += double{step[j]} / g.batches * signs[j];
        step[j] = static_cast<float>(measures ? 0 : g.rate * g.batches * a * (plain / along));
        if (measures) continue;
        wanted[j] += step[j];
        steps += std::fabs(double{step[j]});
        drift += double{step[j]} * signs[j];
      }
      if (!measures)
        detail::write_tile<WriteBack>(p, {7, static_cast<std::uint32_t>(first), 0}, state, 0, std::span<const float>(step), 1.0f, events);
    }
  }
  EXPECT_EQ(events.clamped, 0u);
  double squares = 0;
  for (std::size_t j = 0; j < weights; ++j) {
    double landed = int8::ordinal_of(w.view().code(j));
    if constexpr (WriteBack::residual_bits > 0)
      landed += residual_field<WriteBack::residual_bits>::load(state.residuals.data(), j) / double(1 << WriteBack::residual_bits);
    squares += (landed - double{wanted[j]}) * (landed - double{wanted[j]});
  }
  return {squares / drift, steps / drift};
}

/// One line of the table that the documentation quotes.
template <write_back WriteBack>
measured_noise tabulated(const char* what, const noisy_gradient& g) {
  const measured_noise m = noise_of<WriteBack>(g);
  std::printf("%-34s %6.3f\n", what, m.variance_per_drift);
  return m;
}

TEST(write_back_noise, is_the_mean_step_per_drift_whatever_the_rate_is) {
  for (const double rate : {0.005, 0.02}) {
    const measured_noise m = tabulated<stochastic>(rate == 0.02 ? "stochastic" : "stochastic, a quarter of the rate", {.rate = rate});
    EXPECT_NEAR(m.variance_per_drift / m.mean_step_per_drift, 1, 0.05) << "less E a², which is small";
  }
}

TEST(write_back_noise, falls_by_half_with_every_bit_of_a_residual) {
  const double plain = noise_of<stochastic>({.rate = 0.002}).variance_per_drift;
  EXPECT_NEAR(tabulated<residual<2>>("2-bit residual", {.rate = 0.002}).variance_per_drift, plain / 4, plain / 40);
  EXPECT_NEAR(tabulated<residual<4>>("4-bit residual", {.rate = 0.002}).variance_per_drift, plain / 16, plain / 160);
}

TEST(write_back_noise, falls_as_one_over_the_root_of_batches_per_write) {
  const double plain = noise_of<stochastic>({.rate = 0.002}).variance_per_drift;
  for (const int batches : {4, 16}) {
    const measured_noise m =
        tabulated<stochastic>(batches == 4 ? "4 batches per write" : "16 batches per write", {.rate = 0.002, .batches = batches});
    EXPECT_NEAR(m.variance_per_drift / m.mean_step_per_drift, 1, 0.06);
    EXPECT_NEAR(m.variance_per_drift, plain / std::sqrt(batches), 0.12 * plain / std::sqrt(batches)) << "a signal far below its noise";
  }
}

TEST(write_back_noise, falls_when_clear_components_get_more_of_the_step) {
  const double plain = noise_of<stochastic>({.rate = 0.002}).variance_per_drift;
  const double squared = tabulated<stochastic>("power 2", {.rate = 0.002, .power = 2}).variance_per_drift,
               cubed = tabulated<stochastic>("power 3", {.rate = 0.002, .power = 3}).variance_per_drift;
  // A small mean μ under Gaussian noise n: drift μ·q·E|n|^(q−1) for a mean step E|n|^q; their quotient over μ is 1.253, 1.596, 1.880.
  EXPECT_NEAR(plain / squared, 1.596 / 1.253, 0.1);
  EXPECT_NEAR(plain / cubed, 1.880 / 1.253, 0.15);
}

}  // namespace
}  // namespace zolt::test
