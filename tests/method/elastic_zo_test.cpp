#include "zolt/method/elastic_zo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/layer_net.hpp"
#include "support/messages.hpp"
#include "zolt/estimator/integer_cross_entropy.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/elastic_optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

using float_net = layer_net<>;
using int8_net = layer_net<quantized_tensor<int8>>;

int8_net in_int8(layer_sizes sizes = {}) {
  return {[](std::string_view name, const tensor<float>& w) { return quantize<int8>(name, w.view()); }, sizes};
}

template <class Net>
using list_of = decltype(std::declval<Net&>().parameters());

template <class Net>
list_of<Net> body_of(Net& net) {
  list_of<Net> p;
  p.add("first", net.first, {.unit = Net::unit}), p.add("bias", net.bias, {.unit = Net::unit});
  p.add("second", net.second, {.unit = Net::unit});
  return p;
}
template <class Net>
list_of<Net> head_of(Net& net) {
  list_of<Net> p;
  p.add("head", net.head, {.unit = Net::unit}), p.add("head bias", net.head_bias, {.unit = Net::unit});
  return p;
}

/// The loss of every probe of a plan.
template <class Net, class Loss>
std::vector<double> losses_of(Net& net, const probe_view& plan, const Loss& loss) {
  std::vector<double> losses;
  const auto outputs = net(plan);
  for (std::size_t k = 0; k < plan.count(); ++k) {
    double sum = 0;
    for (std::size_t b = 0; b < net.rows; ++b) sum += loss.loss(b, outputs.row(k * net.rows + b));
    losses.push_back(sum / static_cast<double>(net.rows));
  }
  return losses;
}

/// Both parts of a step, each by an optimizer of its own that sees the weights before the step.
template <class Net, class Method, class Loss>
void expect_both_parts(Net net, Net body, Net head, const Method& method, const Loss& loss, bool many) {
  net.many_copies = many;
  elastic_optimizer training{body_of(net), head_of(net), method, options{.run = 5}};
  static_assert(decltype(training)::purity == purity_class::p1);
  const elastic_report r = training.step(forward_of(net), net.criterion(), loss);
  EXPECT_DOUBLE_EQ(r.forwards(), 2.0 * method.queries + 1);

  const std::vector<float> start = body.weights();
  optimizer of_body{body_of(body), method.policies(), options{.run = 5}};
  of_body.step([&](const probe_view& p) { return losses_of(body, p, loss); });
  optimizer of_head{head_of(head), method.head(), options{.run = 5}};
  of_head.step(forward_of(head), head.criterion());

  const std::vector<float> after = net.weights(), with_body = body.weights(), with_head = head.weights();
  const std::size_t end_of_body = start.size() - net.head.shape().size() - net.head_bias.size();
  std::size_t moved_body = 0, moved_head = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    EXPECT_EQ(after[i], i < end_of_body ? with_body[i] : with_head[i]) << i;
    (i < end_of_body ? moved_body : moved_head) += after[i] != start[i];
  }
  EXPECT_GT(moved_body, 3u);
  EXPECT_GT(moved_head, 3u);
}

TEST(elastic_zo, both_parts_move_from_the_same_weights) {
  for (const bool many : {false, true}) {
    const method::elastic_zo floats{.rate = 0.1, .head_rate = 0.1, .radius = 0.1, .queries = 2};
    const float_net net;
    expect_both_parts(net, net, net, floats, net.criterion(), many);
    const int8_net codes = in_int8();
    expect_both_parts(codes, codes, codes, method::elastic_zo_int8{.queries = 2}, integer_cross_entropy{codes.labels}, many);
  }
}

TEST(elastic_zo, head_descends_its_exact_gradient) {
  float_net net;
  const float_net before = std::as_const(net);
  list_of<float_net> head;  // of unit 1
  head.add("head", net.head), head.add("head bias", net.head_bias);
  elastic_optimizer training{body_of(net), head, method::elastic_zo{.rate = 1, .head_rate = 0.5, .radius = 0.1}};
  training.step(forward_of(net), net.criterion());
  // softmax(o) − onehot(label), outer the input of the head.
  float_net base = before;
  const std::size_t rows = base.rows, classes = base.sizes.classes, width = base.sizes.narrow;
  const auto outputs = base(probe_view{});
  tensor<float> h({rows, base.sizes.wide}), g({rows, width});
  linear(base.first, base.x.view(), h.view());
  add_bias(probe_view{}, base.bias.view(), h.view());
  for (float& v : h.flat()) v = std::max(v, 0.0f);
  linear(base.second, h.view(), g.view());
  for (float& v : g.flat()) v = std::max(v, 0.0f);
  for (std::size_t c = 0; c < classes; ++c) {
    std::vector<double> of_weights(width);
    double of_bias = 0;
    for (std::size_t b = 0; b < rows; ++b) {
      double total = 0;
      for (const float o : outputs.row(b)) total += std::exp(double{o});
      const double error = std::exp(double{outputs(b, c)}) / total - (static_cast<std::size_t>(base.labels[b]) == c ? 1 : 0);
      of_bias += error;
      for (std::size_t i = 0; i < width; ++i) of_weights[i] += error * double{g(b, i)};
    }
    const double share = 0.5 / static_cast<double>(rows);
    EXPECT_NEAR(double{net.head_bias(0, c)} - double{before.head_bias(0, c)}, -share * of_bias, 1e-5);
    for (std::size_t i = 0; i < width; ++i) EXPECT_NEAR(double{net.head(c, i)} - double{before.head(c, i)}, -share * of_weights[i], 1e-5);
  }
  EXPECT_NE(net.weights()[0], before.weights()[0]);
}

double accuracy(float_net& net) {
  const auto outputs = net(probe_view{});
  double right = 0;
  for (std::size_t b = 0; b < net.rows; ++b) {
    const auto row = outputs.row(b);
    right += std::max_element(row.begin(), row.end()) - row.begin() == net.labels[b];
  }
  return right / static_cast<double>(net.rows);
}

// 180 forward passes each, at the best rates of a sweep by factors of 3 for either.
TEST(elastic_zo, is_better_than_perturbation_alone_after_as_many_forwards) {
  const float_net start({.inputs = 16, .wide = 64, .narrow = 32, .classes = 8, .batch = 96});
  float_net elastic = start, alone = start;
  elastic_optimizer training{body_of(elastic), head_of(elastic), method::elastic_zo{.rate = 30, .head_rate = 3000, .radius = 0.1}};
  for (int step = 0; step < 60; ++step) training.step(forward_of(elastic), elastic.criterion());
  optimizer perturbation{alone.parameters(), method::mezo{.rate = 30, .radius = 0.1}};
  for (int step = 0; step < 90; ++step) perturbation.step([&](const probe_view& p) { return losses_of(alone, p, alone.criterion()); });
  RecordProperty("elastic", std::to_string(elastic.loss()) + " " + std::to_string(accuracy(elastic)));
  RecordProperty("alone", std::to_string(alone.loss()) + " " + std::to_string(accuracy(alone)));
  EXPECT_GT(accuracy(elastic), accuracy(alone) + 0.25);
  EXPECT_LT(elastic.loss(), 0.5 * alone.loss());
}

TEST(elastic_zo_int8, learns_by_integer_losses_and_its_parts_replay) {
  int8_net net = in_int8({.batch = 96});
  const int8_net base = std::as_const(net);
  const method::elastic_zo_int8 method{.rate = 4, .head_rate = 2, .radius = 8, .queries = 2};
  const options run{.run = 2, .record_codes = true};
  elastic_optimizer training{body_of(net), head_of(net), method, run};
  const double before = net.loss();
  for (int step = 0; step < 80; ++step) training.step(forward_of(net), net.criterion(), integer_cross_entropy{net.labels});
  EXPECT_LT(net.loss(), 0.5 * before);

  int8_net again = base;
  elastic_optimizer replayed{body_of(again), head_of(again), method, run};
  replayed.body().replay(training.body().recorded());
  replayed.head().resume(training.head().code_log());
  EXPECT_EQ(again.weights(), net.weights());
  EXPECT_EQ(replayed.step_number(), 80u);
}

TEST(elastic_zo, a_forward_that_throws_leaves_everything_as_it_was) {
  for (int call = 0; call < 3; ++call) {
    float_net net;
    elastic_optimizer training{body_of(net), head_of(net), method::elastic_zo{.rate = 1, .head_rate = 1}};
    const std::vector<float> before = net.weights();
    net.throwing_forward = call;  // the one that learns the layers, the clean one, the probes
    EXPECT_THROW(training.step(forward_of(net), net.criterion()), std::runtime_error);
    EXPECT_EQ(net.weights(), before) << call;
    EXPECT_EQ(training.step_number(), 0u);
    EXPECT_EQ(training.body().step_number(), 0u);
    training.step(forward_of(net), net.criterion());
    EXPECT_EQ(training.step_number(), 1u);
    EXPECT_NE(net.weights(), before);
  }
}

struct throwing_criterion {
  double loss(std::size_t, std::span<const float>) const { return 0; }
  void slope(std::size_t, std::span<const float>, std::span<float>) const { throw std::runtime_error("no slope"); }
};

TEST(elastic_zo, a_head_of_another_shape_moves_no_body) {
  float_net net;
  const std::vector<float> before = net.weights();
  list_of<float_net> head;
  head.add("head", tensor_view<float>(net.head.data(), {net.head.columns(), net.head.rows()}), {.unit = float_net::unit});
  head.add("head bias", net.head_bias, {.unit = float_net::unit});
  elastic_optimizer training{body_of(net), head, method::elastic_zo{.rate = 0.1, .radius = 0.1}};
  EXPECT_NE(message_of([&] { training.step(forward_of(net), net.criterion()); }).find("head: shape"), std::string::npos);
  EXPECT_EQ(net.weights(), before);
  EXPECT_EQ(training.body().step_number(), 0u);
}

TEST(elastic_zo, its_parts_share_nothing) {
  float_net net;
  EXPECT_NE(message_of([&] {
              elastic_optimizer{net.parameters(), head_of(net), method::elastic_zo{}};
            }).find("head: memory = shared"),
            std::string::npos);
  list_of<float_net> head;
  head.add("second", net.head, {.unit = float_net::unit});
  EXPECT_NE(message_of([&] { elastic_optimizer{body_of(net), head, method::elastic_zo{}}; }).find("second: id"), std::string::npos);
}

TEST(elastic_zo, a_criterion_that_throws_leaves_everything_as_it_was) {
  float_net net;
  elastic_optimizer training{body_of(net), head_of(net), method::elastic_zo{.rate = 1, .head_rate = 1}};
  const std::vector<float> before = net.weights();
  EXPECT_THROW(training.step(forward_of(net), throwing_criterion{}, net.criterion()), std::runtime_error);
  EXPECT_EQ(net.weights(), before);
  EXPECT_EQ(training.body().step_number(), 0u);
}

}  // namespace
}  // namespace zolt::test
