#include "zolt/parameter/narrow.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/layer_models.hpp"
#include "support/messages.hpp"
#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/per_example.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/code_delta_log.hpp"
#include "zolt/optimizer/divergence_projection.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/momentum.hpp"

// Weights of 16 bits: what every storage promises, for words that are rounded wherever they go.

namespace zolt::test {
namespace {

static_assert(narrow_storage<half_view> && narrow_storage<bfloat16_view> && narrow_storage<fixed16_view>);
static_assert(!dense_storage<half_view> && !coded_storage<half_view> && weight_matrix<half_view>);
static_assert(!narrow_storage<narrow_view<bfloat16, const std::uint16_t>> && weight_matrix<narrow_view<bfloat16, const std::uint16_t>>);

/// A tensor of each format, of sizes that nothing divides.
struct narrow_model {
  tensor<std::uint16_t> half_words{{37, 119}}, brain_words{{41, 100}};
  tensor<std::int16_t> fixed_words{{33, 133}};

  half_view halves() { return half_view(half_words); }
  bfloat16_view brains() { return bfloat16_view(brain_words); }
  fixed16_view fixed() { return fixed16_view(fixed_words, {.scale = 0.0003f}); }
  template <class Function>
  void for_each(Function&& f) {
    f(halves()), f(brains()), f(fixed());
  }

  static narrow_model usual() {
    narrow_model m;
    draws d(1);
    m.for_each([&d](const auto& view) {
      std::vector<float> w(view.size());
      for (float& v : w) v = 0.3f * d.normal();
      EXPECT_EQ(view.encode(0, w), 0u);
    });
    return m;
  }
  /// Any words that are numbers: both ends, both zeros, subnormals.
  static narrow_model extreme() {
    narrow_model m;
    draws d(2);
    m.for_each([&d](const auto& view) {
      using format = typename std::remove_cvref_t<decltype(view)>::format;
      std::size_t at = 0;
      for (std::uint16_t& w : view.words()) {
        const int ordinal = format::lowest + static_cast<int>(d.below(format::highest - format::lowest + 1));
        const int planted[] = {0, 0, 1, -1, format::lowest, format::highest, format::highest - 1, ordinal, ordinal, ordinal, ordinal};
        w = format::word_of(planted[at % 11], at % 2 != 0);
        ++at;
      }
    });
    return m;
  }

  auto list(parameter_options o = {.unit = 0.01}) {
    return parameters(parameter("half", halves(), o), parameter("brain", brains(), o), parameter("fixed", fixed(), o));
  }
  std::vector<std::byte> bytes() {
    std::vector<std::byte> all;
    for_each([&all](const auto& view) { all.insert(all.end(), view.bytes().begin(), view.bytes().end()); });
    return all;
  }
};

/// Σ (w − 0.05)² in double, in order.
struct squares {
  narrow_model* m;
  std::vector<double> operator()(const probe_view& probes) const {
    std::vector<double> sums(probes.count());
    m->for_each([&](const auto& view) {
      std::vector<float> w(view.size() * probes.count());
      probes.read(view, 0, w);
      for (std::size_t k = 0; k < sums.size(); ++k)
        for (const float v : std::span(w).subspan(k * view.size(), view.size())) sums[k] += (v - 0.05) * (v - 0.05);
    });
    return sums;
  }
};

template <class Optimizer>
report step_seen(Optimizer& opt, const squares& loss, seeing how) {
  switch (how) {
    case seeing::in_place: return opt.step([&] { return loss(probe_view{})[0]; });
    case seeing::one_probe: return opt.step([&](const probe_view& p) { return loss(p)[0]; });
    default: return opt.step(loss);
  }
}

sparse_rademacher with_density(double density) { return {.ratio = 0, .min_density = density}; }

template <class Law>
void expect_restored(const Law& law, double radius, parameter_options o = {.unit = 0.01}) {
  for (const std::size_t threads : teams) {
    narrow_model m = narrow_model::extreme();
    const auto before = m.bytes();
    optimizer opt{m.list(o), two_point{.radius = radius, .queries = 2}, law, options{.run = 11, .threads = threads}};
    for (const int fails_at : {0, 3, 4}) {
      int call = 0;
      const auto loss = [&] {
        EXPECT_NE(m.bytes(), before);
        if (call++ == fails_at) throw std::runtime_error("the loss failed");
        return 1.5;
      };
      if (fails_at < 4)
        EXPECT_THROW(opt.evaluate(loss), std::runtime_error);
      else
        opt.evaluate(loss);
      ASSERT_EQ(m.bytes() == before, true) << "fails at " << fails_at << " with " << threads << " threads";
    }
    opt.tell(std::vector<double>(4, std::numeric_limits<double>::quiet_NaN()));
    ASSERT_EQ(m.bytes() == before, true) << "a step without a loss";
    // The same losses on both sides: estimates of 0 restore and write nothing.
    for (int step = 0; step < 5; ++step) opt.step([] { return 1.0; });
    ASSERT_EQ(m.bytes() == before, true);
  }
}

TEST(narrow_restore, every_format_under_dense_and_sparse_laws_whatever_the_loss_does) {
  expect_restored(gaussian{}, 30);
  for (const double density : {0.6, 0.1}) expect_restored(with_density(density), 3);
  expect_restored(gaussian{}, 0.1, {.unit = 0.5, .relative = true});
  expect_restored(with_density(0.1), 0.3, {.relative = true});
}

TEST(narrow_restore, costs_two_bytes_per_weight_or_touched_weight) {
  narrow_model m = narrow_model::usual();
  const std::size_t weights = m.bytes().size() / 2;
  optimizer dense{m.list(), gaussian{}};
  dense.step([] { return 1.0; });
  EXPECT_EQ(dense.journal_bytes(), 2 * weights);
  optimizer sparse{m.list(), with_density(0.02)};
  sparse.step([] { return 1.0; });
  EXPECT_EQ(sparse.journal_bytes(), 2 * 2 * 1024u) << "two journals of the smallest size";
}

/// What a probe shows, in place and on read, is the number nearest to w + d.
template <class Law>
void expect_nearest(const Law& law, double radius, bool relative) {
  narrow_model m = narrow_model::extreme();
  optimizer opt{m.list({.unit = 0.125, .relative = relative}), two_point{.radius = radius, .queries = 2}, law, options{.run = 5}};
  const std::vector<probe> plan(opt.ask().begin(), opt.ask().end());
  std::size_t tensor = 0;
  m.for_each([&](const auto& view) {
    const std::size_t n = view.size();
    const std::uint64_t id = hash_of(tensor == 0 ? "half" : tensor == 1 ? "brain" : "fixed", tensor == 0 ? 4 : 5);
    ++tensor;
    std::vector<float> on_read(plan.size() * n), in_place(n), base(n), part(7 * plan.size());
    view.decode(0, base);
    opt.probes().read(view, 0, on_read);
    opt.probes().read(view, n - 7, part);
    for (std::size_t k = 0; k < plan.size(); ++k) {
      std::vector<std::int16_t> z(n);
      const auto of_step = opt.policies().direction.law_of(0xffffffff);
      of_step.fill(plan[k].key, {id, view.shape()}, 0, z);
      for (std::size_t j = 0; j < n; ++j) {
        const double d = plan[k].offset * radius * 0.125 * z[j], target = base[j] + (relative ? d * base[j] : d);
        const float expected = z[j] == 0 ? base[j] : view.codec().value_of(encode_word(view.codec(), target, nearest_even{}).word);
        ASSERT_EQ(on_read[k * n + j], expected) << "weight " << j << " at " << base[j];
        ASSERT_EQ(std::signbit(on_read[k * n + j]), std::signbit(expected));
      }
      EXPECT_EQ(std::memcmp(part.data() + 7 * k, on_read.data() + k * n + n - 7, 7 * sizeof(float)), 0) << "a part of the whole";
      const typename decltype(opt)::in_place scope(opt, plan[k]);
      view.decode(0, in_place);
      EXPECT_EQ(std::memcmp(in_place.data(), on_read.data() + k * n, n * sizeof(float)), 0) << "probe " << k;
    }
  });
}

TEST(narrow_seeing, a_probe_shows_the_nearest_number) {
  expect_nearest(rademacher{}, 2, false);
  expect_nearest(rademacher{}, 2, true);
  expect_nearest(with_density(1), 0.5, false);
}

TEST(narrow_seeing, moves_that_end_at_the_range_are_counted_in_place_and_on_read) {
  std::vector<std::uint16_t> w(300, 0x7bff);  // 65504
  const half_view view{std::span(w)};
  const auto count = [&](auto&& loss) {
    optimizer opt{parameters(parameter("w", view)), two_point{.radius = 64}, rademacher{}};
    return opt.step(loss).clamped_probes;
  };
  EXPECT_EQ(count([] { return 1.0; }), 300u) << "every weight is moved beyond the end by one of two probes";
  EXPECT_EQ(count([&](const probe_view& p) {
              std::vector<float> seen(300);
              p.read(view, 0, seen);
              for (const float v : seen) EXPECT_TRUE(v == 65504.0f || v == 65504.0f - 64);
              return 1.0;
            }),
            300u);
}

template <class... Policies>
void expect_one_run(const Policies&... policies) {
  const auto train = [&](seeing how, std::size_t threads) {
    narrow_model m = narrow_model::usual();
    optimizer opt{m.list(), policies..., options{.run = 3, .threads = threads}};
    const squares loss{&m};
    for (int step = 0; step < 5; ++step) step_seen(opt, loss, how);
    return std::pair(m.bytes(), opt.recorded());
  };
  const auto first = train(seeing::in_place, 1);
  EXPECT_NE(first.first, narrow_model::usual().bytes());
  for (const seeing how : ways_of_seeing)
    for (const std::size_t threads : teams) {
      const auto other = train(how, threads);
      EXPECT_EQ(other.first == first.first, true) << "seen in way " << static_cast<int>(how) << " by " << threads << " threads";
      EXPECT_EQ(other.second == first.second, true);
    }
  for (const std::size_t threads : teams) {
    narrow_model m = narrow_model::usual();
    optimizer opt{m.list(), policies..., options{.run = 3, .threads = threads}};
    opt.replay(trajectory_from(to_bytes(first.second)));
    EXPECT_EQ(m.bytes() == first.first, true) << "replayed by " << threads << " threads";
  }
}

TEST(narrow_seeing, is_one_run_however_it_is_seen_and_replays_bit_for_bit) {
  expect_one_run(gaussian{}, sgd{.rate = 0.05}, two_point{.queries = 2});
  expect_one_run(sgd{.rate = 0.3}, two_point{.radius = 3});
  expect_one_run(adam{.rate = 0.05}, rademacher{});
}

// No loss is needed for an update, so that this holds for every compiler, flag and number of threads.
TEST(narrow_replay, of_logged_terms_gives_these_words) {
  const std::vector<logged_term> terms = {{0, 0.75f}, {1, -0.3f}};
  const auto hash_after = [&terms](const auto&... policies) {
    narrow_model m = narrow_model::extreme();
    optimizer opt{m.list({.unit = 0.25}), policies..., options{.run = 21, .threads = 2}};
    for (std::uint32_t step = 0; step < 3; ++step) opt.apply({step, 0x20000000, 0.5f, 2}, terms);
    const auto bytes = m.bytes();
    return hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  EXPECT_EQ(hash_after(gaussian{}, sgd{}), 2641240404588868119u);
  EXPECT_EQ(hash_after(rademacher{}, adam{}), 10362711538770627604u);
  EXPECT_EQ(hash_after(sgd{}, two_point{}), 4479428129010784817u);
}

TEST(narrow_seeing, per_example_directions_are_seen_multiplied_and_replayed) {
  narrow_model m = narrow_model::usual(), again = narrow_model::usual();
  const auto make = [](narrow_model& of) { return parameters(parameter("brain", of.brains(), {.unit = 0.01})); };
  const auto policies_of_run = policies(per_example<sparse_rademacher>{with_density(0.3)}, two_point{.queries = 5}, sgd{.rate = 0.3});
  optimizer opt{make(m), policies_of_run};
  const auto inputs = normal_weights(10 * 100, 4);
  const tensor_view<const float> x(inputs.data(), {10, 100});
  for (int step = 0; step < 3; ++step) {
    tensor<float> product({10, 41});
    ASSERT_TRUE(opt.probes().multiply(m.brains(), x, product.view()));
    std::vector<float> w(m.brains().size());
    std::vector<double> losses;
    for (std::size_t k = 0; k < 10; ++k) {
      opt.probes().one(k).read(m.brains(), 0, w);
      for (std::size_t r = 0; r < 41; ++r) {
        double sum = 0;
        for (std::size_t c = 0; c < 100; ++c) sum += double{w[r * 100 + c]} * x(k, c);
        EXPECT_NEAR(product(k, r), sum, 1e-4);
      }
      losses.push_back(product(k, 0) + product(k, 7));
    }
    EXPECT_GT(opt.tell(losses).writes.moved, 0u);
  }
  optimizer replayed{make(again), policies_of_run};
  replayed.replay(opt.recorded());
  EXPECT_EQ(again.bytes(), m.bytes());
}

TEST(narrow_seeing, a_layer_reads_words_under_every_probe) {
  narrow_model m = narrow_model::usual();
  optimizer opt{m.list(), gaussian{}, two_point{.queries = 2}};
  opt.ask();
  const auto inputs = normal_weights(3 * 119, 4);
  const tensor_view<const float> x(inputs.data(), {3, 119});
  tensor<float> y({12, 37}), expected({3, 37}), seen({37, 119});
  linear(opt.probes(), m.halves(), x, y.view());
  for (std::size_t k = 0; k < 4; ++k) {
    opt.probes().one(k).read(m.halves(), 0, seen.flat());
    linear(seen.view(), x, expected.view());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(y.data()[k * expected.size() + i], expected.data()[i]);
  }
}

/// One update of every weight by ±delta, along a direction that is returned as signs.
template <class View, class... Policies>
std::pair<write_events, std::vector<std::int16_t>> update_once(const View& view, float delta, const Policies&... policies) {
  optimizer opt{parameters(parameter("w", view)), rademacher{}, sgd{.rate = 1}, policies..., options{.run = 8}};
  const logged_term term{0, delta};
  const write_events met = opt.apply({0, 0, 1, 1}, std::span(&term, 1));
  std::vector<std::int16_t> z(view.size());
  opt.policies().direction.law_of(0).fill({8, 0, 0}, {hash_of("w", 1), view.shape()}, 0, z);
  return {met, z};
}

TEST(narrow_write_back, moves_the_mean_by_updates_far_below_a_step_where_nearest_stalls) {
  constexpr std::size_t count = 120000;
  constexpr float step = 0x1p-7f;
  for (const float part : {0x1p-3f, 0x1p-6f}) {
    std::vector<std::uint16_t> w(count, 0x3fa0);  // 1.25
    const bfloat16_view view{std::span(w)};
    const auto [met, z] = update_once(view, part * step);
    double sum = 0;
    std::size_t moved = 0;
    for (std::size_t j = 0; j < count; ++j) {
      const double change = bfloat16::value_of(w[j]) - 1.25;
      EXPECT_TRUE(change == 0 || change == -step * z[j]) << "one step against the direction, or none";
      sum -= change * z[j] / step, moved += change != 0;
    }
    EXPECT_NEAR(sum / count, part, 5 * std::sqrt(part * (1 - part) / count));
    EXPECT_EQ(met.moved, moved);
    EXPECT_EQ(met.clamped, 0u);

    std::vector<std::uint16_t> same(count, 0x3fa0);
    EXPECT_EQ(update_once(bfloat16_view{std::span(same)}, part * step, nearest{}).first.moved, 0u);
    EXPECT_EQ(same, std::vector<std::uint16_t>(count, 0x3fa0));
  }
}

// A float next to 16384 is 2⁻¹⁰ away; numbers of binary16 are 8 and 16.
TEST(narrow_write_back, does_not_lose_what_a_sum_of_floats_would) {
  constexpr std::size_t count = 400000;
  constexpr float delta = 0x1.fp-12f;
  EXPECT_TRUE(16384.0f + delta == 16384.0f && 16384.0f - delta == 16384.0f);
  std::vector<std::uint16_t> w(count, 0x7400);
  const auto met = update_once(half_view{std::span(w)}, delta).first;
  EXPECT_NEAR(static_cast<double>(met.moved), count * (delta / 8 + delta / 16) / 2, 17) << "four deviations of 18";
  EXPECT_GT(met.moved, 0u);
}

TEST(narrow_write_back, stops_at_bounds_and_at_the_range_and_counts_it) {
  std::vector<std::uint16_t> w(400, 0x7bff);
  const auto [met, z] = update_once(half_view{std::span(w)}, 640.0f);
  EXPECT_EQ(met.clamped + met.moved, 400u);
  EXPECT_NEAR(static_cast<double>(met.clamped), 200, 50);
  for (std::size_t j = 0; j < w.size(); ++j) EXPECT_EQ(binary16::value_of(w[j]), z[j] > 0 ? 65504.0f - 640 : 65504.0f);

  std::vector<std::int16_t> fixed(300, 500);
  optimizer opt{parameters(parameter("w", fixed16_view{std::span(fixed), {.scale = 0.001f}}, {.lowest = 0.40025f, .highest = 0.70025f})),
                sgd{.rate = 0.05}, rademacher{}, two_point{.radius = 0.01, .queries = 4}};
  std::uint64_t clamped = 0;
  for (int step = 0; step < 40; ++step) {
    clamped += opt.step([&] {
                    double sum = 0;
                    for (const std::int16_t v : fixed) sum -= v;
                    return sum;
                  })
                   .writes.clamped;
    for (const std::int16_t v : fixed) EXPECT_TRUE(v >= 401 && v <= 700) << v;
  }
  EXPECT_GT(clamped, 0u);
}

TEST(narrow_write_back, an_update_of_nothing_changes_nothing) {
  std::vector<std::uint16_t> w(100, 0x8000);
  EXPECT_EQ(update_once(bfloat16_view{std::span(w)}, 0.0f).first.moved, 0u);
  EXPECT_EQ(w, std::vector<std::uint16_t>(100, 0x8000)) << "not even the sign of a zero";
}

TEST(narrow_validation, says_what_is_wrong_before_anything_is_touched) {
  std::vector<std::uint16_t> w(5, 0x3c00);
  const auto problems = [&w](auto format, parameter_options o = {}) {
    const narrow_view<decltype(format)> view(std::span<std::uint16_t>(w), format);
    return sentences_of([&] { optimizer opt{parameters(parameter("w", view, o)), gaussian{}}; });
  };
  using list = std::vector<std::string>;
  EXPECT_EQ(problems(binary16{}), list{});
  w[3] = 0xfe01;
  EXPECT_TRUE(contains(problems(binary16{})[0], "w: weight 3 = ") && contains(problems(binary16{})[0], "must be finite"));
  w[2] = 0x7f80;
  EXPECT_EQ(problems(bfloat16{}), list{"w: weight 2 = inf must be finite"});
  EXPECT_EQ(problems(fixed16{}), list{}) << "every word is a number";
  EXPECT_EQ(problems(fixed16{.scale = 0}), list{"w: fixed16 scale = 0 must be positive and finite"});
  EXPECT_EQ(problems(fixed16{.scale = 1e36f}).back(), "w: " + text_of(fixed16{.scale = 1e36f}) + " at ordinal 32767 = inf must be finite");
  w = {0x3c00, 0x3c00};
  EXPECT_EQ(problems(binary16{}, {.lowest = 1.5f}), list{"w: weight 0 = 1 must be at least 1.5 and at most inf"});
  EXPECT_EQ(problems(binary16{}, {.unit = 1000, .relative = true}),
            list{"w: radius times the relative unit = 1000 must be below 1: a weight keeps its sign"});

  model m = model::quantized();
  const half_view view{std::span(w)};
  EXPECT_TRUE(contains(message_of([&] { optimizer opt{parameters(parameter("w", view), parameter("c", m.in_int4))}; }),
                       "w: unit = not given must be given for a dense parameter beside coded ones"));
}

TEST(narrow_validation, a_trajectory_belongs_to_its_format_and_scale) {
  std::vector<std::uint16_t> w(50, 0x3c00);
  const auto log_of = [&w](auto format) {
    const narrow_view<decltype(format)> view(std::span<std::uint16_t>(w), format);
    return optimizer{parameters(parameter("w", view)), gaussian{}}.recorded().parameters[0].format;
  };
  EXPECT_NE(log_of(binary16{}), log_of(bfloat16{}));
  EXPECT_NE(log_of(fixed16{.scale = 1}), log_of(fixed16{.scale = 2}));
  EXPECT_EQ(log_of(fixed16{.scale = 2}), log_of(fixed16{.scale = 2}));
}

TEST(narrow_projection, shows_in_place_what_it_shows_on_read_and_replays) {
  const auto run = [](bool in_place) {
    narrow_model m = narrow_model::usual();
    divergence_projection opt{m.list(), ratio_search{.interval = 3}, {}, gaussian{}, sgd{.rate = 0.2}};
    const squares loss{&m};
    for (int step = 0; step < 6; ++step) {
      if (in_place)
        opt.step([&] { return loss(probe_view{})[0]; });
      else
        opt.step(loss);
    }
    EXPECT_EQ(opt.projections(), 2u);
    EXPECT_NE(opt.ratios()[0], 1);
    narrow_model again = narrow_model::usual();
    divergence_projection replayed{again.list(), ratio_search{.interval = 3}, {}, gaussian{}, sgd{.rate = 0.2}};
    replayed.replay(opt.recorded());
    EXPECT_EQ(again.bytes(), m.bytes());
    return m.bytes();
  };
  EXPECT_EQ(run(true), run(false));
}

TEST(narrow_layers, land_the_estimate_of_backpropagation) {
  std::vector<std::vector<std::uint16_t>> memory;
  layered_network<half_view> net({20, 16, 5}, activation::relu, 24, 1, [&memory](const tensor<float>& w) {
    memory.emplace_back(w.size());
    const half_view view(tensor_view<std::uint16_t>(memory.back().data(), w.shape()));
    view.encode(0, w.flat());
    return view;
  });
  const tensor<double> before = decoded(net.weights[1], {5, 16});
  const gradients truth = net.backpropagated();
  optimizer opt{net.list(1), exact_head{}, sgd{.rate = 0.5}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  const tensor<double> after = decoded(net.weights[1], {5, 16});
  double moved = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const double expected = before.data()[i] - 0.5 * truth.weights[1].data()[i];
    EXPECT_NEAR(after.data()[i], expected, std::fabs(expected) * 0x1p-10 + 0x1p-24) << "one step of binary16";
    moved += std::fabs(after.data()[i] - before.data()[i]);
  }
  EXPECT_GT(moved, 0.1);
}

TEST(narrow_code_delta_log, keeps_words_as_the_floats_they_are) {
  narrow_model m = narrow_model::extreme(), fresh = narrow_model::extreme();
  code_delta_recorder recorder(detail::log_without_steps(m.list(), {}, 1), m.list());
  for (std::uint16_t& w : m.half_words.flat()) w ^= 0x8001;
  m.fixed_words.flat()[5] = -32768;
  recorder.append(4, {}, m.list());
  restore(fresh.list(), recorder.log());
  EXPECT_EQ(fresh.bytes(), m.bytes());
}

}  // namespace
}  // namespace zolt::test
