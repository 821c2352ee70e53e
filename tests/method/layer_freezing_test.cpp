#include "zolt/method/layer_freezing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/linear/feature_cache.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/linear/low_rank_adapter.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/step_matched.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/momentum.hpp"

// What layer freezing promises of an optimizer, on a network of three layers that learns to be another one.

namespace zolt::test {
namespace {

constexpr std::size_t depth = 3, examples = 24;
constexpr std::array<std::size_t, depth + 1> widths{20, 16, 12, 4};
using int8_tensor = quantized_tensor<int8, per_channel>;

template <class Weights>
struct net {
  std::array<Weights, depth> w;
  std::array<std::vector<float>, depth> b;

  explicit net(std::uint64_t seed) {
    for (std::size_t l = 0; l < depth; ++l) {
      const shape s{widths[l + 1], widths[l]};
      std::vector<float> values = normal_weights(s.size(), seed + l);
      for (float& v : values) v *= 0.3f;
      if constexpr (std::is_same_v<Weights, int8_tensor>) {
        w[l] = quantize<int8>("w", tensor_view<const float>(values.data(), s));
      } else {
        w[l] = Weights(s);
        std::copy(values.begin(), values.end(), w[l].data());
      }
      b[l] = normal_weights(s.rows, seed + 10 + l);
    }
  }
  auto weight(std::size_t l) { return parameter("w" + to_text(l), w[l], {.unit = 0.01}); }
  auto bias(std::size_t l) { return parameter("b" + to_text(l), b[l], {.unit = 0.01}); }
  auto all() { return parameters(weight(0), bias(0), weight(1), bias(1), weight(2), bias(2)); }
  auto suffix() { return parameters(weight(1), bias(1), weight(2), bias(2)); }

  std::vector<float> values(std::size_t l) const {
    std::vector<float> all(w[l].size() + b[l].size());
    probe_view{}.read(w[l], 0, std::span(all).first(w[l].size()));
    std::copy(b[l].begin(), b[l].end(), all.begin() + static_cast<std::ptrdiff_t>(w[l].size()));
    return all;
  }
  friend bool operator==(const net& one, const net& other) {
    for (std::size_t l = 0; l < depth; ++l) {
      const std::vector<float> x = one.values(l), y = other.values(l);
      if (std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) != 0) return false;
    }
    return true;
  }
};

/// Layers [from, to) on rows of x.
template <class Weights>
std::vector<float> layers(const net<Weights>& n, const probe_view& probes, std::size_t from, std::size_t to, std::vector<float> x,
                          std::size_t rows) {
  for (std::size_t l = from; l < to; ++l) {
    std::vector<float> y(rows * widths[l + 1]);
    const tensor_view<float> out(y.data(), {rows, widths[l + 1]});
    linear(probes, n.w[l], tensor_view<const float>(x.data(), {x.size() / widths[l], widths[l]}), out);
    add_bias(probes, n.b[l], out);
    if (l + 1 < depth)
      for (float& v : y) v = std::max(v, 0.0f);
    x = std::move(y);
  }
  return x;
}

/// Mean squared distance to the outputs of a teacher under every probe. With a cache, layers before the first that moves are computed once
/// per example.
template <class Weights>
struct task {
  std::vector<float> inputs = normal_weights(examples * widths[0], 91);
  std::vector<float> wanted = layers(net<Weights>(50), {}, 0, depth, inputs, examples);
  feature_cache* cache = nullptr;
  std::size_t prefixes = 0;  ///< examples that a prefix was computed for

  std::vector<double> operator()(const net<Weights>& n, const probe_view& probes, std::vector<std::size_t> batch) {
    std::size_t boundary = 0;
    while (cache != nullptr && !probes.moves(n.w[boundary]) && !probes.moves(n.b[boundary])) ++boundary;
    const auto input_of = [&](std::size_t e) { return std::span(inputs).subspan(e * widths[0], widths[0]); };
    const std::size_t features = widths[boundary];
    std::vector<float> x(batch.size() * features);
    if (boundary > 0)
      cache->hold({.examples = examples, .features = features, .boundary = boundary});
    else if (cache != nullptr)
      cache->clear();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::span<float> to = std::span(x).subspan(i * features, features);
      const auto input = input_of(batch[i]);
      if (boundary == 0) {
        std::copy(input.begin(), input.end(), to.begin());
        continue;
      }
      if (!cache->contains(batch[i])) {
        ++prefixes;
        cache->store(batch[i], layers(n, {}, 0, boundary, {input.begin(), input.end()}, 1));
      }
      cache->read(batch[i], to);
    }
    const std::vector<float> y = layers(n, probes, boundary, depth, x, batch.size() * probes.count());
    std::vector<double> losses;
    for (std::size_t k = 0; k < probes.count(); ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < batch.size(); ++i)
        for (std::size_t j = 0; j < widths[depth]; ++j) {
          const double error = y[(k * batch.size() + i) * widths[depth] + j] - wanted[batch[i] * widths[depth] + j];
          sum += error * error;
        }
      losses.push_back(sum / static_cast<double>(batch.size()));
    }
    return losses;
  }
};

std::vector<std::size_t> batch_of(std::uint32_t step) {
  std::vector<std::size_t> batch(8);
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = (step * 8 + i * 5) % examples;
  return batch;
}

/// Steps of an optimizer, in place or on read.
template <class Optimizer, class Weights>
std::vector<double> train(Optimizer& opt, net<Weights>& n, task<Weights>& loss, int steps, bool on_read = true) {
  std::vector<double> losses;
  for (int s = 0; s < steps; ++s) {
    const auto batch = batch_of(opt.step_number());
    losses.push_back((on_read ? opt.step([&](const probe_view& p) { return loss(n, p, batch); }) : opt.step([&] {
                       return loss(n, {}, batch)[0];
                     })).loss);
  }
  return losses;
}

template <class Base>
freeze_prefix<Base> first_layer_of(const Base& base, std::uint32_t first_step = 0) {
  return {.base = base, .choice = {.first_step = first_step, .per_layer = 2}};
}

// Ids draw directions: what is frozen might as well not be in the list.
template <class Weights, class Base, class... Policies>
void expect_same_as_the_suffix(const Base& base, const Policies&... policies) {
  for (const bool on_read : {false, true})
    for (const std::size_t threads : {1u, 3u}) {
      net<Weights> some(7), whole(7);
      const net<Weights> before(7);
      task<Weights> loss;
      const options how{.run = 3, .threads = threads};
      optimizer all{whole.all(), two_point{.radius = 1, .queries = 2}, first_layer_of(base), policies..., how};
      optimizer suffix{some.suffix(), two_point{.radius = 1, .queries = 2}, base, policies..., how};
      EXPECT_EQ(train(all, whole, loss, 6, on_read), train(suffix, some, loss, 6, on_read));
      EXPECT_TRUE(whole == some);
      EXPECT_FALSE(whole == before);
      EXPECT_EQ(whole.values(0), before.values(0));
    }
}
TEST(layer_freezing, is_the_step_of_an_optimizer_that_lists_only_the_rest) {
  expect_same_as_the_suffix<int8_tensor>(sparse_rademacher{.ratio = 0, .min_density = 0.1}, sgd{.rate = 0.5});
  expect_same_as_the_suffix<int8_tensor>(rademacher{}, momentum{.rate = 0.5}, residual<4>{});
  expect_same_as_the_suffix<tensor<float>>(gaussian{}, adam{.rate = 0.5});
}

TEST(layer_freezing, composes_the_step_matched_recipe_and_mezo) {
  net<int8_tensor> a(7), b(7);
  task<int8_tensor> loss;
  optimizer frozen{a.all(), method::layer_freezing{.rate = 0.5, .radius = 2, .first_step = 0, .per_layer = 2}};
  optimizer rest{b.suffix(), method::step_matched{.rate = 0.5, .radius = 2}};
  train(frozen, a, loss, 6), train(rest, b, loss, 6);
  EXPECT_TRUE(a == b);
  EXPECT_EQ(frozen.state_bytes(), 6u * 16) << "of six tensors";

  net<tensor<float>> c(7), d(7);
  task<tensor<float>> on_floats;
  optimizer frozen_floats{c.all(), method::layer_freezing_floats{.rate = 10, .radius = 0.1, .first_step = 0, .per_layer = 2}};
  optimizer rest_floats{d.suffix(), method::mezo{.rate = 10, .radius = 0.1}};
  train(frozen_floats, c, on_floats, 6, false), train(rest_floats, d, on_floats, 6, false);
  EXPECT_TRUE(c == d);
}

TEST(layer_freezing, learns_before_and_after) {
  net<int8_tensor> n(7);
  task<int8_tensor> loss;
  optimizer opt{n.all(), method::layer_freezing{.rate = 1.5, .radius = 4, .first_step = 150, .interval = 100, .most = 2, .per_layer = 2}};
  const std::vector<double> before = train(opt, n, loss, 150);
  const auto first = n.values(0);
  const std::vector<double> between = train(opt, n, loss, 100);
  const auto second = n.values(1);
  const std::vector<double> after = train(opt, n, loss, 150);
  EXPECT_EQ(n.values(0), first) << "frozen from step 150 on";
  EXPECT_EQ(n.values(1), second) << "and from step 250 on";
  EXPECT_NE(net<int8_tensor>(7).values(0), first);
  const auto mean = [](std::span<const double> l) {
    double sum = 0;
    for (const double x : l) sum += x;
    return sum / static_cast<double>(l.size());
  };
  EXPECT_LT(mean(std::span(before).last(20)), 0.6 * mean(std::span(before).first(20)));
  EXPECT_LT(mean(std::span(after).last(20)), 0.9 * mean(std::span(between).first(20)));
}

TEST(layer_freezing, old_momentum_does_not_move_a_frozen_layer) {
  for (const bool on_read : {false, true}) {
    net<tensor<float>> n(7);
    task<tensor<float>> loss;
    optimizer opt{n.all(), momentum{.rate = 0.1, .decay = 0.99}, first_layer_of(rademacher{}, 5)};
    train(opt, n, loss, 5, on_read);
    const auto frozen = n.values(0), rest = n.values(1);
    EXPECT_NE(frozen, net<tensor<float>>(7).values(0));
    train(opt, n, loss, 5, on_read);
    EXPECT_EQ(n.values(0), frozen);
    EXPECT_NE(n.values(1), rest);
  }
}

TEST(block_coordinate, moves_one_block_per_step_and_replays) {
  const auto check = [](const auto&... policies) {
    net<int8_tensor> n(7), again(7);
    task<int8_tensor> loss;
    const block_coordinate<sparse_rademacher> direction{.base = {.ratio = 0, .min_density = 0.5}, .choice = {.blocks = 3}};
    optimizer opt{n.all(), two_point{.queries = 2}, direction, policies...};
    for (std::uint32_t step = 0; step < 9; ++step) {
      std::array<std::vector<float>, depth> before;
      for (std::size_t l = 0; l < depth; ++l) before[l] = n.values(l);
      train(opt, n, loss, 1, step % 2 == 0);
      for (std::size_t l = 0; l < depth; ++l) EXPECT_EQ(n.values(l) != before[l], l == step % 3) << step;
    }
    optimizer fresh{again.all(), two_point{.queries = 2}, direction, policies...};
    fresh.replay(opt.recorded());
    EXPECT_TRUE(n == again);
    train(opt, n, loss, 2), train(fresh, again, loss, 2);
    EXPECT_TRUE(n == again) << "and goes on as the run would have";
  };
  check(sgd{.rate = 1});
  check(adam{.rate = 1}, residual<4>{});
  check(sgd{.rate = 1}, replayed_residual{.window = 4});
}

TEST(layer_freezing, replays_the_steps_before_and_after) {
  net<int8_tensor> n(7), again(7);
  task<int8_tensor> loss;
  const method::layer_freezing method{.rate = 0.5, .first_step = 4, .interval = 3, .most = 2, .per_layer = 2};
  optimizer opt{n.all(), method};
  train(opt, n, loss, 10);
  optimizer fresh{again.all(), method};
  fresh.replay(opt.recorded());
  EXPECT_TRUE(n == again);
  net<int8_tensor> third(7);
  method::layer_freezing later = method;
  later.first_step = 5;
  optimizer other{third.all(), later};
  EXPECT_TRUE(contains(message_of([&] { other.replay(opt.recorded()); }), "composition"));
}

TEST(layer_freezing, all_layers_are_a_problem_before_anything_is_touched) {
  net<int8_tensor> n(7);
  const std::string message = message_of([&] { optimizer opt{n.all(), method::layer_freezing{.most = 3, .per_layer = 2}}; });
  EXPECT_EQ(message, "zolt: frozen_prefix: most = 3 must be below 3, the number of layers");
}

TEST(probe_view, says_which_tensors_a_step_moves) {
  net<int8_tensor> n(7);
  std::vector<float> elsewhere(4);
  task<int8_tensor> loss;
  optimizer opt{n.all(), method::layer_freezing{.first_step = 1, .per_layer = 2}};
  const auto moving = [&](const probe_view& p) {
    std::string all;
    for (std::size_t l = 0; l < depth; ++l) all += p.moves(n.w[l]) ? "w" : "-", all += p.moves(n.b[l]) ? "b" : "-";
    return all;
  };
  EXPECT_EQ(moving(opt.probes()), "wbwbwb");
  EXPECT_EQ(moving(opt.probes().one(1)), "wbwbwb");
  EXPECT_FALSE(opt.probes().moves(elsewhere));
  EXPECT_EQ(moving({}), "wbwbwb") << "a view of nobody cannot know";
  train(opt, n, loss, 1);
  EXPECT_EQ(moving(opt.probes()), "--wbwb");

  std::vector<float> a(widths[0]), b(widths[1]);
  const low_rank_adapter adapted(n.w[0], {a.data(), {1, widths[0]}}, {b.data(), {widths[1], 1}});
  EXPECT_FALSE(opt.probes().moves(adapted));
  optimizer adapter{parameters(parameter("b", b))};
  EXPECT_TRUE(adapter.probes().moves(adapted)) << "one of its parts";

  optimizer scales{parameters(parameter("scales", n.w[1].scales(), {.unit = 0.01, .relative = true}))};
  EXPECT_EQ(moving(scales.probes()), "--w---") << "codes whose scales move";
}

TEST(layer_freezing, asks_for_a_read_of_what_moves_alone) {
  net<int8_tensor> n(7);
  task<int8_tensor> loss;
  const auto suffix_alone = [&](const probe_view& p) {
    const std::vector<float> x(8 * widths[1], 1.0f);
    return static_cast<double>(layers(n, p, 1, depth, x, 8 * p.count())[0]);
  };
  const auto names = [](const report& r) { return std::vector<std::string>(r.unread.begin(), r.unread.end()); };
  optimizer frozen{n.all(), first_layer_of(sparse_rademacher{})};
  for (int s = 0; s < 3; ++s) EXPECT_TRUE(names(frozen.step(suffix_alone)).empty());
  optimizer later{n.all(), first_layer_of(sparse_rademacher{}, 1)};
  EXPECT_EQ(names(later.step(suffix_alone)), (std::vector<std::string>{"w0", "b0"}));
  optimizer blocks{n.all(), block_coordinate<sparse_rademacher>{.base = {}, .choice = {.blocks = 3}}};
  train(blocks, n, loss, 1);
  EXPECT_TRUE(names(blocks.step(suffix_alone)).empty());
  optimizer reversed{n.all(), block_coordinate<sparse_rademacher>{.base = {}, .choice = {.blocks = 2}}};
  const auto head_alone = [&](const probe_view& p) {
    return static_cast<double>(layers(n, p, 2, depth, std::vector<float>(8 * widths[2], 1.0f), 8 * p.count())[0]);
  };
  EXPECT_EQ(names(reversed.step(head_alone)), (std::vector<std::string>{"w0", "b0", "w1"}));
  EXPECT_EQ(names(reversed.step(head_alone)), (std::vector<std::string>{"w0", "b0", "w1", "b1"})) << "once it moves";
}

// The promise of cached features: the same losses and so the same steps, for one forward of the prefix per example and boundary.
TEST(layer_freezing, a_forward_with_cached_features_gives_the_same_bits) {
  net<int8_tensor> plain(7), cached(7);
  task<int8_tensor> loss, with_cache;
  feature_cache cache;
  with_cache.cache = &cache;
  const method::layer_freezing method{.rate = 1, .first_step = 4, .interval = 6, .most = 2, .per_layer = 2};
  optimizer a{plain.all(), method}, b{cached.all(), method};
  EXPECT_EQ(train(a, plain, loss, 16), train(b, cached, with_cache, 16));
  EXPECT_TRUE(plain == cached);
  EXPECT_EQ(cache.layout().boundary, 2u);
  EXPECT_EQ(cache.layout().features, widths[2]);
  EXPECT_EQ(with_cache.prefixes, 2 * examples) << "once per boundary, though 12 steps saw 96 examples";
}

}  // namespace
}  // namespace zolt::test
