#include <gtest/gtest.h>

#include "zolt/estimator/schedule.hpp"

namespace zolt::test {
namespace {

TEST(schedule, constant_is_one) {
  EXPECT_EQ(constant{}.factor(0), 1.0);
  EXPECT_EQ(constant{}.factor(1'000'000), 1.0);
}

TEST(schedule, linear_decay_is_a_straight_line_and_stays_at_its_end) {
  const linear_decay s{.steps = 100, .last = 0.2};
  EXPECT_EQ(s.factor(0), 1.0);
  EXPECT_DOUBLE_EQ(s.factor(25), 0.8);
  EXPECT_DOUBLE_EQ(s.factor(50), 0.6);
  EXPECT_DOUBLE_EQ(s.factor(100), 0.2);
  EXPECT_DOUBLE_EQ(s.factor(5000), 0.2);
}

TEST(schedule, cosine_decay_falls_along_half_a_wave_and_stays_at_its_end) {
  const cosine_decay s{.steps = 100, .last = 0.2};
  EXPECT_EQ(s.factor(0), 1.0);
  EXPECT_DOUBLE_EQ(s.factor(50), 0.6);
  EXPECT_NEAR(s.factor(25), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_NEAR(s.factor(100), 0.2, 1e-12);
  EXPECT_EQ(s.factor(5000), s.factor(100));
  for (std::uint64_t step = 1; step <= 100; ++step) EXPECT_LT(s.factor(step), s.factor(step - 1));
}

}  // namespace
}  // namespace zolt::test
