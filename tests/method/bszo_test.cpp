#include "zolt/method/bszo.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "method/quadratic.hpp"

namespace zolt::test {
namespace {

TEST(bszo, steps_by_the_sum_of_posterior_means) {
  const method::bszo m{.rate = 0.004, .radius = 1e-3, .prior = 5, .noise = 2};
  const observed_run run = observe_on_floats(m, 400);
  double square = 2 * 2;  // the noise so far
  for (const observed_step& s : run.steps) {
    ASSERT_EQ(s.plan.size(), 3u);
    EXPECT_EQ(s.plan[0].offset, 0) << "one-sided";
    double mean[2] = {}, variance[2] = {25, 25};
    for (int sample = 0; sample < 3; ++sample) {
      const int axis = sample < 2 ? sample : variance[1] > variance[0] ? 1 : 0;
      const double rest = (s.losses[static_cast<std::size_t>(axis) + 1] - s.losses[0]) / 1e-3 - mean[axis];
      square = 0.9 * square + 0.1 * rest * rest;
      const double gain = variance[axis] / (variance[axis] + std::max(square, 0.04));
      mean[axis] += gain * rest, variance[axis] *= 1 - gain;
    }
    for (std::size_t j = 0; j < s.move.size(); ++j) {
      const double first = -0.004 * mean[0] * s.z[0][j], second = -0.004 * mean[1] * s.z[1][j];
      EXPECT_NEAR(s.move[j], first + second, (std::fabs(first) + std::fabs(second)) * 0x1p-12 + 1e-6);
    }
  }
  EXPECT_LT(run.last_loss, 0.1 * run.first_loss);
}

TEST(bszo, goes_on_after_a_replay_as_if_it_had_never_stopped) {
  const std::vector<float> base = normal_weights(300, 2);
  const quadratic loss(base.size());
  const method::bszo m{.rate = 0.002, .radius = 1e-2, .queries = 3, .samples = 5};
  std::vector<float> whole = base, stopped = base, resumed = base;
  const auto train = [&](auto& opt, std::vector<float>& w, int steps) {
    for (int step = 0; step < steps; ++step) opt.step([&] { return loss(w); });
  };
  optimizer uninterrupted{parameters(parameter("w", whole)), m};
  train(uninterrupted, whole, 20);
  optimizer first{parameters(parameter("w", stopped)), m};
  train(first, stopped, 10);
  optimizer second{parameters(parameter("w", resumed)), m};
  second.replay(trajectory_from(to_bytes(first.recorded())));
  EXPECT_EQ(resumed, stopped);
  train(second, resumed, 10);
  EXPECT_EQ(resumed, whole);
  EXPECT_EQ(second.recorded(), uninterrupted.recorded());
}

}  // namespace
}  // namespace zolt::test
