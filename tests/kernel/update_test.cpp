#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/weights.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/kernel/update.hpp"

namespace zolt::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Floats of every magnitude, zeros of both signs, subnormal numbers, infinities and NaN among them.
std::vector<float> any_floats(draws& draw, std::size_t count) {
  std::vector<float> all(count);
  for (float& x : all) x = std::bit_cast<float>(draw.word());
  return all;
}
/// Floats as gradients and moments are: some magnitudes around one, and zeros.
std::vector<float> usual_floats(draws& draw, std::size_t count) {
  std::vector<float> all(count);
  for (float& x : all) {
    const std::uint32_t word = draw.word();
    x = word % 8 == 0 ? 0.0f : std::bit_cast<float>((word & 0x807fffffu) | (107 + (word >> 23) % 30) << 23);
  }
  return all;
}

void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b, instruction_set set, const char* what) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t j = 0; j < a.size(); ++j) {
    if (std::isnan(a[j]) && std::isnan(b[j])) continue;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(a[j]), std::bit_cast<std::uint32_t>(b[j]))
        << what << " " << j << " of " << a.size() << " under " << name_of(set) << ": " << a[j] << ", " << b[j];
  }
}

/// A rule on one weight, in plain scalar code.
float plain(const kernel::momentum_step& s, float g, float* m) {
  m[0] = exact::product(s.decay, m[0]) + g;
  return exact::product(-s.rate, m[0]);
}
float plain(const kernel::adam_step& s, float g, float* m) {
  m[0] = exact::product(s.first_decay, m[0]) + exact::product(s.first_rest, g);
  m[1] = exact::product(s.second_decay, m[1]) + exact::product(s.second_rest, exact::product(g, g));
  return exact::product(-s.rate, m[0] / (std::sqrt(m[1]) + s.epsilon));
}
float plain(const kernel::amsgrad_step& s, float g, float* m) {
  m[0] = exact::product(s.first_decay, m[0]) + exact::product(s.first_rest, g);
  m[1] = exact::product(s.second_decay, m[1]) + exact::product(s.second_rest, exact::product(g, g));
  m[2] = m[1] > m[2] ? m[1] : m[2];
  return exact::product(-s.rate, m[0] / (std::sqrt(m[2]) + s.epsilon));
}
float plain(const kernel::refined_adam_step& s, float g, float* m) {
  m[0] = exact::product(s.first_decay, m[0]) + exact::product(s.first_rest, g);
  m[1] = exact::product(s.second_decay, m[1]) + exact::product(s.second_rest, exact::product(m[0], m[0]));
  return exact::product(-s.rate, m[0] / std::sqrt(m[1] + s.epsilon));
}
float plain(const kernel::sign_step& s, float g, float*) {
  return g > 0 && g >= s.threshold ? -s.length : g < 0 && -g >= s.threshold ? s.length : 0.0f;
}

template <class Step>
void expect_rule(const Step& step, const std::vector<float>& gradient, const std::vector<std::vector<float>>& moments) {
  const std::size_t count = gradient.size();
  std::vector<float> wanted(count);
  std::vector<std::vector<float>> wanted_moments = moments;
  for (std::size_t j = 0; j < count; ++j) {
    float m[4] = {};
    for (std::size_t k = 0; k < moments.size(); ++k) m[k] = moments[k][j];
    wanted[j] = plain(step, gradient[j], m);
    for (std::size_t k = 0; k < moments.size(); ++k) wanted_moments[k][j] = m[k];
  }
  for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    std::vector<float> delta(count);
    std::vector<std::vector<float>> after = moments;
    std::array<float*, Step::moments> of{};
    for (std::size_t k = 0; k < of.size(); ++k) of[k] = after[k].data();
    update_kernels<Set>::apply(step, gradient.data(), of, delta.data(), count);
    expect_same_bits(wanted, delta, Set, "delta");
    for (std::size_t k = 0; k < moments.size(); ++k) expect_same_bits(wanted_moments[k], after[k], Set, "moment");

    // On weights it is what adding delta makes of them.
    for (const float bound : {infinity, 0.5f}) {
      const kernel::landing where{.unit = 0.7f, .lowest = -bound, .highest = bound};
      std::vector<float> w = gradient, landed = gradient;
      const std::uint64_t beyond = update_kernels<Set>::add(landed.data(), delta.data(), where, count);
      after = moments;
      for (std::size_t k = 0; k < of.size(); ++k) of[k] = after[k].data();
      EXPECT_EQ(update_kernels<Set>::apply_to(step, gradient.data(), of, w.data(), where, count), beyond);
      expect_same_bits(landed, w, Set, "landed weight");
      for (std::size_t k = 0; k < moments.size(); ++k) expect_same_bits(wanted_moments[k], after[k], Set, "moment of a landed weight");
    }
  });
}

/// Along a direction, a rule makes of weights and moments what it makes of them by the gradient in memory.
template <class Distribution, class Step>
void expect_rule_along(const Step& step, const std::vector<float>& weights, const std::vector<std::vector<float>>& moments) {
  const std::size_t count = weights.size();
  const random_stream source({5, 6, 7}, 8, stream::direction);
  const float c = 0x1.8p-3f, unit = 0.7f;
  for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{500}, std::uint64_t{4093}}) {
      std::vector<float> gradient(count), w = weights, along = weights;
      direction_kernels<Set>::template set<Distribution>(source, first, c, gradient.data(), count);
      std::vector<std::vector<float>> after = moments, after_along = moments;
      std::array<float*, Step::moments> of{}, of_along{};
      for (std::size_t k = 0; k < of.size(); ++k) of[k] = after[k].data(), of_along[k] = after_along[k].data();
      update_kernels<Set>::apply_to(step, gradient.data(), of, w.data(), {.unit = unit}, count);
      update_kernels<Set>::template apply_along<Distribution>(source, first, c, step, of_along, along.data(), unit, count);
      expect_same_bits(w, along, Set, "weight along");
      for (std::size_t k = 0; k < moments.size(); ++k) expect_same_bits(after[k], after_along[k], Set, "moment along");
    }
  });
}

class update_rules : public testing::TestWithParam<std::size_t> {
 protected:
  template <class Step>
  void expect(const Step& step) {
    draws draw(GetParam());
    for (const bool usual : {true, false}) {
      const auto some = [&] { return usual ? usual_floats(draw, GetParam()) : any_floats(draw, GetParam()); };
      std::vector<std::vector<float>> moments;
      while (moments.size() != Step::moments) {
        moments.push_back(some());
        if (moments.size() > 1)
          for (float& square : moments.back()) square = std::fabs(square);
      }
      expect_rule(step, some(), moments);
      const std::vector<float> weights = usual_floats(draw, GetParam());
      expect_rule_along<distribution::rademacher>(step, weights, moments);
      expect_rule_along<distribution::gaussian>(step, weights, moments);
    }
  }
};

TEST_P(update_rules, momentum_is_the_scalar_rule) { expect(kernel::momentum_step{.rate = 0.01f, .decay = 0.9f}); }
TEST_P(update_rules, amsgrad_is_the_scalar_rule) {
  expect(kernel::amsgrad_step{
      .rate = 0.01f, .first_decay = 0.9f, .first_rest = 0.1f, .second_decay = 0.999f, .second_rest = 0.001f, .epsilon = 1e-8f});
}
TEST_P(update_rules, refined_adam_is_the_scalar_rule) {
  expect(kernel::refined_adam_step{
      .rate = 0.01f, .first_decay = 0.9f, .first_rest = 0.1f, .second_decay = 0.99f, .second_rest = 0.01f, .epsilon = 1e-8f});
}
TEST_P(update_rules, signs_are_the_scalar_rule) {
  for (const float threshold : {0.0f, 1e-3f, 1e30f}) expect(kernel::sign_step{.length = 0.25f, .threshold = threshold});
}
TEST_P(update_rules, adam_is_the_scalar_rule) {
  expect(kernel::adam_step{
      .rate = 0.01f, .first_decay = 0.9f, .first_rest = 0.1f, .second_decay = 0.999f, .second_rest = 0.001f, .epsilon = 1e-8f});
}
INSTANTIATE_TEST_SUITE_P(of_sizes, update_rules, testing::Values(1, 15, 16, 37, 100, 1300));

TEST(add_update, is_a_bounded_sum_that_leaves_untouched_weights_as_they_are) {
  draws draw(3);
  for (const std::size_t count : {1u, 7u, 16u, 33u, 5000u}) {
    std::vector<float> weights = usual_floats(draw, count), delta = usual_floats(draw, count);
    for (std::size_t j = 0; j < count; j += 5) weights[j] = -0.0f;
    for (const float bound : {infinity, 0.5f}) {
      const float unit = 0.7f;
      std::vector<float> wanted = weights;
      std::uint64_t beyond = 0;
      for (std::size_t j = 0; j < count; ++j)
        if (const float d = exact::product(unit, delta[j]); d != 0) {
          const float target = weights[j] + d;
          wanted[j] = target < -bound ? -bound : target > bound ? bound : target;
          beyond += target < -bound || target > bound;
        }
      for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        std::vector<float> w = weights;
        EXPECT_EQ(update_kernels<Set>::add(w.data(), delta.data(), {unit, -bound, bound}, count), beyond);
        expect_same_bits(wanted, w, Set, "weight");
      });
    }
  }
}

TEST(add_update, keeps_a_nan) {
  for_each_instruction_set([]<instruction_set Set>(instruction_set_constant<Set>) {
    std::vector<float> w(40, std::numeric_limits<float>::quiet_NaN()), delta(40, 1.0f);
    EXPECT_EQ(update_kernels<Set>::add(w.data(), delta.data(), {1.0f, -1.0f, 1.0f}, w.size()), 0u);
    for (const float x : w) EXPECT_TRUE(std::isnan(x));
  });
}

}  // namespace
}  // namespace zolt::test
