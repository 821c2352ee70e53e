#include "zolt/method/adamezo.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "method/quadratic.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/mezo_adam_8bit.hpp"

namespace zolt::test {
namespace {

TEST(adamezo, sums_up_the_steps_of_its_window) {
  constexpr std::size_t window = 5;
  const observed_run run = observe_on_floats(method::adamezo{.rate = 0.02, .window = window}, 500);
  for (std::size_t t = 0; t < 20; ++t) {
    const std::size_t oldest = t < window ? 0 : t - window, summed = t - oldest + 1;
    for (std::size_t j = 0; j < run.steps[t].move.size(); ++j) {
      double m = 0, v = 0;
      for (std::size_t k = 0; k < summed; ++k) {
        const observed_step& s = run.steps[t - k];
        const double g = (s.losses[0] - s.losses[1]) / 2e-3 * s.z[0][j];
        m += 0.1 * std::pow(0.9, k) * g, v += 0.001 * std::pow(0.999, k) * g * g;
      }
      const auto n = static_cast<double>(summed);
      EXPECT_NEAR(run.steps[t].move[j], -0.02 * m / (1 - std::pow(0.9, n)) / (std::sqrt(v / (1 - std::pow(0.999, n))) + 1e-8), 1e-4);
    }
  }
  EXPECT_LT(run.last_loss, 0.2 * run.first_loss);
}

TEST(adamezo, is_mezo_adam_while_no_step_is_forgotten) {
  const observed_run kept = observe_on_floats(method::mezo_adam{.rate = 0.02}, 20),
                     made_again = observe_on_floats(method::adamezo{.rate = 0.02, .window = 19}, 20);
  EXPECT_EQ(kept.last_loss, made_again.last_loss);
}

TEST(mezo_adam_8bit, goes_where_mezo_adam_goes) {
  const observed_run floats = observe_on_floats(method::mezo_adam{.rate = 0.02}, 400),
                     bytes = observe_on_floats(method::mezo_adam_8bit{.rate = 0.02}, 400);
  for (std::size_t j = 0; j < floats.steps[0].move.size(); ++j) EXPECT_EQ(bytes.steps[0].move[j], floats.steps[0].move[j]);
  EXPECT_NE(bytes.last_loss, floats.last_loss) << "moments are rounded from then on";
  EXPECT_LT(bytes.last_loss, 1.2 * floats.last_loss);
  EXPECT_LT(bytes.last_loss, 0.5 * bytes.first_loss);
}

}  // namespace
}  // namespace zolt::test
