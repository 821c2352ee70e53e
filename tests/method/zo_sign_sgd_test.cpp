#include "zolt/method/zo_sign_sgd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "method/quadratic.hpp"
#include "zolt/method/kerzoo.hpp"
#include "zolt/method/meazo.hpp"

// Methods on floats whose step is one scalar along the probed direction, or the sign of that.

namespace zolt::test {
namespace {

std::vector<double> along(const observed_step& s, double factor) {
  std::vector<double> move;
  for (const double z : s.z[0]) move.push_back(factor * z);
  return move;
}
double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

TEST(zo_sign_sgd, moves_every_weight_by_the_rate) {
  const observed_run run = observe_on_floats(method::zo_sign_sgd{.rate = 0.02}, 600);
  for (const observed_step& s : run.steps) {
    std::vector<double> expected;
    for (const double z : s.z[0]) expected.push_back(-0.02 * sign_of((s.losses[0] - s.losses[1]) * z));
    expect_move(s, expected);
  }
  EXPECT_LT(run.last_loss, 0.5 * run.first_loss);
}

TEST(zo_scalar_sign_sgd, keeps_the_direction) {
  const observed_run run = observe_on_floats(method::zo_scalar_sign_sgd{.rate = 0.02}, 600);
  for (const observed_step& s : run.steps) expect_move(s, along(s, -0.02 * sign_of(s.losses[0] - s.losses[1])));
  EXPECT_LT(run.last_loss, 0.5 * run.first_loss);
}

TEST(kerzoo, weighs_a_query_by_the_kernel_of_its_radius) {
  const observed_run run = observe_on_floats(method::kerzoo{.rate = 0.002, .radius = 0.5}, 1000);
  double least = 1, most = 0;
  for (const observed_step& s : run.steps) {
    const double r = s.plan[0].offset;
    least = std::min(least, r), most = std::max(most, r);
    const double kernel = 15.0 / 4 * r * (5 - 7 * r * r);  // 1024 levels are within 1 % of a uniform radius
    const double factor = -0.002 * (s.losses[0] - s.losses[1]) / (2 * 0.5);
    for (std::size_t j = 0; j < s.move.size(); ++j)
      EXPECT_NEAR(s.move[j], factor * kernel * s.z[0][j], std::fabs(factor * s.z[0][j]) * 0.06 + 1e-6) << r;
  }
  EXPECT_LT(least, 0.01);
  EXPECT_GT(most, 0.99);
  EXPECT_LT(run.last_loss, 0.2 * run.first_loss);
}

TEST(meazo, divides_by_one_running_mean_square) {
  const observed_run run = observe_on_floats(method::meazo{.rate = 0.02, .decay = 0.9}, 600);
  double square = 0, weight = 0;
  for (const observed_step& s : run.steps) {
    const double g = (s.losses[0] - s.losses[1]) / 2e-3;
    const double seen = weight > 0 ? std::min(g * g, 100 * square / weight) : g * g;
    square = 0.9 * square + 0.1 * seen;
    weight = 0.9 * weight + 0.1;
    expect_move(s, along(s, -0.02 * g / std::sqrt(square / weight)));
  }
  EXPECT_LT(run.last_loss, 0.5 * run.first_loss);
}

}  // namespace
}  // namespace zolt::test
