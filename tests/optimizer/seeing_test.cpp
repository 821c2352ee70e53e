#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/momentum.hpp"

// In place, one probe on read and the whole plan are one training run, bit for bit, for every size of team.

namespace zolt::test {
namespace {

struct trained {
  std::vector<std::byte> bytes;
  zolt::trajectory log;
  friend bool operator==(const trained&, const trained&) = default;
};

constexpr auto mixed = [](model& m) { return m.mixed(); };
constexpr auto floats = [](model& m) { return m.floats(); };

template <class Parameters, class... Policies>
trained train(Parameters parameters_of, seeing how, const options& o, const Policies&... policies) {
  model m = model::quantized();
  squared_distance loss(m);
  optimizer opt{parameters_of(m), policies..., o};
  for (int step = 0; step < 12; ++step) step_seen(opt, loss, how);
  return {m.bytes(), opt.recorded()};
}

template <class Parameters, class... Policies>
void expect_one_run(Parameters parameters_of, const Policies&... policies) {
  const trained first = train(parameters_of, seeing::in_place, options{.run = 3}, policies...);
  EXPECT_EQ(first.bytes == model::quantized().bytes(), false);
  ASSERT_EQ(first.log.steps.size(), 12u);
  for (const seeing how : ways_of_seeing)
    for (const std::size_t threads : teams)
      EXPECT_EQ(train(parameters_of, how, options{.run = 3, .threads = threads}, policies...) == first, true)
          << "seen in way " << static_cast<int>(how) << " by " << threads << " threads";
}

TEST(seeing, a_sparse_law_on_a_mixed_model) { expect_one_run(mixed, two_point{.queries = 2}, sgd{.rate = 0.3}); }

TEST(seeing, rademacher_on_codes_and_floats) { expect_one_run(mixed, one_sided{.queries = 3}, sgd{.rate = 0.05}, rademacher{}); }

TEST(seeing, momentum_over_a_sparse_law) { expect_one_run(mixed, momentum{.rate = 0.05}, two_point{.radius = 2}); }

TEST(seeing, gaussian_and_uniform_on_floats) {
  expect_one_run(floats, gaussian{}, sgd{.rate = 0.1});
  expect_one_run(floats, uniform{}, adam{.rate = 0.1});
}

TEST(seeing, probes_evaluated_at_once) {
  const auto run = [](options o) {
    model m = model::quantized();
    optimizer opt{m.mixed(), two_point{.queries = 4}, sgd{.rate = 0.3}, o};
    for (int step = 0; step < 10; ++step)
      opt.step([&m](const probe_view& p) { return squared_distance(m)(p)[0]; });  // a loss of its own for every call: safe to call at once
    return trained{m.bytes(), opt.recorded()};
  };
  const trained alone = run({.run = 3});
  for (const std::size_t threads : teams) EXPECT_EQ(run({.run = 3, .threads = threads, .concurrent_probes = true}) == alone, true);
}

TEST(seeing, an_exception_of_a_concurrent_probe_reaches_the_caller) {
  model m = model::quantized();
  optimizer opt{m.mixed(), two_point{.queries = 4}, options{.threads = 3, .concurrent_probes = true}};
  EXPECT_THROW(opt.step([](const probe_view& p) -> double { throw p[0].offset; }), double);
  EXPECT_EQ(opt.step_number(), 0u);
  EXPECT_EQ(m.bytes() == model::quantized().bytes(), true);
}

TEST(seeing, a_static_set_and_a_list_are_the_same_model) {
  const auto run = [](const auto& make) {
    model m = model::quantized();
    squared_distance loss(m);
    const auto set = make(m);
    optimizer opt{set, sgd{.rate = 0.3}, options{.run = 3}};
    for (int step = 0; step < 12; ++step) opt.step(loss);
    return trained{m.bytes(), opt.recorded()};
  };
  const trained dynamic = run([](model& m) { return m.mixed(); });
  EXPECT_EQ(run([](model& m) {
              return parameters(parameter("int4", m.in_int4), parameter("e4m3fn", m.in_e4m3),
                                parameter("dense", m.in_float, {.unit = model::dense_unit}));
            }) == dynamic,
            true);
  // The order of the list is no part of a direction: the weights are the same, and the trajectory differs in the order of its tensors only.
  const trained reordered = run([](model& m) {
    return parameters(parameter("dense", m.in_float, {.unit = model::dense_unit}), parameter("e4m3fn", m.in_e4m3),
                      parameter("int4", m.in_int4));
  });
  EXPECT_EQ(reordered.bytes == dynamic.bytes, true);
  EXPECT_EQ(reordered.log.terms == dynamic.log.terms, true);
}

TEST(seeing, what_a_probe_shows_on_read_is_what_it_shows_in_place) {
  model m = model::extreme();
  optimizer opt{m.list(), two_point{.radius = 3, .queries = 5}, sparse_rademacher{.ratio = 0, .min_density = 0.4}};
  const auto plan = opt.ask();
  m.for_each([&](const auto& w) {
    std::vector<float> on_read(plan.size() * w.size()), in_place(w.size());
    opt.probes().read(w, 0, on_read);
    for (std::size_t k = 0; k < plan.size(); ++k) {
      const typename decltype(opt)::in_place scope(opt, plan[k]);
      probe_view{}.read(w, 0, in_place);
      EXPECT_EQ(std::memcmp(in_place.data(), on_read.data() + k * w.size(), w.size() * sizeof(float)), 0) << "probe " << k;
    }
  });
}

TEST(seeing, a_float_model_without_units_moves_by_the_radius) {
  tensor<float> w(shape{3, 100});
  any_parameters p;
  p.add("w", w);
  optimizer opt{p, two_point{.radius = 0.25}, rademacher{}};
  opt.ask();
  std::vector<float> seen(600);
  opt.probes().read(w, 0, seen);
  for (const float value : seen) EXPECT_EQ(std::fabs(value), 0.25f);
  const typename decltype(opt)::in_place scope(opt, opt.ask()[0]);
  for (const float value : w.flat()) EXPECT_EQ(std::fabs(value), 0.25f);
}

TEST(seeing, a_range_reads_as_a_part_of_the_whole) {
  model m = model::extreme();
  optimizer opt{m.list(), two_point{.queries = 3}, rademacher{}};
  const std::size_t probes = opt.ask().size();
  draws d(5);
  m.for_each([&](const auto& w) {
    std::vector<float> whole(probes * w.size());
    opt.probes().read(w, 0, whole);
    for (int trial = 0; trial < 20; ++trial) {
      const std::size_t first = d.below(w.size()), count = 1 + d.below(std::min<std::size_t>(700, w.size() - first));
      std::vector<float> part(probes * count);
      opt.probes().read(w, first, part);
      for (std::size_t k = 0; k < probes; ++k)
        ASSERT_EQ(std::memcmp(part.data() + k * count, whole.data() + k * w.size() + first, count * sizeof(float)), 0)
            << "weights " << first << " to " << first + count << " under probe " << k;
    }
  });
}

TEST(seeing, frozen_tensors_come_back_unchanged) {
  model m = model::extreme();
  optimizer opt{m.list(int4_only), two_point{.queries = 2}, rademacher{}};
  opt.ask();
  const std::vector<float> constant = {1, -0.0f, 3};
  const auto expect_unchanged = [&](const auto& w, std::size_t size) {
    std::vector<float> plain(size), seen(4 * size);
    probe_view{}.read(w, 0, plain);
    opt.probes().read(w, 0, seen);
    for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(std::memcmp(seen.data() + k * size, plain.data(), size * sizeof(float)), 0);
  };
  expect_unchanged(m.in_int8, m.in_int8.size());
  expect_unchanged(m.in_e5m2, m.in_e5m2.size());
  expect_unchanged(m.in_float, m.in_float.size());
  expect_unchanged(constant, constant.size());
}

TEST(seeing, parameters_that_no_forward_read_are_reported_by_name) {
  model m = model::quantized();
  optimizer opt{m.mixed(), sgd{.rate = 0.1}};
  std::vector<float> out(2 * 64);
  report r = opt.step([&](const probe_view& p) {
    p.read(m.in_e4m3, 64, std::span(out).first(64 * p.count()));
    return out[0];
  });
  EXPECT_EQ(std::vector<std::string>(r.unread.begin(), r.unread.end()), (std::vector<std::string>{"int4", "dense"}));
  squared_distance loss(m);
  r = opt.step(loss);
  EXPECT_EQ(r.unread.size(), 2u) << "the first step decides";

  optimizer all{m.mixed(), sgd{.rate = 0.1}};
  EXPECT_TRUE(all.step(loss).unread.empty());
  optimizer moved{m.mixed(), sgd{.rate = 0.1}};
  EXPECT_TRUE(moved.step([] { return 1.0; }).unread.empty()) << "in place nobody can tell";
}

TEST(seeing, a_view_before_the_first_question_shows_the_plan) {
  model m = model::quantized();
  optimizer opt{m.mixed(), two_point{.queries = 2}};
  EXPECT_EQ(opt.probes().count(), 4u);
  EXPECT_EQ(probe_view{}.count(), 1u);
}

TEST(seeing, asking_again_gives_the_same_plan_until_it_is_told) {
  model m = model::quantized();
  optimizer opt{m.mixed(), two_point{.queries = 2}, options{.run = 77}};
  const std::vector<probe> first(opt.ask().begin(), opt.ask().end());
  EXPECT_EQ(first, (std::vector<probe>{{{77, 0, 0}, 1}, {{77, 0, 0}, -1}, {{77, 0, 1}, 1}, {{77, 0, 1}, -1}}));
  EXPECT_EQ(std::vector<probe>(opt.ask().begin(), opt.ask().end()), first);
  opt.tell(std::vector<double>{1, 2, 3, 4});
  EXPECT_EQ(opt.ask()[0], (probe{{77, 1, 0}, 1}));
}

}  // namespace
}  // namespace zolt::test
