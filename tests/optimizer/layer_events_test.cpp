#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/layer_net.hpp"
#include "support/messages.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/estimator/node_perturbation.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"

// What is no error is counted: an example whose loss, error or response is not finite has no part in a step. What is an error leaves
// everything as it was.

namespace zolt::test {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}
std::vector<float> difference(std::vector<float> a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}
double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float v : values) most = std::max(most, std::fabs(double{v}));
  return most;
}

parameter_list<dense_view> head_of(layer_net<>& net) {
  parameter_list<dense_view> list;
  list.add("head", net.head, {.unit = net.unit});
  list.add("head bias", net.head_bias, {.unit = net.unit});
  return list;
}
template <class Estimator>
parameter_list<dense_view> trained_by(layer_net<>& net) {
  if constexpr (std::same_as<Estimator, exact_head>)
    return head_of(net);
  else
    return net.parameters();
}

// Lost examples

enum class loss_of_an_example { nan_logit, infinite_activation, label_out_of_range };

/// The last of the examples is lost, so that the others keep their rows and thereby their random directions.
template <class Estimator>
void expect_update_of_the_others(const Estimator& estimator, loss_of_an_example how) {
  constexpr std::size_t batch = 12;
  layer_net with, without;
  with.rows = batch, without.rows = batch - 1;
  if (how == loss_of_an_example::nan_logit) with.spoiled.push_back({spoiled_number::outputs, batch - 1, nan});
  if (how == loss_of_an_example::infinite_activation) with.spoiled.push_back({spoiled_number::first_layer, batch - 1, infinity});
  if (how == loss_of_an_example::label_out_of_range) with.labels[batch - 1] = 3;

  constexpr double rate = 30;
  optimizer a{trained_by<Estimator>(with), estimator, sgd{.rate = rate}, no_gradient_normalisation{}};
  optimizer b{trained_by<Estimator>(without), estimator, sgd{.rate = rate}, no_gradient_normalisation{}};
  const auto start = with.weights();
  for (int step = 0; step < 3; ++step) {
    const report lost = a.step(forward_of(with), with.criterion()), whole = b.step(forward_of(without), without.criterion());
    EXPECT_EQ(lost.lost_examples, 1u) << Estimator::name << ", case " << static_cast<int>(how);
    EXPECT_EQ(whole.lost_examples, 0u);
    EXPECT_EQ(lost.lost_gradients, 0u);
    EXPECT_NEAR(lost.loss, whole.loss, 1e-5) << "the mean of the finite losses";
    EXPECT_EQ(lost.forwards, whole.forwards);
  }
  const auto moved = difference(without.weights(), start);
  EXPECT_GT(largest(moved), 1e-4);
  EXPECT_LT(largest(difference(with.weights(), without.weights())), 1e-3 * largest(moved))
      << Estimator::name << ", case " << static_cast<int>(how);
}

TEST(layer_events, a_nan_logit_loses_an_example) {
  expect_update_of_the_others(exact_head{}, loss_of_an_example::nan_logit);
  expect_update_of_the_others(learned_feedback<>{}, loss_of_an_example::nan_logit);
  expect_update_of_the_others(node_perturbation{}, loss_of_an_example::nan_logit);
  expect_update_of_the_others(orthogonal_node_perturbation{}, loss_of_an_example::nan_logit);
}

TEST(layer_events, an_infinite_activation_loses_an_example) {
  expect_update_of_the_others(exact_head{}, loss_of_an_example::infinite_activation);
  expect_update_of_the_others(learned_feedback<>{}, loss_of_an_example::infinite_activation);
  expect_update_of_the_others(node_perturbation{}, loss_of_an_example::infinite_activation);
  expect_update_of_the_others(orthogonal_node_perturbation{}, loss_of_an_example::infinite_activation);
}

TEST(layer_events, a_label_out_of_range_loses_an_example) {
  expect_update_of_the_others(exact_head{}, loss_of_an_example::label_out_of_range);
  expect_update_of_the_others(learned_feedback<>{}, loss_of_an_example::label_out_of_range);
  expect_update_of_the_others(node_perturbation{}, loss_of_an_example::label_out_of_range);
  expect_update_of_the_others(orthogonal_node_perturbation{}, loss_of_an_example::label_out_of_range);
}

TEST(layer_events, an_example_is_lost_wherever_it_stands) {
  layer_net net, other;
  net.rows = other.rows = 12;
  net.spoiled.push_back({spoiled_number::outputs, 4, nan});
  for (const std::size_t row : {4u}) {  // the same batch with that example at its end
    for (std::size_t j = 0; j < net.sizes.inputs; ++j) std::swap(other.x(row, j), other.x(11, j));
    std::swap(other.labels[row], other.labels[11]);
    other.spoiled.push_back({spoiled_number::outputs, 11, nan});
  }
  const auto start = net.weights();
  optimizer a{head_of(net), exact_head{}, sgd{.rate = 30}, no_gradient_normalisation{}};
  optimizer b{head_of(other), exact_head{}, sgd{.rate = 30}, no_gradient_normalisation{}};
  a.step(forward_of(net), net.criterion()), b.step(forward_of(other), other.criterion());
  const auto moved = difference(net.weights(), start);
  EXPECT_GT(largest(moved), 1e-4);
  EXPECT_LT(largest(difference(net.weights(), other.weights())), 1e-5 * largest(moved));
}

/// What an estimator has learned so far is still finite.
template <class Optimizer>
void expect_finite_state(const Optimizer& opt) {
  if constexpr (requires { opt.estimator_state().feedback; }) {
    for (const auto& matrix : opt.estimator_state().feedback) EXPECT_TRUE(all_finite(matrix));
    for (const auto& squares : opt.estimator_state().mean_square) EXPECT_TRUE(all_finite(squares));
  }
}

/// One example has no finite response to one probe: it is lost, and nothing else is, then or later.
template <class Estimator>
void expect_lost_response(const Estimator& estimator, spoiled_number::place where, float value) {
  layer_net net;
  net.spoiled.push_back({where, 5, value, 3});  // forwards of the first step: two that learn the layers, a clean one, a probe
  optimizer opt{net.parameters(), estimator, sgd{.rate = 30}, no_gradient_normalisation{}};
  const double loss = net.loss();
  net.forwards = 0;
  report r = opt.step(forward_of(net), net.criterion());
  EXPECT_EQ(r.lost_examples, 1u) << Estimator::name;
  EXPECT_EQ(r.lost_gradients, 0u) << Estimator::name;
  EXPECT_DOUBLE_EQ(r.loss, loss) << "its loss was finite";
  EXPECT_TRUE(all_finite(net.weights()));
  expect_finite_state(opt);
  const auto before = net.weights();
  r = opt.step(forward_of(net), net.criterion());
  EXPECT_EQ(r.lost_examples, 0u);
  EXPECT_EQ(r.lost_gradients, 0u);
  EXPECT_TRUE(all_finite(net.weights()));
  const auto moved = difference(net.weights(), before);
  const auto first = moved.begin() + static_cast<std::ptrdiff_t>(net.first.size());
  EXPECT_GT(largest({moved.begin(), first}), 0) << Estimator::name << ": the first layer still learns";
}

TEST(layer_events, a_response_that_is_not_finite_loses_an_example) {
  for (const auto where : {spoiled_number::outputs, spoiled_number::first_layer})
    for (const float value : {nan, infinity}) {
      expect_lost_response(learned_feedback<>{}, where, value);
      expect_lost_response(node_perturbation{}, where, value);
      expect_lost_response(orthogonal_node_perturbation{}, where, value);
    }
}

template <class Estimator>
void expect_no_update_without_examples(const Estimator& estimator) {
  layer_net net, fresh;
  const auto labels = net.labels;
  std::fill(net.labels.begin(), net.labels.end(), -1);
  optimizer opt{trained_by<Estimator>(net), estimator, sgd{.rate = 0.1}};
  const auto before = net.weights();
  const report r = opt.step(forward_of(net), net.criterion());
  EXPECT_EQ(r.lost_examples, net.rows);
  EXPECT_TRUE(std::isnan(r.loss));
  EXPECT_EQ(r.lost_gradients, 0u);
  EXPECT_TRUE(same_bits(before, net.weights())) << Estimator::name;
  EXPECT_EQ(opt.step_number(), 1u) << "a step like any other";
  expect_finite_state(opt);
  net.labels = labels;
  opt.step(forward_of(net), net.criterion());
  EXPECT_FALSE(same_bits(before, net.weights())) << Estimator::name << ": the next batch trains";
}

TEST(layer_events, a_batch_of_lost_examples_moves_no_weight) {
  expect_no_update_without_examples(exact_head{});
  expect_no_update_without_examples(learned_feedback<>{});
}

// Gradients that are not finite

/// One layer on given inputs, with squared error.
struct lone_layer {
  tensor<float> w{{2, 3}}, x{{4, 3}}, target{{4, 2}}, y{{4, 2}};
  tensor_view<const float> operator()(const probe_view& probes) {
    linear(probes, w, std::as_const(x).view(), y.view());
    return y;
  }
  squared_error criterion() const { return {target}; }
};

TEST(layer_events, a_gradient_that_is_not_finite_is_counted_and_taken_as_0) {
  lone_layer layer;
  std::fill_n(layer.target.data(), layer.target.size(), 1e13f);
  std::fill_n(layer.x.data(), layer.x.size(), 1.0f);
  layer.x(0, 1) = 1e27f;  // times an error of 1e13: beyond single precision
  parameter_list<dense_view> list;
  list.add("w", layer.w);
  optimizer opt{list, exact_head{}, sgd{.rate = 0.01}};
  const report r = opt.step(forward_of(layer), layer.criterion());
  EXPECT_EQ(r.lost_gradients, 2u) << "one column of two rows";
  EXPECT_EQ(r.lost_examples, 0u);
  for (const std::size_t row : {0u, 1u}) {
    EXPECT_EQ(layer.w(row, 1), 0);
    EXPECT_GT(layer.w(row, 0), 0) << "the others train";
  }
}

TEST(layer_events, a_gradient_whose_square_is_not_finite_does_not_end_the_training) {
  lone_layer layer;
  std::fill_n(layer.target.data(), layer.target.size(), 1e20f);
  std::fill_n(layer.x.data(), layer.x.size(), 1.0f);
  parameter_list<dense_view> list;
  list.add("w", layer.w);
  optimizer opt{list, exact_head{}, sgd{.rate = 0.01}};
  opt.step(forward_of(layer), layer.criterion());
  EXPECT_TRUE(std::all_of(layer.w.data(), layer.w.data() + 6, [](float w) { return std::isfinite(w); }));
  std::fill_n(layer.target.data(), layer.target.size(), 1.0f);
  std::fill_n(layer.w.data(), layer.w.size(), 0.0f);
  for (int step = 0; step < 300; ++step) opt.step(forward_of(layer), layer.criterion());
  EXPECT_GT(layer.w(0, 0), 0.01f) << "the moments must not stay infinite";
}

// A forward that throws

/// A run in which forward number `throwing` throws, and its step is made again, ends where an undisturbed one does.
template <class... Policies>
void expect_no_trace_of_a_throw(int throwing, const Policies&... policies) {
  layer_net net, undisturbed;
  optimizer a{net.parameters(), policies..., sgd{.rate = 0.1}}, b{undisturbed.parameters(), policies..., sgd{.rate = 0.1}};
  net.throwing_forward = throwing;
  bool thrown = false;
  for (int step = 0; step < 4; ++step) {
    const auto before = net.weights();
    report r;
    try {
      r = a.step(forward_of(net), net.criterion());
    } catch (const std::runtime_error&) {
      thrown = true;
      EXPECT_TRUE(same_bits(before, net.weights()));
      EXPECT_EQ(a.step_number(), static_cast<std::uint32_t>(step));
      r = a.step(forward_of(net), net.criterion());
    }
    const report same = b.step(forward_of(undisturbed), undisturbed.criterion());
    EXPECT_EQ(r.step, same.step);
    EXPECT_EQ(r.loss, same.loss);
    EXPECT_EQ(r.probes, same.probes) << "forward " << throwing << ", step " << step;
    EXPECT_EQ(r.finished, same.finished);
    EXPECT_TRUE(same_bits(net.weights(), undisturbed.weights())) << "forward " << throwing << ", step " << step;
  }
  EXPECT_TRUE(thrown);
}

TEST(layer_events, a_forward_that_throws_leaves_no_trace) {
  // Two forwards learn the layers, then each step has a clean one and one per round.
  for (int forward = 0; forward < 8; ++forward) {
    expect_no_trace_of_a_throw(forward, learned_feedback<>{});
    expect_no_trace_of_a_throw(forward, orthogonal_node_perturbation{.copies = 2, .last_copies = 3});
  }
}

TEST(layer_events, a_throw_leaves_the_batches_that_wait_for_a_write) {
  for (int forward = 0; forward < 8; ++forward) expect_no_trace_of_a_throw(forward, learned_feedback<>{}, batches_per_write{.count = 2});
}

/// A criterion that throws at an example.
struct throwing_criterion {
  softmax_cross_entropy<int> inner;
  bool throws;
  double loss(std::size_t example, std::span<const float> outputs) const {
    if (throws && example == 7) throw std::runtime_error("the criterion broke");
    return inner.loss(example, outputs);
  }
  void slope(std::size_t example, std::span<const float> outputs, std::span<float> slope) const { inner.slope(example, outputs, slope); }
};

TEST(layer_events, a_criterion_that_throws_leaves_no_trace) {
  layer_net net, undisturbed;
  optimizer a{net.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}},
      b{undisturbed.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}};
  for (const bool throws : {false, true, false, true, false}) {
    const throwing_criterion loss{net.criterion(), throws};
    const auto before = net.weights();
    if (throws) {
      EXPECT_THROW(a.step(forward_of(net), loss), std::runtime_error);
      EXPECT_TRUE(same_bits(before, net.weights()));
    } else {
      a.step(forward_of(net), loss);
      b.step(forward_of(undisturbed), undisturbed.criterion());
    }
  }
  EXPECT_TRUE(same_bits(net.weights(), undisturbed.weights()));
}

// Weights that are no numbers

TEST(layer_events, weights_that_are_no_numbers_are_refused) {
  layer_net net;
  optimizer opt{net.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}};
  EXPECT_EQ(message_of([&] { opt.validate(); }), "no error");
  net.second(3, 2) = nan;
  EXPECT_EQ(message_of([&] { opt.validate(); }), "zolt: second: weight 62 = nan must be finite");
  const auto make = [&] { optimizer another{net.parameters(), learned_feedback<>{}, sgd{.rate = 0.1}}; };
  EXPECT_EQ(message_of(make), "zolt: second: weight 62 = nan must be finite");
  const auto before = net.weights();
  const report r = opt.step(forward_of(net), net.criterion());
  EXPECT_EQ(r.lost_examples, net.rows) << "a step that was made nevertheless loses every example";
  EXPECT_TRUE(same_bits(before, net.weights()));
}

}  // namespace
}  // namespace zolt::test
