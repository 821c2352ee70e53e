#include "zolt/method/conmezo.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "method/one_run.hpp"
#include "method/quadratic.hpp"
#include "support/messages.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/method/mezo.hpp"

namespace zolt::test {
namespace {

TEST(conmezo, probes_lean_on_the_mean_of_its_own_estimates) {
  constexpr std::size_t dimension = 48;
  const quadratic loss(dimension);
  for (const std::uint32_t queries : {1u, 2u}) {
    std::vector<float> w = normal_weights(dimension, 4);
    const method::conmezo m{.rate = 0.005, .radius = 0.25, .cosine = 0.6, .decay = 0.9, .queries = queries};
    optimizer opt{parameters(parameter("w", w)), m, options{.run = 3}};
    std::vector<double> mean(dimension);
    for (std::uint32_t step = 0; step < 40; ++step) {
      const std::vector<float> before = w;
      std::vector<double> losses, estimate(dimension);
      std::vector<std::vector<float>> probes;
      opt.step([&] { return probes.push_back(w), losses.emplace_back(loss(w)); });
      double length = 0;
      for (const double each : mean) length += each * each;
      length = std::sqrt(length);
      std::vector<double> size(dimension);
      for (std::uint32_t q = 0; q < queries; ++q) {
        std::vector<std::int16_t> g(dimension);
        gaussian{}.law_of(0).fill({3, step, q}, {hash_of("w", 1), {1, dimension}}, 0, g);
        const double slope = (losses[2 * q] - losses[2 * q + 1]) / 0.5 / queries;
        for (std::size_t j = 0; j < dimension; ++j) {
          const double u = g[j] / std::sqrt(846.0);
          const double z = length == 0 ? u : 0.6 * std::sqrt(double{dimension}) * mean[j] / length + 0.8 * u;
          EXPECT_NEAR(probes[2 * q][j], before[j] + 0.25 * z, 0.25 * (std::fabs(z) * 0x1p-11 + 0.02)) << step;
          EXPECT_NEAR(probes[2 * q + 1][j], before[j] - 0.25 * z, 0.25 * (std::fabs(z) * 0x1p-11 + 0.02)) << step;
          estimate[j] += slope * z, size[j] += std::fabs(slope) * (std::fabs(z) * 0x1p-11 + 0.02);
        }
      }
      for (std::size_t j = 0; j < dimension; ++j) {
        EXPECT_NEAR(double{w[j]} - before[j], -0.005 * estimate[j], 0.005 * size[j] + 1e-6) << step;
        mean[j] = 0.9 * mean[j] + 0.1 * estimate[j];
      }
    }
    EXPECT_EQ(static_cast<double>(opt.state_bytes()), method::conmezo::state_bytes_per_weight * dimension);
  }
}

TEST(conmezo, begins_as_mezo_bit_for_bit_and_stays_it_with_a_cosine_of_zero) {
  const quadratic loss(300);
  std::vector<float> w = normal_weights(300, 1), v = w;
  optimizer leaning{parameters(parameter("w", w)), method::conmezo{.rate = 0.01, .cosine = 0.5}};
  optimizer plain{parameters(parameter("w", v)), method::mezo{.rate = 0.01}};
  for (int step = 0; step < 2; ++step) {
    EXPECT_EQ(w, v);
    leaning.step([&] { return loss(w); });
    plain.step([&] { return loss(v); });
  }
  EXPECT_NE(w, v);

  std::vector<float> x = normal_weights(300, 1);
  optimizer upright{parameters(parameter("w", x)), method::conmezo{.rate = 0.01, .cosine = 0}};
  for (int step = 0; step < 2; ++step) upright.step([&] { return loss(x); });
  EXPECT_EQ(x, v);
}

// Curvatures from 1 to 1/100: what is left to descend has one direction for long.
TEST(conmezo, descends_faster_than_mezo_where_gradients_last) {
  constexpr std::size_t dimension = 48;
  const auto loss = [](std::span<const float> w) {
    double sum = 0;
    for (std::size_t j = 0; j < w.size(); ++j) sum += 0.5 * std::pow(0.01, static_cast<double>(j) / dimension) * w[j] * w[j];
    return sum;
  };
  const auto loss_after = [&](const auto& method, std::uint64_t run) {
    std::vector<float> w = normal_weights(dimension, 4);
    optimizer opt{parameters(parameter("w", w)), method, options{.run = run}};
    for (int step = 0; step < 200; ++step) opt.step([&] { return loss(w); });
    return loss(w);
  };
  for (const std::uint64_t run : {1u, 2u, 3u}) {
    const double plain = loss_after(method::mezo{.rate = 0.005}, run);
    EXPECT_LT(plain, 0.7 * loss(normal_weights(dimension, 4)));
    EXPECT_LT(loss_after(method::conmezo{.rate = 0.005, .decay = 0.95}, run), 0.85 * plain) << run;
  }
}

TEST(conmezo, replays_and_goes_on_bit_for_bit) {
  const method::conmezo m{.rate = 1e-4, .radius = 0.1, .cosine = 0.4, .decay = 0.8, .queries = 2};
  const logged_run run = expect_one_run(m);
  pair_of_tensors other;
  optimizer differs{other.list(), method::conmezo{.decay = 0.7}};
  EXPECT_THROW(differs.replay(run.log), error);
}

TEST(conmezo, codes_are_refused) {
  quantized_tensor<int8, per_tensor> w(shape{4, 8});
  w.scales()[0] = 1;
  const auto said = message_of([&] { optimizer{parameters(parameter("w", w)), method::conmezo{.radius = 1}}; });
  EXPECT_TRUE(contains(said, "w: direction law = cone must move whole codes on coded storage")) << said;
}

}  // namespace
}  // namespace zolt::test
