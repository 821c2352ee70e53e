// What a user's own policy, scope or file could break: an error that names it, and weights that are as they were.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "zolt/zolt.hpp"

using namespace zolt;
using zolt::test::message_of;

namespace {

quantized_tensor<int4, per_group<32>> some_weights() {
  tensor<float> w({8, 64});
  const random_stream words({5, 0, 0}, 1, stream::direction);
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(words.word(i) >> 8) * 0x1p-23f - 1;
  return quantize<int4, per_group<32>>("w", w);
}

std::vector<std::byte> bytes_of(quantized_tensor<int4, per_group<32>>& w) {
  const auto bytes = w.view().bytes();
  return {bytes.begin(), bytes.end()};
}

struct guards : testing::Test {
  quantized_tensor<int4, per_group<32>> w = some_weights();
  const std::vector<std::byte> before = bytes_of(w);
  auto parameters() { return zolt::parameters(parameter{"w", w}); }
  void expect_untouched() { EXPECT_EQ(bytes_of(w), before); }
  double falling = 0;
  double loss() { return falling -= 0.25; }
};

struct halfway {
  static constexpr std::string_view name = "halfway";
  double radius = 1;
  std::uint32_t queries = 1;
  double offset = 0.5;
  bool silent = false;
  int* throws = nullptr;
  void plan(const direction_key& key, const probe_scale&, std::span<const evaluation> seen, std::vector<probe>& next) const {
    if (seen.empty() && !silent) next.push_back({key, offset});
  }
  void estimate(std::span<const evaluation> seen, const probe_scale&, std::vector<term>& terms) const {
    if (throws != nullptr && (*throws)-- > 0) throw std::runtime_error("estimate");
    terms.push_back({0, seen[0].loss});
  }
};

struct broken_schedule {
  double value;
  double factor(std::uint64_t step) const { return step == 0 ? 1 : value; }
};

}  // namespace

TEST_F(guards, scopes_do_not_nest) {
  const std::vector<probe> plan = {{{1, 0, 0}, 1}, {{1, 0, 0}, -1}};
  {
    optimizer opt{parameters(), sparse_rademacher{.min_density = 0.5}, options{.run = 1}};
    opt.ask();
    using scope = decltype(opt)::in_place;
    const scope outer(opt, plan[0]);
    EXPECT_NE(bytes_of(w), before);
    EXPECT_EQ(message_of([&] { const scope inner(opt, plan[1]); }),
              "zolt: in_place: weights = displaced by an in_place scope must be back first: end the scope");
    EXPECT_NE(message_of([&] { opt.tell(std::vector<double>{1, 2}); }), "no error");
    EXPECT_NE(message_of([&] { opt.apply({}, {}); }), "no error");
  }
  expect_untouched();
}

TEST_F(guards, nothing_evaluates_or_applies_while_weights_are_displaced) {
  optimizer opt{parameters(), sgd{.rate = 0.3}};
  const auto refusal = [&](auto&& call) { return message_of(call).find("displaced by an in_place scope") != std::string::npos; };
  {
    const auto plan = opt.ask();
    const decltype(opt)::in_place scope(opt, plan[0]);
    EXPECT_TRUE(refusal([&] { opt.step([&] { return loss(); }); }));
    EXPECT_TRUE(refusal([&] { opt.evaluate([&](const probe_view&) { return loss(); }); }));
  }
  expect_untouched();
  // What a loss calls while its weights are displaced.
  EXPECT_TRUE(refusal([&] {
    opt.step([&] {
      opt.apply({0, 0, 0.1f, 0}, {});
      return loss();
    });
  }));
  expect_untouched();
  EXPECT_TRUE(refusal([&] {
    opt.step([&] {
      const decltype(opt)::in_place scope(opt, opt.ask()[0]);
      return loss();
    });
  }));
  expect_untouched();
  EXPECT_EQ(opt.step([&] { return loss(); }).step, 0u) << "and the step can still be taken";
}

/// Fails in the middle of an update.
struct failing_rule {
  static constexpr std::string_view name = "failing_rule";
  static constexpr std::size_t moments = 0;
  double rate = 0.1;
  int* tiles;

  float at(double, std::uint64_t) const { return 0; }
  void apply(float, std::span<const float>, moment_tile<0>, std::span<float> delta) const {
    if ((*tiles)-- == 0) throw std::runtime_error("no update");
    std::fill(delta.begin(), delta.end(), 0.0f);
  }
};

TEST(updates_that_fail, leave_no_weight_under_a_probe) {
  constexpr shape large{20, 4096};  // several parts, several tiles each
  for (int good_tiles = 0; good_tiles < 41; ++good_tiles) {
    quantized_tensor<int8, per_channel> codes{large};
    tensor<float> floats{large};
    for (std::size_t i = 0; i < floats.size(); ++i) floats.data()[i] = static_cast<float>(i % 97) * 0x1p-5f;
    const tensor<float> before = floats;
    int tiles = good_tiles;
    optimizer opt{zolt::parameters(parameter("codes", codes), parameter("floats", floats, {.unit = 0.01})), rademacher{},
                  failing_rule{.tiles = &tiles}};
    double value = 0;
    EXPECT_THROW(opt.step([&] { return value += 1; }), std::runtime_error);
    ASSERT_TRUE(std::equal(floats.flat().begin(), floats.flat().end(), before.flat().begin())) << good_tiles;
    for (std::size_t i = 0; i < codes.size(); ++i) ASSERT_EQ(codes.view().code(i), 0) << good_tiles;
  }
}

TEST(updates_of_nothing, leave_the_sign_of_a_zero) {
  std::vector<float> floats(100, -0.0f);
  optimizer opt{zolt::parameters(parameter("floats", std::span(floats))), rademacher{}, sgd{.rate = 1}};
  const logged_term none{0, 0.0f};
  opt.apply({0, 0, 1.0f, 1}, {&none, 1});
  for (const float w : floats) EXPECT_TRUE(std::signbit(w));
}

TEST(codebooks, come_back_from_moves_far_beyond_their_range) {
  quantized_tensor<nf4, per_channel> w{{16, 64}};
  for (std::size_t i = 0; i < w.size(); ++i) w.view().set_code(i, static_cast<code>(i % 16));
  const auto bytes = w.view().bytes();
  const std::vector<std::byte> before(bytes.begin(), bytes.end());
  optimizer opt{zolt::parameters(parameter("w", w)), low_rank<8>{}, two_point{.radius = 4}, sgd{.rate = 0.1}};
  opt.evaluate([] { return 1.0; });
  EXPECT_TRUE(std::equal(before.begin(), before.end(), bytes.begin()));
}

TEST_F(guards, an_estimator_that_plans_nothing) {
  optimizer opt{parameters(), halfway{.silent = true}};
  EXPECT_EQ(message_of([&] { opt.step([&] { return loss(); }); }), "zolt: halfway: probes of a plan = 0 must be at least 1 and finite");
  expect_untouched();
}

TEST_F(guards, an_estimator_that_throws_leaves_a_working_optimizer) {
  int throws = 1;
  optimizer opt{parameters(), halfway{.offset = 1, .throws = &throws}};
  EXPECT_THROW(opt.step([&] { return loss(); }), std::runtime_error);
  expect_untouched();
  EXPECT_EQ(opt.step([&] { return loss(); }).step, 0u);
  EXPECT_EQ(opt.step_number(), 1u);
}

TEST_F(guards, offsets_that_are_no_whole_codes) {
  for (const double offset : {0.5, 15.0, std::numeric_limits<double>::quiet_NaN(), 1e300}) {
    optimizer opt{parameters(), halfway{.offset = offset}};
    EXPECT_EQ(message_of([&] { opt.ask(); }),
              "zolt: w: offset times radius = " + to_text(offset) + " must be a whole number of codes within the range of int4");
  }
}

TEST_F(guards, a_schedule_that_breaks) {
  for (const double value : {-1.0, std::numeric_limits<double>::quiet_NaN(), 1e300}) {
    optimizer opt{parameters(), broken_schedule{value}, options{.run = 3}};
    opt.step([&] { return loss(); });
    const auto after_first = bytes_of(w);
    EXPECT_NE(message_of([&] { opt.step([&] { return loss(); }); }).find("rate of step 1"), std::string::npos);
    EXPECT_EQ(bytes_of(w), after_first);
    EXPECT_EQ(opt.step_number(), 1u);
  }
}

TEST_F(guards, replay_knows_its_base_weights) {
  trajectory t;
  {
    optimizer opt{parameters(), sgd{.rate = 0.5}};
    for (int step = 0; step < 5; ++step) opt.step([&] { return loss(); });
    t = opt.recorded();
  }
  optimizer again{parameters(), sgd{.rate = 0.5}};
  EXPECT_EQ(message_of([&] { again.replay(t); }), "zolt: replay: base weights = other bytes must be those that the run started from");
}

TEST_F(guards, apply_takes_the_next_step_alone) {
  optimizer opt{parameters()};
  const std::vector<logged_term> one = {{0, 1.0f}};
  EXPECT_EQ(message_of([&] { opt.apply({.step = 7, .rate = 1, .terms = 1}, one); }), "zolt: apply: step = 7 must be 0, the next one");
  EXPECT_EQ(message_of([&] { opt.apply({.rate = 1, .terms = 9}, one); }), "zolt: apply: terms = 1 must be 9, as the step says");
  EXPECT_NE(message_of([&] { opt.apply({.rate = 3e38f, .terms = 1}, std::vector<logged_term>{{0, 3e38f}}); }), "no error");
  expect_untouched();
}

TEST_F(guards, clamped_probes_are_counted_alike_in_place_and_on_read) {
  for (std::size_t i = 0; i < w.size(); i += 3) w.view().set_code(i, int4::code_of(int4::highest));
  const auto clamped = [this](auto&& form) {
    optimizer opt{parameters(), rademacher{}, sgd{.rate = 1e-6}, options{.run = 9}};
    return opt.step(form).clamped_probes;
  };
  std::vector<float> out(2 * w.size());
  const auto in_place = clamped([this] { return loss(); });
  const auto on_read = clamped([&](const probe_view& p) {
    p.read(w, 0, std::span(out).first(p.count() * w.size()));
    return loss();
  });
  EXPECT_GE(in_place, w.size() / 3) << "each of them stops in one of its two probes";
  EXPECT_EQ(in_place, on_read);
}

TEST_F(guards, a_frozen_tensor_is_read_within_its_bounds) {
  std::vector<float> frozen(10), out(4);
  EXPECT_EQ(message_of([&] { probe_view{}.read(frozen, 8, out); }), "zolt: frozen tensor: weights read, up to = 12 must be at most 10");
  EXPECT_NE(message_of([&] { probe_view{}.read(w, w.size() - 1, out); }), "no error");
  EXPECT_EQ(probe_view{}.one(0).count(), 1u);
}
