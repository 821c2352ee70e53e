#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/weights.hpp"
#include "zolt/update/adaptive.hpp"

namespace zolt::test {
namespace {

TEST(amsgrad, follows_its_equation) {
  const amsgrad rule{.first_decay = 0.8, .second_decay = 0.9};
  draws d(2);
  constexpr std::size_t count = 50;
  std::vector<float> m(count), v(count), most(count), gradient(count), delta(count);
  std::vector<double> first(count), second(count), largest(count);
  for (std::uint64_t step = 0; step < 40; ++step) {
    const float size = step == 10 ? 30.0f : 1.0f;  // a peak that v forgets and v̂ does not
    for (float& g : gradient) g = size * d.normal();
    rule.apply(rule.at(0.25, step), gradient, {std::span(m), std::span(v), std::span(most)}, delta);
    for (std::size_t j = 0; j < count; ++j) {
      const double g = gradient[j];
      first[j] = 0.8 * first[j] + 0.2 * g;
      second[j] = 0.9 * second[j] + 0.1 * g * g;
      largest[j] = std::max(largest[j], second[j]);
      EXPECT_NEAR(delta[j], -0.25 * first[j] / (std::sqrt(largest[j]) + 1e-8), 1e-5);
    }
  }
  std::size_t remembered = 0;
  for (std::size_t j = 0; j < count; ++j) remembered += largest[j] > 2 * second[j];
  EXPECT_GT(remembered, count / 2) << "a run that shows the difference";
}

TEST(refined_adam, follows_its_equation) {
  const refined_adam rule{.first_decay = 0.8, .second_decay = 0.9};
  draws d(2);
  constexpr std::size_t count = 50;
  std::vector<float> m(count), v(count), gradient(count), delta(count);
  std::vector<double> first(count), second(count);
  for (std::uint64_t step = 0; step < 40; ++step) {
    for (float& g : gradient) g = d.normal();
    rule.apply(rule.at(0.25, step), gradient, {std::span(m), std::span(v)}, delta);
    for (std::size_t j = 0; j < count; ++j) {
      first[j] = 0.8 * first[j] + 0.2 * gradient[j];
      second[j] = 0.9 * second[j] + 0.1 * first[j] * first[j];
      EXPECT_NEAR(delta[j], -0.25 * first[j] / std::sqrt(second[j] + 1e-8), 1e-5);
    }
  }
}

TEST(refined_adam, an_untouched_weight_stays) {
  std::vector<float> m(1), v(1), delta(1, 9.0f);
  refined_adam{}.apply(refined_adam{}.at(0.25, 5), std::vector<float>{0}, {std::span(m), std::span(v)}, delta);
  EXPECT_EQ(delta[0], 0);
}

TEST(amsgrad, an_untouched_weight_stays) {
  std::vector<float> m(1), v(1), most(1), delta(1, 9.0f);
  amsgrad{}.apply(amsgrad{}.at(0.25, 5), std::vector<float>{0}, {std::span(m), std::span(v), std::span(most)}, delta);
  EXPECT_EQ(delta[0], 0);
}

}  // namespace
}  // namespace zolt::test
