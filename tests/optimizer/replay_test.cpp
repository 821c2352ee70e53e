#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/estimator/kernel_smoothed.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/byte_moments.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"
#include "zolt/update/vote.hpp"

// With the base weights a trajectory is the checkpoint: replaying it gives the weights, and the run goes on as if it had never stopped.

namespace zolt::test {
namespace {

/// Runs 2·half steps; replays them; stops half-way, goes through the bytes of a file, and runs the other half.
template <class... Policies>
void expect_replays(const Policies&... policies) {
  constexpr int half = 15;
  const auto optimizer_of = [&](model& m, std::size_t threads) {
    return std::make_unique<decltype(optimizer{m.mixed(), policies..., options{}})>(m.mixed(), policies...,
                                                                                    options{.run = 9, .threads = threads});
  };
  const auto run = [](auto& opt, model& m, int steps) {
    squared_distance loss(m);
    for (int i = 0; i < steps; ++i) opt->step(loss);
  };
  const model base = model::quantized();

  model uninterrupted = base;
  const auto whole = optimizer_of(uninterrupted, 2);
  run(whole, uninterrupted, 2 * half);
  EXPECT_EQ(uninterrupted.bytes() == base.bytes(), false);

  for (const std::size_t threads : teams) {
    model replayed = base;
    const auto opt = optimizer_of(replayed, threads);
    opt->replay(trajectory_from(to_bytes(whole->recorded())));
    EXPECT_EQ(replayed.bytes() == uninterrupted.bytes(), true) << threads << " threads";
    EXPECT_EQ(opt->recorded() == whole->recorded(), true);
    EXPECT_EQ(opt->step_number(), 2u * half);
  }

  model stopped = base, resumed = base;
  const auto first = optimizer_of(stopped, 1);
  run(first, stopped, half);
  const auto second = optimizer_of(resumed, 1);
  second->replay(trajectory_from(to_bytes(first->recorded())));
  EXPECT_EQ(resumed.bytes() == stopped.bytes(), true);
  run(second, resumed, half);
  EXPECT_EQ(resumed.bytes() == uninterrupted.bytes(), true);
  EXPECT_EQ(second->recorded() == whole->recorded(), true) << "running statistics included";
}

TEST(replay, sgd_with_every_write_back) {
  expect_replays(sgd{.rate = 0.3}, two_point{.queries = 2});
  expect_replays(sgd{.rate = 0.1}, residual<2>{});
  expect_replays(sgd{.rate = 0.1}, residual<4>{});
  expect_replays(sgd{.rate = 0.9}, nearest{}, rademacher{});
}

TEST(replay, a_rate_that_falls_and_a_density_that_follows) {
  expect_replays(sgd{.rate = 0.5}, cosine_decay{.steps = 25}, one_sided{.queries = 3});
}

TEST(replay, signs) {
  expect_replays(sgd{.rate = 0.3}, sign_of_coefficient{}, two_point{.queries = 2});
  expect_replays(sign_of_gradient{.rate = 0.3}, two_point{.queries = 2});
  expect_replays(vote{.rate = 0.3}, sign_of_coefficient{}, two_point{.queries = 2}, nearest{});
}

TEST(replay, rules_with_moments) {
  expect_replays(momentum{.rate = 0.05});
  expect_replays(adam{.rate = 0.1}, two_point{.queries = 2}, residual<4>{});
  expect_replays(amsgrad{.rate = 0.1}, kernel_smoothed{.radius = 4, .levels = 4}, residual<16>{});
}

TEST(replay, rules_without_moments_of_their_own) {
  expect_replays(replayed<momentum>{.rule = {.rate = 0.05}, .window = 4}, two_point{.queries = 2});
  expect_replays(byte_moments<adam>{.rule = {.rate = 0.1}});
}

TEST(replay, refuses_what_is_not_its_own_before_it_applies_anything) {
  const model base = model::quantized();
  model trained = base;
  optimizer source{trained.mixed(), sgd{.rate = 0.3}, options{.run = 9}};
  squared_distance loss(trained);
  for (int i = 0; i < 3; ++i) source.step(loss);
  const trajectory log = source.recorded();

  model m = base;
  const auto refused = [&](auto& opt, const trajectory& t) {
    const std::string text = message_of([&] { opt.replay(t); });
    EXPECT_EQ(m.bytes() == base.bytes(), true);
    EXPECT_EQ(opt.recorded().steps.size(), opt.step_number());
    return text;
  };
  optimizer other_rule{m.mixed(), momentum{}, options{.run = 9}};
  EXPECT_TRUE(contains(refused(other_rule, log),
                       "composition = sgd sparse_rademacher stochastic must be momentum:decay=0.9 sparse_rademacher stochastic"));
  optimizer other_decay{m.mixed(), momentum{.decay = 0.5}, options{.run = 9}};
  EXPECT_TRUE(contains(refused(other_decay, other_rule.recorded()), "composition"));
  optimizer other_write_back{m.mixed(), residual<4>{}, options{.run = 9}};
  EXPECT_TRUE(contains(refused(other_write_back, log), "composition"));
  optimizer other_run{m.mixed(), options{.run = 10}};
  EXPECT_TRUE(contains(refused(other_run, log), "run = 9 must be 10"));

  const auto with_floats = [&m](bool all, auto& floats, double unit) {
    mixed_parameters p;
    p.add("int4", m.in_int4);
    if (all) p.add("e4m3fn", m.in_e4m3);
    p.add("dense", floats, {.unit = unit});
    return p;
  };
  tensor<float> transposed(shape{131, 140});
  optimizer fewer{with_floats(false, m.in_float, model::dense_unit), options{.run = 9}};
  optimizer reshaped{with_floats(true, transposed, model::dense_unit), options{.run = 9}};
  optimizer rescaled{with_floats(true, m.in_float, 2 * model::dense_unit), options{.run = 9}};
  EXPECT_TRUE(contains(refused(fewer, log), "parameters"));
  EXPECT_TRUE(contains(refused(reshaped, log), "parameters"));
  EXPECT_TRUE(contains(refused(rescaled, log), "parameters"));

  optimizer opt{m.mixed(), options{.run = 9}};
  opt.ask();
  opt.tell(std::vector<double>(2, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(contains(refused(opt, log), "steps already taken = 1 must be 0"));

  optimizer accepting{m.mixed(), sgd{.rate = 0.7}, two_point{.queries = 5}, options{.run = 9, .threads = 2}};
  accepting.replay(log);  // rates, plans and teams are no part of what replay needs
  EXPECT_EQ(m.bytes() == trained.bytes(), true);
}

TEST(replay, refuses_a_log_whose_terms_do_not_add_up) {
  model m = model::quantized();
  optimizer opt{m.mixed(), options{.run = 9}};
  trajectory log = opt.recorded();
  log.steps.push_back({0, 0, 0.1f, 3});  // three terms that are not there
  EXPECT_THROW(opt.replay(log), error);
  EXPECT_EQ(opt.step_number(), 0u);
}

TEST(replay, a_remote_rank_applies_the_same_terms) {
  model here = model::quantized(), there = here;
  optimizer local{here.mixed(), sgd{.rate = 0.3}, options{.run = 4}};
  optimizer remote{there.mixed(), sgd{.rate = 0.3}, options{.run = 4, .threads = 2}};
  squared_distance loss(here);
  for (int i = 0; i < 5; ++i) {
    const report r = local.step(loss);
    const trajectory log = local.recorded();
    EXPECT_EQ(remote.apply(log.steps.back(), std::span(log.terms).last(log.steps.back().terms)).moved, r.writes.moved);
    ASSERT_EQ(here.bytes() == there.bytes(), true);
  }
}

TEST(replay, a_plan_that_was_asked_for_before_is_dropped) {
  model source = model::quantized(), m = source;
  optimizer first{source.mixed(), sgd{.rate = 0.3}, options{.run = 4}};
  squared_distance loss(source);
  for (int i = 0; i < 3; ++i) first.step(loss);
  optimizer opt{m.mixed(), sgd{.rate = 0.3}, options{.run = 4}};
  opt.ask();
  opt.replay(first.recorded());
  EXPECT_EQ(opt.ask()[0].key.step, 3u);
}

TEST(replay, a_run_that_keeps_no_log_trains_the_same) {
  const auto trained = [](bool record) {
    model m = model::quantized();
    squared_distance loss(m);
    optimizer opt{m.mixed(), sgd{.rate = 0.3}, options{.run = 4, .record = record}};
    for (int i = 0; i < 5; ++i) opt.step(loss);
    EXPECT_EQ(opt.recorded().steps.size(), record ? 5u : 0u);
    return m.bytes();
  };
  EXPECT_EQ(trained(true) == trained(false), true);
}

}  // namespace
}  // namespace zolt::test
