#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/sgd.hpp"

namespace zolt::test {
namespace {

TEST(sgd, goes_against_the_gradient) {
  EXPECT_EQ(sgd{}.step_for(0.5, 3), -1.5);
  EXPECT_EQ(sgd{}.step_for(0.5, -3), 1.5);
}

TEST(sign_of_gradient, moves_what_the_estimate_touches) {
  const std::array<float, 4> gradient = {2, -0.001f, 0, -0.0f};
  std::array<float, 4> delta;
  const sign_of_gradient rule{};
  rule.apply(rule.at(0.5, 0), gradient, {}, delta);
  EXPECT_EQ(delta, (std::array<float, 4>{-0.5f, 0.5f, 0, 0}));
}

TEST(momentum, follows_its_equation) {
  const momentum rule{.decay = 0.9};
  draws d(1);
  std::vector<float> m(50), gradient(50), delta(50);
  std::vector<double> reference(50);
  for (std::uint64_t step = 0; step < 40; ++step) {
    for (float& g : gradient) g = d.normal();
    rule.apply(rule.at(0.125, step), gradient, {std::span(m)}, delta);
    for (std::size_t j = 0; j < m.size(); ++j) {
      reference[j] = 0.9 * reference[j] + double{gradient[j]};
      EXPECT_NEAR(delta[j], -0.125 * reference[j], 1e-5);
    }
  }
}

TEST(momentum, of_a_steady_gradient_goes_ten_times_as_far) {
  const momentum rule{.decay = 0.9};
  std::array<float, 1> m = {0}, delta;
  for (std::uint64_t step = 0; step < 300; ++step) rule.apply(rule.at(1, step), std::array{1.0f}, {std::span(m)}, delta);
  EXPECT_NEAR(delta[0], -10, 1e-4);
}

TEST(adam, follows_its_equation) {
  const adam rule{.epsilon = 0.1};
  draws d(2);
  constexpr std::size_t count = 50;
  std::vector<float> m(count), v(count), gradient(count), delta(count);
  std::vector<double> first(count), second(count);
  for (std::uint64_t step = 0; step < 40; ++step) {
    for (float& g : gradient) g = 3 * d.normal();
    rule.apply(rule.at(0.25, step), gradient, {std::span(m), std::span(v)}, delta);
    const auto t = static_cast<double>(step + 1);
    for (std::size_t j = 0; j < count; ++j) {
      const double g = gradient[j];
      first[j] = 0.9 * first[j] + 0.1 * g;
      second[j] = 0.999 * second[j] + 0.001 * g * g;
      const double expected = -0.25 * (first[j] / (1 - std::pow(0.9, t))) / (std::sqrt(second[j] / (1 - std::pow(0.999, t))) + 0.1);
      EXPECT_NEAR(delta[j], expected, 1e-5);
    }
  }
}

TEST(adam, moves_by_the_rate_at_first) {
  const adam rule{};
  std::vector<float> m(2), v(2), delta(2);
  rule.apply(rule.at(0.25, 0), std::array{1e-3f, -1e3f}, {std::span(m), std::span(v)}, delta);
  EXPECT_NEAR(delta[0], -0.25, 1e-4);
  EXPECT_NEAR(delta[1], 0.25, 1e-4);
}

TEST(rules, an_untouched_weight_stays) {
  // A weight whose gradient was always zero moves under no rule, and 0/0 has no place in Adam.
  std::vector<float> m(1), v(1), delta(1, 9.0f);
  adam{}.apply(adam{}.at(0.25, 5), std::array{0.0f}, {std::span(m), std::span(v)}, delta);
  EXPECT_EQ(delta[0], 0);
  momentum{}.apply(momentum{}.at(0.25, 5), std::array{0.0f}, {std::span(m)}, delta);
  EXPECT_EQ(delta[0], 0);
}

}  // namespace
}  // namespace zolt::test
