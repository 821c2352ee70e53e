#include "zolt/method/qes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

constexpr shape matrix{4, 16};

/// INT8 codes of value 1 per code, under a quadratic of whole targets away from the ends of the range.
struct coded {
  quantized_tensor<int8> w{matrix};
  std::vector<int> target;

  coded() {
    for (float& s : w.scales()) s = 1;
    draws d(6);
    for (std::size_t j = 0; j < w.size(); ++j) {
      w.view().set_code(j, int8::code_of(static_cast<int>(d.below(41)) - 20));
      target.push_back(static_cast<int>(d.below(41)) - 20);
    }
  }
  std::vector<int> codes() const {
    std::vector<int> all;
    for (std::size_t j = 0; j < w.size(); ++j) all.push_back(int8::ordinal_of(w.view().code(j)));
    return all;
  }
  double loss() const {
    double sum = 0;
    for (std::size_t j = 0; j < w.size(); ++j) sum += 0.5 * std::pow(int8::ordinal_of(w.view().code(j)) - target[j], 2);
    return sum;
  }
};

/// The update of a recorded step in codes, before anything is rounded to them.
template <class Optimizer>
std::vector<float> update_of(const Optimizer& opt, const trajectory& log, std::size_t step) {
  const logged_step& at = log.steps[step];
  std::size_t first = 0;
  for (std::size_t s = 0; s < step; ++s) first += log.steps[s].terms;
  const auto law = opt.policies().direction.law_of(at.law);
  std::vector<float> update(matrix.size());
  std::vector<std::int16_t> z(matrix.size());
  for (std::size_t t = first; t < first + at.terms; ++t) {
    const auto scale =
        static_cast<float>(exact::round_to_significant(-double{at.rate} * double{log.terms[t].coefficient} * law.amplitude(), 12));
    law.fill({log.run, at.step, log.terms[t].query}, {hash_of("w", 1), matrix}, 0, z);
    for (std::size_t j = 0; j < z.size(); ++j) update[j] += scale * static_cast<float>(z[j]);
  }
  return update;
}

/// How far code minus start lies from the sum of all updates, at most over all weights and steps.
template <class Method>
double distance_from_floats(const Method& how, int steps) {
  coded m;
  const auto start = m.codes();
  optimizer opt{parameters(parameter("w", m.w)), how, options{.run = 5}};
  std::vector<double> floats(start.begin(), start.end());
  double farthest = 0, longest = 0;
  for (int s = 0; s < steps; ++s) {
    opt.step([&] { return m.loss(); });
    const auto update = update_of(opt, opt.recorded(), static_cast<std::size_t>(s));
    const auto codes = m.codes();
    for (std::size_t j = 0; j < codes.size(); ++j) {
      floats[j] += double{update[j]};
      farthest = std::max(farthest, std::fabs(codes[j] - floats[j]));
      longest = std::max(longest, std::fabs(floats[j] - start[j]));
    }
  }
  EXPECT_GT(longest, 2) << "a walk of several codes";
  return farthest;
}

TEST(qes, code_and_residual_are_the_float_trajectory) {
  const method::qes how{.rate = 0.2, .deviation = 0.5, .population = 6, .window = 30, .retention = 1};
  EXPECT_LE(distance_from_floats(how, 31), 0.5 + 1e-4) << "the residual is at most half a code";
}

TEST(qes, is_the_recursion_over_its_window) {
  const method::qes how{.rate = 0.3, .deviation = 0.4, .population = 4, .window = 4, .retention = 0.75};
  coded m;
  auto expected = m.codes();
  optimizer opt{parameters(parameter("w", m.w)), how, options{.run = 6}};
  for (int s = 0; s < 15; ++s) opt.step([&] { return m.loss(); });
  std::vector<std::vector<float>> updates;
  for (std::size_t s = 0; s < 15; ++s) updates.push_back(update_of(opt, opt.recorded(), s));
  for (std::size_t s = 0; s < 15; ++s)
    for (std::size_t j = 0; j < expected.size(); ++j) {
      float residual = 0, move = 0;
      for (std::size_t past = s < 4 ? 0 : s - 4; past <= s; ++past) {
        const float u = updates[past][j] + exact::product(0.75f, residual);
        move = std::nearbyint(u);
        residual = u - move;
      }
      expected[j] += static_cast<int>(move);
    }
  EXPECT_EQ(m.codes(), expected);
}

TEST(qes, one_rounding_serves_probe_and_update) {
  coded m;
  const auto start = m.codes();
  optimizer opt{parameters(parameter("w", m.w)), method::qes{.rate = 1, .deviation = 0.5, .population = 3}, options{.run = 2}};
  const std::vector<probe> plan(opt.ask().begin(), opt.ask().end());
  ASSERT_EQ(plan.size(), 6u);
  const auto law = opt.policies().direction.law_of(0);
  std::vector<std::int16_t> z(matrix.size());
  std::size_t moved = 0;
  for (const probe& p : plan) {
    law.fill(p.key, {hash_of("w", 1), matrix}, 0, z);  // update_of makes updates of the same call
    const typename decltype(opt)::in_place scope(opt, p);
    const auto seen = m.codes();
    for (std::size_t j = 0; j < z.size(); ++j) {
      EXPECT_EQ(seen[j] - start[j], p.offset > 0 ? z[j] : -z[j]);
      moved += z[j] != 0;
    }
  }
  EXPECT_NEAR(static_cast<double>(moved) / (6.0 * matrix.size()), law.density(), 0.12);
}

TEST(qes, coefficients_are_clipped_scores) {
  coded m;
  optimizer opt{parameters(parameter("w", m.w)), method::qes{.rate = 0.1, .deviation = 0.5, .population = 32}, options{.run = 3}};
  draws noise(4);
  int call = 0;
  for (int s = 0; s < 5; ++s)  // one difference far out in step 0
    opt.step([&] { return call++ == 0 ? 1e6 : double{noise.normal()}; });
  const trajectory log = opt.recorded();
  ASSERT_EQ(log.terms.size(), 5u * 32u);
  for (std::size_t s = 0; s < 5; ++s) {
    double sum = 0, squares = 0, most = 0;
    for (std::size_t q = 0; q < 32; ++q) {
      const double score = double{log.terms[32 * s + q].coefficient} * std::sqrt(32.0);
      sum += score, squares += score * score, most = std::max(most, std::fabs(score));
    }
    EXPECT_LE(most, 3 * (1 + 1e-6));
    if (s == 0) {
      EXPECT_NEAR(most, 3, 1e-5) << "√31 before the clip";
    } else if (most < 2.99) {
      EXPECT_NEAR(squares, 32, 1e-3);
      EXPECT_NEAR(sum, 0, 1e-4);
    }
  }
}

TEST(qes, descends_on_codes) {
  for (const double retention : {1.0, 0.9}) {
    coded m;
    const double before = m.loss();
    optimizer opt{parameters(parameter("w", m.w)),
                  method::qes{.rate = 0.4, .deviation = 0.5, .population = 16, .window = 6, .retention = retention}, options{.run = 9}};
    for (int s = 0; s < 60; ++s) opt.step([&] { return m.loss(); });
    EXPECT_LT(m.loss(), 0.3 * before) << retention;
    EXPECT_EQ(opt.state_bytes(), 0u);
  }
}

TEST(qes, defaults_move_weights) {
  coded m;
  const auto start = m.codes();
  optimizer opt{parameters(parameter("w", m.w)), method::qes{}, options{.run = 9}};
  std::uint64_t moved = 0;
  for (int s = 0; s < 16; ++s) moved += opt.step([&] { return m.loss(); }).writes.moved;
  EXPECT_GT(moved, 0u) << "although an update alone stays below half a code";
}

TEST(qes, a_trajectory_is_the_run) {
  const method::qes how{.rate = 0.3, .deviation = 0.4, .population = 4, .window = 5};
  coded m, again;
  optimizer opt{parameters(parameter("w", m.w)), how, options{.run = 7, .threads = 2}};
  for (int s = 0; s < 12; ++s) opt.step([&] { return s == 4 ? std::nan("") : m.loss(); });
  optimizer replayed{parameters(parameter("w", again.w)), how, options{.run = 7}};
  replayed.replay(opt.recorded());
  EXPECT_EQ(again.codes(), m.codes());
  EXPECT_NE(again.codes(), coded().codes());
  replayed.step([&] { return again.loss(); });
  opt.step([&] { return m.loss(); });
  EXPECT_EQ(again.codes(), m.codes()) << "the steps to look back on are part of a replay";
}

TEST(qes_residual, code_and_residual_are_the_float_trajectory) {
  const method::qes_residual<16> how{.rate = 0.2, .deviation = 0.5, .population = 6};
  EXPECT_LE(distance_from_floats(how, 31), 1 + 31 * 0x1p-16) << "each step is rounded to 2⁻¹⁶ codes, and the residual is below one code";
}

TEST(qes_residual, descends_on_codes_with_two_bytes_per_weight) {
  coded m;
  const double before = m.loss();
  const method::qes_residual<16> how{.rate = 0.4, .deviation = 0.5, .population = 24};
  optimizer opt{parameters(parameter("w", m.w)), how, options{.run = 9}};
  for (int s = 0; s < 60; ++s) opt.step([&] { return m.loss(); });
  EXPECT_LT(m.loss(), 0.3 * before);
  EXPECT_EQ(opt.state_bytes(), 2 * matrix.size());
  EXPECT_EQ(how.state_bytes_per_weight, 2);
}

}  // namespace
}  // namespace zolt::test
