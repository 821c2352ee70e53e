#include "zolt/method/hizoo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "method/one_run.hpp"
#include "method/quadratic.hpp"
#include "support/messages.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/method/mezo.hpp"

namespace zolt::test {
namespace {

/// g/√846 of one query for a tensor called w.
std::vector<double> normal_direction(std::uint32_t step, std::uint32_t query, std::size_t dimension) {
  std::vector<std::int16_t> g(dimension);
  gaussian{}.law_of(0).fill({3, step, query}, {hash_of("w", 1), {1, dimension}}, 0, g);
  std::vector<double> u;
  for (const std::int16_t each : g) u.push_back(each / std::sqrt(846.0));
  return u;
}
double scale_of(double h) { return std::clamp(std::round(64 / std::sqrt(h)), 1.0, 256.0) / 64; }

// H again in double precision, from the losses that the steps saw.
TEST(hizoo, probes_along_what_it_knew_and_steps_along_what_it_learned) {
  constexpr std::size_t dimension = 48;
  const quadratic loss(dimension);
  for (const std::uint32_t queries : {1u, 2u}) {
    std::vector<float> w = normal_weights(dimension, 4);
    const method::hizoo m{.rate = 0.01, .radius = 0.25, .smoothing = 0.02, .queries = queries};
    optimizer opt{parameters(parameter("w", w)), m, options{.run = 3}};
    std::vector<double> h(dimension, 1.0);
    for (std::uint32_t step = 0; step < 40; ++step) {
      const std::vector<float> before = w;
      std::vector<double> losses;
      std::vector<std::vector<float>> probes;
      opt.step([&] { return probes.push_back(w), losses.emplace_back(loss(w)); });
      ASSERT_EQ(losses.size(), 1 + 2 * queries);
      EXPECT_EQ(probes[0], before);

      std::vector<std::vector<double>> u;
      std::vector<double> observed(dimension), scale;
      for (const double each : h) scale.push_back(scale_of(each));
      for (std::uint32_t q = 0; q < queries; ++q) {
        u.push_back(normal_direction(step, q, dimension));
        const double up = losses[1 + 2 * q], down = losses[2 + 2 * q];
        const double curvature = std::fabs(up + down - 2 * losses[0]) / (2 * 0.25 * 0.25) / queries;
        for (std::size_t j = 0; j < dimension; ++j) {
          observed[j] += curvature * u[q][j] * u[q][j] / (scale[j] * scale[j]);
          const double expected = 0.25 * scale[j] * u[q][j];
          EXPECT_NEAR(probes[1 + 2 * q][j], before[j] + expected, std::fabs(expected) * 0x1p-9 + 1e-6);
          EXPECT_NEAR(probes[2 + 2 * q][j], before[j] - expected, std::fabs(expected) * 0x1p-9 + 1e-6);
        }
      }
      for (std::size_t j = 0; j < dimension; ++j) {
        h[j] = 0.98 * h[j] + 0.02 * observed[j];
        double expected = 0, size = 0;
        for (std::uint32_t q = 0; q < queries; ++q) {
          const double part = -0.01 * (losses[1 + 2 * q] - losses[2 + 2 * q]) / 0.5 / queries * u[q][j] * scale_of(h[j]);
          expected += part, size += std::fabs(part);
        }
        EXPECT_NEAR(double{w[j]} - before[j], expected, size * 0x1p-9 + 1e-6) << step;
      }
    }
    EXPECT_GT(*std::max_element(h.begin(), h.end()), 3);
    EXPECT_EQ(static_cast<double>(opt.state_bytes()), method::hizoo::state_bytes_per_weight * dimension);
  }
}

/// Hardly a step until H is known.
struct after_learning {
  double factor(std::uint64_t step) const { return step < 1000 ? 1e-4 : 1; }
};

TEST(hizoo, descends_where_curvatures_differ_by_four_hundred) {
  constexpr std::size_t dimension = 32;
  const auto loss = [](std::span<const float> w) {
    double sum = 0;
    for (std::size_t j = 0; j < w.size(); ++j) sum += 0.5 * (j % 2 == 0 ? 0.05 : 20) * w[j] * w[j];
    return sum;
  };
  const auto flat_part = [](std::span<const float> w) {
    double sum = 0;
    for (std::size_t j = 0; j < w.size(); j += 2) sum += double{w[j]} * w[j];
    return sum;
  };
  const std::vector<float> base = normal_weights(dimension, 7);
  const auto trained = [&](const auto&... policies) {
    std::vector<float> w = base;
    optimizer opt{parameters(parameter("w", w)), policies..., options{.run = 1}};
    for (int step = 0; step < 2500; ++step) opt.step([&] { return loss(w); });
    return w;
  };
  const auto plain = trained(method::mezo{.rate = 0.002});
  const auto informed = trained(method::hizoo{.rate = 0.15, .smoothing = 0.02}, after_learning{});
  for (const auto& w : {plain, informed}) EXPECT_LT(loss(w), 0.02 * loss(base));
  EXPECT_GT(flat_part(plain), 0.5 * flat_part(base)) << "at the rate that steep weights bear";
  EXPECT_LT(flat_part(informed), 0.7 * flat_part(plain)) << "where those take shorter steps";
}

TEST(hizoo, replays_and_goes_on_bit_for_bit) {
  const method::hizoo m{.rate = 1e-4, .radius = 0.1, .smoothing = 0.01, .queries = 2};
  const logged_run run = expect_one_run(m);
  pair_of_tensors remote;
  optimizer rank{remote.list(), m};
  const trajectory& log = run.log;
  std::size_t at = 0;
  for (const logged_step& s : log.steps) {
    EXPECT_EQ(s.terms, 4u) << "two slopes and two curvatures";
    rank.apply(s, std::span(log.terms).subspan(at, s.terms));
    at += s.terms;
  }
  EXPECT_TRUE(remote == run.weights);

  pair_of_tensors other;
  optimizer differs{other.list(), method::hizoo{.smoothing = 0.02}};
  EXPECT_THROW(differs.replay(log), error);
}

TEST(hizoo, curvatures_are_logged_as_they_were_measured) {
  std::vector<float> w = normal_weights(20, 1);
  const quadratic loss(20);
  optimizer opt{parameters(parameter("w", w)),
                three_point{.radius = 0.5, .queries = 2},
                curvature_scaled{.smoothing = 0.1},
                running_rms{},
                clip{.limit = 0.1},
                sgd{.rate = 1e-3}};
  std::vector<double> losses;
  const report r = opt.step([&] { return losses.emplace_back(loss(w)); });
  EXPECT_EQ(r.clipped_coefficients, 2u);
  EXPECT_EQ(r.lost_queries, 0u);
  const trajectory log = opt.recorded();
  ASSERT_EQ(log.terms.size(), 4u);
  for (std::uint32_t q = 0; q < 2; ++q) {
    EXPECT_FALSE(log.terms[q].is_curvature());
    EXPECT_LE(std::fabs(log.terms[q].coefficient), 0.1f);
    EXPECT_EQ(log.terms[2 + q].query, q | logged_term::curvature_mark);
    const double expected = std::fabs(losses[1 + 2 * q] + losses[2 + 2 * q] - 2 * losses[0]) / (2 * 0.25) / 2;
    EXPECT_NEAR(log.terms[2 + q].coefficient, expected, 1e-6 * expected);
  }

  std::vector<float> v = normal_weights(20, 1);
  optimizer plain{parameters(parameter("w", v)), method::mezo{}};
  EXPECT_TRUE(contains(message_of([&] { plain.apply(log.steps[0], log.terms); }), "zolt: apply: query = 2147483648 must be below"));
  EXPECT_EQ(v, normal_weights(20, 1));
}

TEST(hizoo, a_lost_loss_teaches_nothing) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const auto terms_after = [&](std::vector<double> losses) {
    std::vector<float> w(10, 1.0f);
    optimizer opt{parameters(parameter("w", w)), method::hizoo{.rate = 0.1, .smoothing = 0.5}};
    opt.ask();
    opt.tell(losses);
    EXPECT_EQ(w != std::vector<float>(10, 1.0f), !opt.recorded().terms.empty());
    return opt.recorded().terms.size();
  };
  EXPECT_EQ(terms_after({1, 2, 1}), 2u);
  EXPECT_EQ(terms_after({none, 2, 1}), 1u) << "the step is made under the H of before";
  EXPECT_EQ(terms_after({1, none, 1}), 0u);
}

TEST(hizoo, codes_are_refused) {
  quantized_tensor<int8, per_tensor> w(shape{4, 8});
  w.scales()[0] = 1;
  const auto said = message_of([&] { optimizer{parameters(parameter("w", w)), method::hizoo{.radius = 1}}; });
  EXPECT_TRUE(contains(said, "w: direction law = curvature_scaled must move whole codes on coded storage")) << said;
}

}  // namespace
}  // namespace zolt::test
