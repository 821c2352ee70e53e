#include "zolt/method/mezo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <vector>

#include "method/quadratic.hpp"
#include "zolt/method/adazeta.hpp"
#include "zolt/method/r_adazo.hpp"
#include "zolt/method/romberg_zoge.hpp"
#include "zolt/method/zo_adamm.hpp"

namespace zolt::test {
namespace {

/// (L⁺ − L⁻)/2ε, and the move −step·that·z.
double derivative(const observed_step& s, double radius) { return (s.losses[0] - s.losses[1]) / (2 * radius); }
std::vector<double> along(const observed_step& s, double factor) {
  std::vector<double> move;
  for (const double z : s.z[0]) move.push_back(factor * z);
  return move;
}
double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

TEST(mezo, is_a_step_along_the_direction_it_probed) {
  const observed_run run = observe_on_floats(method::mezo{.rate = 0.01}, 400);
  for (const observed_step& s : run.steps) expect_move(s, along(s, -0.01 * derivative(s, 1e-3)));
  EXPECT_LT(run.last_loss, 0.05 * run.first_loss);
}

TEST(mezo, averages_its_queries) {
  const observed_run run = observe_on_floats(method::mezo{.rate = 0.05, .queries = 3}, 3);
  for (const observed_step& s : run.steps) {
    std::vector<double> expected(s.move.size());
    for (std::size_t q = 0; q < 3; ++q)
      for (std::size_t j = 0; j < expected.size(); ++j)
        expected[j] -= 0.05 / 3 * (s.losses[2 * q] - s.losses[2 * q + 1]) / 2e-3 * s.z[q][j];
    for (std::size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(s.move[j], expected[j], 2e-3) << "three coefficients of 12 bits";
  }
}

TEST(mezo_momentum, adds_up_past_steps) {
  const observed_run run = observe_on_floats(method::mezo_momentum{.rate = 0.001, .decay = 0.8}, 400);
  std::vector<double> moment(run.steps[0].move.size());
  for (int i = 0; i < 10; ++i) {
    const observed_step& s = run.steps[static_cast<std::size_t>(i)];
    for (std::size_t j = 0; j < moment.size(); ++j) {
      moment[j] = 0.8 * moment[j] + derivative(s, 1e-3) * s.z[0][j];
      EXPECT_NEAR(s.move[j], -0.001 * moment[j], 5e-5);
    }
  }
  EXPECT_LT(run.last_loss, 0.5 * run.first_loss);
}

TEST(mezo_adam, moves_every_weight_by_the_rate_at_first) {
  const observed_run run = observe_on_floats(method::mezo_adam{.rate = 0.02}, 400);
  const observed_step& s = run.steps[0];
  std::vector<double> expected;
  for (const double z : s.z[0]) expected.push_back(-0.02 * sign_of(derivative(s, 1e-3) * z));
  for (std::size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(s.move[j], expected[j], 1e-5);
  EXPECT_LT(run.last_loss, 0.5 * run.first_loss);
}

static_assert(std::same_as<composition_of<method::zo_adam>, composition_of<method::mezo_adam>>);

TEST(zo_adamm, divides_by_the_largest_second_moment_so_far) {
  const observed_run run = observe_on_floats(method::zo_adamm{.rate = 0.02}, 600);
  const std::size_t dimension = run.steps[0].move.size();
  std::vector<double> m(dimension), v(dimension), most(dimension);
  for (const observed_step& s : std::span(run.steps).first(10)) {
    ASSERT_EQ(s.plan.size(), 2u);
    EXPECT_EQ(s.plan[0].offset, 0) << "one-sided";
    const double slope = (s.losses[1] - s.losses[0]) / 1e-3;
    for (std::size_t j = 0; j < dimension; ++j) {
      const double g = slope * s.z[0][j];
      m[j] = 0.9 * m[j] + 0.1 * g;
      v[j] = 0.999 * v[j] + 0.001 * g * g;
      most[j] = std::max(most[j], v[j]);
      EXPECT_NEAR(s.move[j], -0.02 * m[j] / (std::sqrt(most[j]) + 1e-8), 1e-4);
    }
  }
  EXPECT_LT(run.last_loss, 0.5 * run.first_loss);
}

TEST(r_adazo, divides_by_the_second_moment_of_the_first) {
  const observed_run run = observe_on_floats(method::r_adazo{.rate = 0.02}, 600);
  const std::size_t dimension = run.steps[0].move.size();
  std::vector<double> m(dimension), v(dimension);
  for (const observed_step& s : std::span(run.steps).first(10)) {
    const double slope = derivative(s, 1e-3);
    for (std::size_t j = 0; j < dimension; ++j) {
      m[j] = 0.9 * m[j] + 0.1 * slope * s.z[0][j];
      v[j] = 0.99 * v[j] + 0.01 * m[j] * m[j];
      EXPECT_NEAR(s.move[j], -0.02 * m[j] / std::sqrt(v[j] + 1e-8), 1e-4);
    }
  }
  EXPECT_LT(run.last_loss, 0.5 * run.first_loss);
}

TEST(adazeta, averages_over_more_directions_in_later_epochs) {
  const observed_run run = observe_on_floats(method::adazeta{.rate = 0.002, .queries = 4, .first = 1, .growth = 1, .epoch = 100}, 600);
  for (std::size_t step = 0; step < run.steps.size(); ++step) {
    const observed_step& s = run.steps[step];
    const std::size_t queries = std::min<std::size_t>(1 + step / 100, 4);
    ASSERT_EQ(s.plan.size(), 2 * queries) << step;
    for (std::size_t j = 0; j < s.move.size(); ++j) {
      double expected = 0, size = 0;
      for (std::size_t q = 0; q < queries; ++q) {
        const double part = -0.002 * (s.losses[2 * q] - s.losses[2 * q + 1]) / 2e-3 / static_cast<double>(queries) * s.z[q][j];
        expected += part, size += std::fabs(part);
      }
      EXPECT_NEAR(s.move[j], expected, size * 0x1p-12 + 1e-6);
    }
  }
  EXPECT_LT(run.last_loss, 0.3 * run.first_loss);
}

TEST(romberg_zoge, extrapolates_to_radius_zero) {
  const observed_run run = observe_on_floats(method::romberg_zoge{.rate = 0.002, .radius = 0.5}, 1000);
  for (const observed_step& s : run.steps) {
    ASSERT_EQ(s.plan.size(), 4u);
    const double whole = (s.losses[0] - s.losses[1]) / (2 * 0.5), half = (s.losses[2] - s.losses[3]) / (2 * 0.25);
    for (std::size_t j = 0; j < s.move.size(); ++j)
      EXPECT_NEAR(s.move[j], -0.002 * (4 * half - whole) / 3 * s.z[0][j], std::fabs(0.002 * half * s.z[0][j]) * 0.01 + 1e-6);
  }
  EXPECT_LT(run.last_loss, 0.2 * run.first_loss);
}

}  // namespace
}  // namespace zolt::test
