#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/models.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace zolt::test {
namespace {

struct run {
  std::vector<int> codes;
  std::vector<std::vector<float>> updates;  ///< per step, in codes
  std::vector<int> base;
};

/// `steps` steps of fixed terms on INT8 codes, and the updates that they stand for.
run run_of(const replayed_residual& write_back, int steps, float coefficient, int base_code) {
  constexpr std::size_t size = 700;
  int8_weights w({7, 100});
  for (float& s : w.scales()) s = 1;
  const auto view = w.view();
  run r;
  for (std::size_t i = 0; i < size; ++i) {
    r.base.push_back(base_code);
    view.set_code(i, int8::code_of(base_code));
  }
  const sparse_rademacher direction{.ratio = 0, .min_density = 0.5};
  const auto law = direction.law_at(1, 1);
  optimizer opt{parameters(parameter("w", w)), direction, two_point{.queries = 2}, sgd{.rate = 1}, write_back};
  std::vector<std::int16_t> z(size);
  for (int step = 0; step < steps; ++step) {
    const std::vector<logged_term> terms = {{0, coefficient}, {1, 0.5f * coefficient * static_cast<float>(step % 3)}};
    opt.apply({static_cast<std::uint32_t>(step), law.record(), 1.0f, 2}, terms);
    std::vector<float> update(size);
    for (const logged_term& t : terms) {
      const auto scale = static_cast<float>(exact::round_to_significant(-double{t.coefficient} * law.amplitude(), 12));
      law.fill({0, static_cast<std::uint32_t>(step), t.query}, {hash_of("w", 1), w.shape()}, 0, z);
      for (std::size_t i = 0; i < size; ++i) update[i] += scale * static_cast<float>(z[i]);
    }
    r.updates.push_back(update);
  }
  for (std::size_t i = 0; i < size; ++i) r.codes.push_back(int8::ordinal_of(view.code(i)));
  return r;
}

TEST(replayed_residual, with_all_steps_in_its_window_follows_the_float_trajectory) {
  const run r = run_of({.window = 40, .retention = 1}, 40, 0.13f, 0);
  bool any_moved = false;
  for (std::size_t i = 0; i < r.codes.size(); ++i) {
    double floats = r.base[i];
    for (const auto& update : r.updates) floats += update[i];
    EXPECT_LE(std::fabs(r.codes[i] - floats), 0.5 + 1e-5) << "code + residual is the float weight, and the residual is at most half a code";
    any_moved |= r.codes[i] != r.base[i];
  }
  EXPECT_TRUE(any_moved) << "although no update alone reaches half a code";
}

TEST(replayed_residual, is_the_recursion_over_its_window) {
  const int window = 5;
  const float retention = 0.75f;
  const run r = run_of({.window = window, .retention = retention}, 23, 0.4f, 3);
  std::vector<int> codes = r.base;
  for (std::size_t t = 0; t < r.updates.size(); ++t)
    for (std::size_t i = 0; i < codes.size(); ++i) {
      float residual = 0;
      float move = 0;
      for (std::size_t past = t < static_cast<std::size_t>(window) ? 0 : t - window; past <= t; ++past) {
        const float u = r.updates[past][i] + retention * residual;
        move = std::nearbyint(u);
        residual = u - move;
      }
      codes[i] += static_cast<int>(move);
    }
  EXPECT_EQ(r.codes, codes);
}

TEST(replayed_residual, goes_nowhere_beyond_the_range) {
  const run r = run_of({.window = 3, .retention = 0.9}, 30, 2.0f, 126);
  EXPECT_LE(*std::max_element(r.codes.begin(), r.codes.end()), 127);
  EXPECT_LT(*std::min_element(r.codes.begin(), r.codes.end()), 126);
}

TEST(replayed_residual, keeps_nothing_per_weight_and_replays) {
  model m = model::quantized();
  const auto make = [](model& at) {
    return optimizer{at.mixed(), replayed_residual{.window = 4}, sgd{.rate = 0.3}, options{.threads = 2}};
  };
  auto opt = make(m);
  for (int step = 0; step < 9; ++step)
    opt.step([&, step] { return step == 6 ? std::nan("") : std::sin(double{m.in_float.flat()[7]} + m.in_int4.view().code(3)); });
  EXPECT_EQ(opt.state_bytes(), 0u);
  model again = model::quantized();
  auto other = make(again);
  other.replay(opt.recorded());
  EXPECT_EQ(again.bytes(), m.bytes());
}

}  // namespace
}  // namespace zolt::test
