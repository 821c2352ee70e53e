#include "zolt/method/step_matched.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <vector>

#include "method/quadratic.hpp"
#include "zolt/method/caq_zo.hpp"
#include "zolt/method/fzoo.hpp"

// Methods that probe whole codes.

namespace zolt::test {
namespace {

static_assert(std::same_as<composition_of<method::step_matched>, composition_of<>>, "the method is the default composition");

TEST(step_matched, moves_touched_weights_alone_and_as_far_as_the_probe) {
  const observed_run run = observe_on_codes<int4, per_group<32>>(method::step_matched{.rate = 0.3}, 600);
  for (const observed_step& s : run.steps)
    for (std::size_t j = 0; j < s.move.size(); ++j) {
      ASSERT_EQ(s.move[j] != 0 && s.z[0][j] == 0, false) << j;
      ASSERT_LE(std::fabs(s.move[j]), 2) << "the clip is at two RMS";
      if (s.move[j] != 0) {
        ASSERT_EQ(s.move[j] * s.z[0][j]<0, s.losses[0]> s.losses[1]) << "against the derivative";
      }
    }
  EXPECT_LT(run.last_loss, 0.25 * run.first_loss);
}

TEST(step_matched_residual, holds_what_a_code_cannot) {
  const observed_run run = observe_on_codes<int8, per_tensor>(method::step_matched_residual<4>{.rate = 0.3}, 600);
  EXPECT_LT(run.last_loss, 0.25 * run.first_loss);
}

TEST(caq_zo, probes_one_code_and_steps_in_codes) {
  const observed_run run = observe_on_codes<int4, per_group<32>>(method::caq_zo{.rate = 0.05, .queries = 8}, 100);
  for (const observed_step& s : run.steps) {
    for (std::size_t j = 0; j < s.move.size(); ++j) {
      double wanted = 0;
      for (std::size_t q = 0; q < 8; ++q) {
        ASSERT_EQ(std::fabs(s.z[q][j]), 1);
        wanted -= 0.05 * (s.losses[2 * q] - s.losses[2 * q + 1]) / (2 * 8) * s.z[q][j];
      }
      const bool at_an_end = std::fabs(s.before[j] + s.move[j]) == 7;
      ASSERT_TRUE(at_an_end || std::fabs(s.move[j] - wanted) < 1.01) << "one of the two codes beside the step";
    }
  }
  EXPECT_LT(run.last_loss, 0.4 * run.first_loss);
}

TEST(fzoo, divides_by_the_deviation_of_its_losses) {
  constexpr double rate = 0.1;
  const observed_run run = observe_on_floats(method::fzoo{.rate = rate, .radius = 1e-2}, 300);
  for (const observed_step& s : run.steps) {
    ASSERT_EQ(s.losses.size(), 9u);
    double mean = 0, variance = 0;
    for (std::size_t q = 1; q < 9; ++q) mean += s.losses[q] / 8;
    for (std::size_t q = 1; q < 9; ++q) variance += (s.losses[q] - mean) * (s.losses[q] - mean) / 8;
    for (std::size_t j = 0; j < s.move.size(); ++j) {
      double expected = 0, most = 0;
      for (std::size_t q = 0; q < 8; ++q) {
        const double each = -rate * (s.losses[q + 1] - s.losses[0]) / (8 * std::sqrt(variance)) * s.z[q][j];
        expected += each, most += std::fabs(each);
      }
      ASSERT_NEAR(s.move[j], expected, most * 0x1p-12 + 1e-6);
    }
  }
  EXPECT_LT(run.last_loss, 0.1 * run.first_loss);
}

}  // namespace
}  // namespace zolt::test
