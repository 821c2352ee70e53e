#include "zolt/optimizer/layer_optimizer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/layer_net.hpp"
#include "support/messages.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/estimator/node_perturbation.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/momentum.hpp"

// What an optimizer promises whose estimator reads layers: the same weights however a forward is written and on however many threads, the
// sum of what every use of a weight asks for, figures that can be computed by hand, and errors that name things and touch nothing.

namespace zolt::test {
namespace {

using int4_weights = quantized_tensor<int4>;

int4_weights in_int4(std::string_view name, const tensor<float>& w) { return quantize<int4>(name, w.view()); }

using int4_net = layer_net<int4_weights>;

/// Floats as parameters whose unit is 1, in one type of set whatever their number.
struct named_floats {
  const char* name;
  tensor<float>& weights;
};
parameter_list<dense_view> floats(std::initializer_list<named_floats> all) {
  parameter_list<dense_view> list;
  for (const named_floats& f : all) list.add(f.name, f.weights);
  return list;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

template <class Net, class... Policies>
std::vector<float> weights_after(Net& net, int steps, const Policies&... policies) {
  optimizer opt{net.parameters(), policies...};
  const std::vector<float> before = net.weights();
  for (int step = 0; step < steps; ++step) {
    net.rows = step % 3 == 1 ? net.sizes.batch / 3 : net.sizes.batch;  // batches of different sizes in turn
    opt.step(forward_of(net), net.criterion());
  }
  EXPECT_FALSE(same_bits(net.weights(), before)) << "nothing was trained";
  return net.weights();
}

// A forward for one probe leads to the weights of a forward for many

template <class Estimator>
void expect_no_difference_between_forms(const Estimator& estimator) {
  int4_net one(in_int4), many(in_int4);
  one.many_copies = false;
  EXPECT_TRUE(same_bits(weights_after(one, 7, estimator, sgd{.rate = 0.1}, residual<4>{}),
                        weights_after(many, 7, estimator, sgd{.rate = 0.1}, residual<4>{})))
      << Estimator::name;
}

TEST(layer_optimizer, takes_a_forward_for_one_probe_or_for_many) {
  expect_no_difference_between_forms(learned_feedback<>{});
  expect_no_difference_between_forms(node_perturbation{});
  expect_no_difference_between_forms(orthogonal_node_perturbation{.copies = 3, .last_copies = 5});
}

TEST(layer_optimizer, takes_a_forward_for_one_probe_whatever_the_batch) {
  layer_net net;  // a batch that no number of probes divides
  net.many_copies = false;
  net.rows = 7;
  optimizer opt{net.parameters(), orthogonal_node_perturbation{}, sgd{.rate = 0.1}};
  EXPECT_EQ(message_of([&] { opt.step(forward_of(net), net.criterion()); }), "no error");
  EXPECT_EQ(opt.step_number(), 1u);
}

// Threads

template <class... Policies>
void expect_no_difference_between_threads(layer_sizes sizes, const Policies&... policies) {
  std::vector<float> alone;
  for (const std::size_t threads : {1u, 2u, 3u, 7u}) {
    int4_net net(in_int4, sizes);
    const auto weights = weights_after(net, 4, policies..., options{.threads = threads});
    if (threads == 1) alone = weights;
    EXPECT_TRUE(same_bits(weights, alone)) << threads << " threads";
  }
}

TEST(layer_optimizer, gives_the_same_bits_on_any_number_of_threads) {
  // Packed codes in rows of odd length, several stripes of 64 rows and a part of one, and several panels of 2048 columns.
  constexpr layer_sizes tall{.inputs = 9, .wide = 211, .narrow = 129, .classes = 3, .batch = 12},
      flat{.inputs = 2051, .wide = 11, .narrow = 5, .classes = 3, .batch = 6};
  for (const layer_sizes& sizes : {tall, flat}) {
    expect_no_difference_between_threads(sizes, learned_feedback<>{}, sgd{.rate = 0.1}, factored_rms{}, residual<4>{});
    expect_no_difference_between_threads(sizes, learned_feedback<>{}, adam{.rate = 0.1}, matrix_rms{});
  }
}

// Policies

TEST(layer_optimizer, takes_policies_in_any_order) {
  int4_net a(in_int4), b(in_int4), c(in_int4);
  const sgd rule{.rate = 0.1};
  factored_rms normaliser;
  normaliser.decay = 0.5;
  const batches_per_write batches{.count = 2};
  const options run{.run = 7};
  const auto weights = weights_after(a, 4, learned_feedback<>{}, rule, residual<4>{}, normaliser, batches, run);
  EXPECT_TRUE(same_bits(weights, weights_after(b, 4, run, batches, normaliser, residual<4>{}, rule, learned_feedback<>{})));
  EXPECT_TRUE(
      same_bits(weights, weights_after(c, 4, policies(batches, rule), policies(residual<4>{}, learned_feedback<>{}, normaliser), run)));
  optimizer first{a.parameters(), learned_feedback<>{}, rule}, second{a.parameters(), rule, learned_feedback<>{}};
  static_assert(std::same_as<decltype(first), decltype(second)>);
}

// Figures of a report

TEST(layer_optimizer, counts_forwards_by_multiply_adds) {
  layer_net net;
  const auto product = [](std::size_t m, std::size_t n) { return static_cast<double>(m * n); };
  const double first = product(20, 9), second = product(11, 20), head = product(3, 11), all = first + second + head;

  net.rows = 10;
  optimizer top{floats({{"head", net.head}, {"head bias", net.head_bias}}), exact_head{}, sgd{.rate = 0.1}, no_gradient_normalisation{}};
  for (int step = 0; step < 2; ++step) {
    const report r = top.step(forward_of(net), net.criterion());
    EXPECT_EQ(r.forwards, 1);
    EXPECT_EQ(r.probes, 1u);
    EXPECT_DOUBLE_EQ(r.work, 1 + head / all);
    EXPECT_EQ(r.step, static_cast<std::uint32_t>(step));
    EXPECT_TRUE(r.finished);
    EXPECT_EQ(r.rate, 0.1);
    EXPECT_EQ(r.lost_examples, 0u);
    EXPECT_EQ(r.lost_gradients, 0u);
  }
  EXPECT_EQ(net.forwards, 3) << "one forward to learn the layers, and one per step";

  for (const bool many : {false, true}) {
    net.many_copies = many;
    // The layer that is displaced first is not computed again: its outputs are those of the clean forward.
    optimizer feedback{net.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}};
    const report f = feedback.step(forward_of(net), net.criterion());
    EXPECT_DOUBLE_EQ(f.forwards, 1 + (second + head) / all);
    EXPECT_DOUBLE_EQ(f.work, f.forwards + 1) << "and an outer product per weight";
    EXPECT_EQ(f.probes, 2u);

    optimizer nodes{net.parameters(), orthogonal_node_perturbation{.copies = 3, .last_copies = 5}, sgd{.rate = 0.1}};
    const report o = nodes.step(forward_of(net), net.criterion());
    EXPECT_DOUBLE_EQ(o.forwards, 1 + (3 * (second + head) + 5 * head) / all);
    EXPECT_EQ(o.probes, many ? 3u : 9u) << "one call for all copies, or one for each";
  }
  EXPECT_EQ(top.purity, purity_class::p1);
}

TEST(layer_optimizer, reports_the_loss_of_the_clean_forward) {
  layer_net net;
  const double loss = net.loss();
  optimizer opt{net.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}};
  EXPECT_DOUBLE_EQ(opt.step(forward_of(net), net.criterion()).loss, loss);
}

// Batches per write

void expect_near(const std::vector<float>& a, const std::vector<float>& b, double relative, const char* what) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], relative * (1 + std::fabs(double{b[i]}))) << what << ", weight " << i;
}

TEST(layer_optimizer, makes_of_several_batches_one_that_is_as_large) {
  layer_net apart, whole;
  optimizer in_parts{floats({{"head", apart.head}, {"head bias", apart.head_bias}}), exact_head{}, sgd{.rate = 3},
                     no_gradient_normalisation{}, batches_per_write{.count = 3}};
  optimizer at_once{floats({{"head", whole.head}, {"head bias", whole.head_bias}}), exact_head{}, sgd{.rate = 3},
                    no_gradient_normalisation{}};
  for (int write = 0; write < 3; ++write) {
    for (const std::size_t end : {5u, 16u, 24u}) {  // batches of different sizes
      apart.first_row = end == 5 ? 0 : end == 16 ? 5 : 16;
      apart.rows = end - apart.first_row;
      const auto before = apart.weights();
      const report r = in_parts.step(forward_of(apart), apart.criterion());
      EXPECT_EQ(r.finished, end == 24);
      EXPECT_EQ(same_bits(before, apart.weights()), end != 24);
      EXPECT_EQ(r.writes.moved, 0u);
    }
    at_once.step(forward_of(whole), whole.criterion());
    expect_near(apart.weights(), whole.weights(), 1e-6, "exact head");
  }
  EXPECT_EQ(in_parts.step_number(), 9u) << "a batch is a step: it has its own directions and its own rate";
}

// Uses of a weight

/// x → w₁ → w₂ → head without activations; w₁ and w₂ may be the same tensor.
struct chain {
  tensor<float> first = layer_net<>::floats({6, 6}, 1), second = first, head = layer_net<>::floats({2, 6}, 3), x{{8, 6}};
  std::vector<int> labels = {0, 1, 1, 0, 1, 0, 0, 1};
  tensor<float>* upper;
  std::vector<float> a, b, o;

  explicit chain(bool shared) : upper(shared ? &first : &second) {
    draws random(4);
    for (float& value : x.flat()) value = random.normal();
  }
  tensor_view<const float> operator()(const probe_view& probes) {
    const std::size_t rows = 8 * probes.count();
    a.resize(rows * 6), b.resize(rows * 6), o.resize(rows * 2);
    const tensor_view<float> h(a.data(), {rows, 6}), g(b.data(), {rows, 6}), y(o.data(), {rows, 2});
    linear(probes, first, std::as_const(x).view(), h);
    linear(probes, *upper, h, g);
    linear(probes, head, g, y);
    return y;
  }
  softmax_cross_entropy<int> criterion() const { return {labels}; }
};

TEST(layer_optimizer, adds_what_every_use_of_a_weight_asks_for) {
  const learned_feedback<> estimator;
  chain shared(true), apart(false);
  const tensor<float> start = shared.first;
  optimizer of_shared{floats({{"w", shared.first}}), estimator, sgd{.rate = 0.5}, no_gradient_normalisation{}};
  optimizer of_both{floats({{"w", apart.first}, {"v", apart.second}}), estimator, sgd{.rate = 0.5}, no_gradient_normalisation{}};
  of_shared.step(forward_of(shared), shared.criterion());
  of_both.step(forward_of(apart), apart.criterion());
  double moved = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    const float first = apart.first.data()[i] - start.data()[i], second = apart.second.data()[i] - start.data()[i];
    EXPECT_NEAR(shared.first.data()[i] - start.data()[i], first + second, 1e-6);
    moved += std::fabs(double{first}) * std::fabs(double{second});
  }
  EXPECT_GT(moved, 0) << "both uses have an estimate";
}

// Errors

TEST(layer_optimizer, says_which_parameter_no_layer_reads) {
  layer_net net;
  tensor<float> stray({1, 5});
  auto list = net.parameters();
  list.add("stray", stray);
  const auto before = net.weights();
  optimizer opt{list, learned_feedback<>{}, sgd{.rate = 0.1}};
  for (int attempt = 0; attempt < 2; ++attempt)
    EXPECT_EQ(message_of([&] { opt.step(forward_of(net), net.criterion()); }),
              "zolt: stray: estimate of learned_feedback = none must be one: train weights that zolt::linear reads and biases that "
              "zolt::add_bias adds");
  EXPECT_TRUE(same_bits(before, net.weights())) << "nothing is written then";
  EXPECT_EQ(std::count(stray.data(), stray.data() + 5, 0.0f), 5);
  EXPECT_EQ(opt.step_number(), 0u);
}

TEST(layer_optimizer, says_that_the_head_alone_is_exact) {
  layer_net net;
  const auto before = net.weights();
  optimizer opt{net.parameters(), exact_head{}, sgd{.rate = 0.1}, no_gradient_normalisation{}};
  const auto sentences = sentences_of([&] { opt.step(forward_of(net), net.criterion()); });
  ASSERT_EQ(sentences.size(), 3u) << "first, bias, second";
  EXPECT_EQ(sentences[0], "first: estimate of exact_head = none must be one: train the last layer's weights and bias alone");
  EXPECT_TRUE(contains(sentences[1], "bias: ") && contains(sentences[2], "second: "));
  EXPECT_TRUE(same_bits(before, net.weights()));
}

/// What is said by the first step, and by one after a step that was fine.
template <class Forward>
void expect_error(layer_net<>& net, Forward&& broken, std::string_view first, std::string_view later) {
  const any_forward all = forward_of(broken);
  const auto before = net.weights();
  optimizer opt{net.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}};
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_PRED2(contains, message_of([&] { opt.step(all, net.criterion()); }), first) << "attempt " << attempt;
    EXPECT_TRUE(same_bits(before, net.weights()));
  }
  EXPECT_EQ(message_of([&] { opt.step(forward_of(net), net.criterion()); }), "no error") << "errors leave no trace";
  const auto trained = net.weights();
  EXPECT_PRED2(contains, message_of([&] { opt.step(all, net.criterion()); }), later);
  EXPECT_TRUE(same_bits(trained, net.weights()));
  EXPECT_EQ(opt.step_number(), 1u);
}

TEST(layer_optimizer, says_that_a_forward_shows_no_layer) {
  layer_net net;
  std::vector<float> out(24 * 3);
  expect_error(
      net,
      [&](const probe_view&) {
        return tensor_view<const float>(out.data(), {24, 3});
      },
      "forward: layers called through zolt::linear = 0 must be at least 1",
      "forward: layers called through zolt::linear = 0 must be 3, as in the first forward");
}

TEST(layer_optimizer, says_that_a_forward_returns_something_else_than_rows_of_outputs) {
  layer_net net;
  expect_error(
      net,
      [&](const probe_view& probes) {
        const auto o = net(probes);
        return tensor_view<const float>(o.data(), {1, o.size() - 1});
      },
      "forward: numbers returned = 71 must be rows of 3, the outputs of the last layer", "forward: numbers returned = 71");
}

TEST(layer_optimizer, says_that_a_forward_returns_too_few_rows) {
  layer_net net;
  expect_error(
      net, [&](const probe_view& probes) { return net(probes).rows_from(0, 20); },
      "forward: rows of outputs = 20 must be 24, those of the last layer", "forward: rows of outputs = 20 must be 24");
}

TEST(layer_optimizer, says_that_a_batch_is_empty) {
  layer_net net;
  expect_error(
      net,
      [&](const probe_view& probes) {
        net.rows = 0;
        const auto o = net(probes);
        net.rows = 24;
        return o;
      },
      "forward: rows of the last layer = 0 must be at least 1", "= 0 must be at least 1");
}

/// A second step whose forward is another one.
template <class Forward>
std::string said_of_another_forward(layer_net<>& net, Forward&& forward) {
  optimizer opt{net.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}};
  opt.step(forward_of(net), net.criterion());
  const auto before = net.weights();
  const std::string said = message_of([&] { opt.step(forward_of(forward), net.criterion()); });
  EXPECT_TRUE(same_bits(before, net.weights()));
  EXPECT_EQ(message_of([&] { opt.step(forward_of(net), net.criterion()); }), "no error");
  return said;
}

TEST(layer_optimizer, says_that_a_later_forward_differs) {
  layer_net net, other;
  tensor<float> extra({24, 3}), y({24, 3}), square({3, 3});
  EXPECT_PRED2(contains,
               said_of_another_forward(net,
                                       [&](const probe_view& probes) {
                                         const auto o = net(probes);
                                         linear(probes, square, o, y.view().rows_from(0, o.rows()));
                                         return o;
                                       }),
               "forward: layers called through zolt::linear = 4 must be 3, as in the first forward");
  EXPECT_PRED2(contains, said_of_another_forward(net, [&](const probe_view& probes) { return other(probes); }),
               "forward: layer 0 = 20x9 of other weights must be 20x9, the weights of the first forward");
  EXPECT_PRED2(contains,
               said_of_another_forward(net,
                                       [&](const probe_view& probes) {
                                         std::vector<float> h(24 * 11 * probes.count());
                                         const tensor_view<float> g(h.data(), {24 * probes.count(), 11});
                                         const tensor<float> wide({24, 20});
                                         linear(probes, net.second, wide.view(), g);
                                         return net(probes);
                                       }),
               "forward: layer 0 = 11x20 must be 20x9, the weights of the first forward");
}

TEST(layer_optimizer, says_that_a_hidden_layer_has_other_rows_than_the_outputs) {
  // Two positions per example, of which the head sees the sum: a layer that is no row per example has no signal.
  tensor<float> first = layer_net<>::floats({4, 5}, 1), head = layer_net<>::floats({2, 4}, 2), x({12, 5}), h({12, 4}), o({6, 2});
  draws random(3);
  for (float& value : x.flat()) value = random.normal();
  const std::vector<int> labels = {0, 1, 0, 1, 0, 1};
  auto forward = [&](const probe_view& probes) {
    linear(probes, first, std::as_const(x).view(), h.view());
    linear(probes, head, std::as_const(h).view().rows_from(0, 6), o.view());
    return std::as_const(o).view();
  };
  optimizer all{floats({{"first", first}, {"head", head}}), learned_feedback<>{}, sgd{.rate = 0.1}};
  EXPECT_PRED2(contains, message_of([&] { all.step(forward_of(forward), softmax_cross_entropy<int>{labels}); }),
               "forward: rows of layer 0 = 12 must be 6, those of the outputs");
  optimizer top{floats({{"head", head}}), learned_feedback<>{}, sgd{.rate = 0.1}};
  EXPECT_EQ(message_of([&] { top.step(forward_of(forward), softmax_cross_entropy<int>{labels}); }), "no error")
      << "frozen layers may do as they like";
}

TEST(layer_optimizer, says_that_a_layer_reads_a_part_of_a_parameter_before_anything_is_written) {
  chain net(false);
  tensor<float> larger({9, 6});  // the upper layer reads its first six rows
  std::copy_n(net.second.data(), net.second.size(), larger.data());
  auto forward = [&](const probe_view& probes) {
    const std::size_t rows = 8 * probes.count();
    net.a.resize(rows * 6), net.b.resize(rows * 6), net.o.resize(rows * 2);
    const tensor_view<float> h(net.a.data(), {rows, 6}), g(net.b.data(), {rows, 6}), y(net.o.data(), {rows, 2});
    linear(probes, net.first, std::as_const(net.x).view(), h);
    linear(probes, std::as_const(larger).view().rows_from(0, 6), h, g);
    linear(probes, net.head, g, y);
    return y;
  };
  optimizer opt{floats({{"first", net.first}, {"larger", larger}}), learned_feedback<>{}, sgd{.rate = 0.1}};
  const tensor<float> before = net.first;
  EXPECT_EQ(message_of([&] { opt.step(forward_of(forward), net.criterion()); }),
            "zolt: larger: shape seen by its layer = 6x6 must be 9x6, that of the parameter");
  EXPECT_TRUE(std::equal(before.data(), before.data() + before.size(), net.first.data())) << "the parameter before it was written";
}

TEST(layer_optimizer, says_that_two_uses_of_a_parameter_have_different_shapes) {
  // 4 × 6 below, 6 × 4 above, the same memory: a sum of both gradients has no meaning.
  tensor<float> w = layer_net<>::floats({4, 6}, 1), head = layer_net<>::floats({2, 6}, 2), x({8, 6}), h({16, 4}), g({16, 6}), o({16, 2});
  draws random(3);
  for (float& value : x.flat()) value = random.normal();
  const std::vector<int> labels = {0, 1, 1, 0, 1, 0, 0, 1};
  auto forward = [&](const probe_view& probes) {
    const std::size_t rows = 8 * probes.count();
    linear(probes, w, std::as_const(x).view(), h.view().rows_from(0, rows));
    linear(probes, tensor_view<const float>(w.data(), {6, 4}), h.view().rows_from(0, rows), g.view().rows_from(0, rows));
    linear(probes, head, g.view().rows_from(0, rows), o.view().rows_from(0, rows));
    return o.view().rows_from(0, rows);
  };
  optimizer opt{floats({{"w", w}}), learned_feedback<>{}, sgd{.rate = 0.1}};
  EXPECT_PRED2(contains, message_of([&] { opt.step(forward_of(forward), softmax_cross_entropy<int>{labels}); }),
               "w: shape seen by its layer = 6x4");
}

}  // namespace
}  // namespace zolt::test
