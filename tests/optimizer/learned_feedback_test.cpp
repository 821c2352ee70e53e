#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "support/layer_models.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/gradient_normaliser.hpp"

namespace zolt::test {
namespace {

using network = layered_network<>;

/// What an estimator was shown and said in the last step.
struct seen {
  std::vector<tensor<float>> slopes, signals;
};
template <activation_slope Slope>
struct watched_feedback {
  static constexpr std::string_view name = "watched_feedback";
  static constexpr purity_class purity = purity_class::p2;
  static constexpr activation_slope slope = Slope;
  using state = typename learned_feedback<Slope>::state;
  learned_feedback<Slope> feedback;
  seen* last = nullptr;

  std::size_t rounds(std::size_t hidden) const { return feedback.rounds(hidden); }
  node_round round(std::size_t r, std::size_t hidden) const { return feedback.round(r, hidden); }
  void displace(const direction_key& key, const layer_trace& layer, const node_round& round, std::uint32_t copy,
                tensor_view<float> out) const {
    feedback.displace(key, layer, round, copy, out);
  }
  void observe(state& s, const direction_key& key, const network_trace& trace, const node_responses& responses) const {
    feedback.observe(s, key, trace, responses);
  }
  void signals(state& s, const direction_key& key, const network_trace& trace) const {
    feedback.signals(s, key, trace);
    *last = {};
    for (const layer_trace& layer : trace.hidden) {
      last->slopes.emplace_back(layer.slope.shape());
      std::copy_n(layer.slope.data(), layer.slope.size(), last->slopes.back().data());
      last->signals.emplace_back(layer.signal.shape());
      std::copy_n(layer.signal.data(), layer.signal.size(), last->signals.back().data());
    }
  }
};
static_assert(probing_layer_estimator<watched_feedback<activation_slope::measured>>);

/// Labels that a random network of the same kind gives, so that there is something to learn.
void teach(network& net, std::uint64_t seed) {
  network teacher({net.x.columns(), 24, net.weights.back().rows()}, net.between, net.x.rows(), seed);
  teacher.x = net.x;
  const auto o = teacher(probe_view{});
  for (std::size_t b = 0; b < net.labels.size(); ++b) {
    const auto row = o.row(b);
    net.labels[b] = static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
  }
}

template <activation_slope Slope>
std::vector<double> cosines_after_training(activation a, std::uint64_t seed) {
  network net({16, 24, 24, 4}, a, 48, seed);
  teach(net, seed + 1);
  seen last;
  optimizer opt{net.list(0, true, 0.05), watched_feedback<Slope>{{}, &last}, sgd{.rate = 0.02}};
  const double before = net.mean_loss();
  for (int step = 0; step < 500; ++step) opt.step(net.forward(), net.loss());
  EXPECT_LT(net.mean_loss(), 0.5 * before) << "it trains";
  const gradients truth = net.backpropagated();

  opt.step(net.forward(), net.loss());  // the signals of this step are those of the weights before it
  return {cosine(last.signals[0].flat(), truth.signal[0].flat()), cosine(last.signals[1].flat(), truth.signal[1].flat())};
}

TEST(learned_feedback, tells_nearly_what_backpropagation_would_in_a_relu_network) {
  for (const std::uint64_t seed : {1u, 2u}) {
    const auto measured = cosines_after_training<activation_slope::measured>(activation::relu, seed);
    EXPECT_GT(measured[0], 0.8) << seed;
    EXPECT_GT(measured[1], 0.9) << seed;
  }
}

TEST(learned_feedback, tells_nearly_what_backpropagation_would_in_a_tanh_network) {
  const auto measured = cosines_after_training<activation_slope::measured>(activation::tanh, 4);
  EXPECT_GT(measured[0], 0.8);
  EXPECT_GT(measured[1], 0.9);
}

TEST(learned_feedback, becomes_the_jacobian_of_a_linear_network) {
  network net({10, 8, 6, 4}, activation::identity, 32, 6);
  for (const bool takes_copies : {true, false}) {
    net.takes_copies = takes_copies;
    optimizer opt{net.list(), learned_feedback<>{}, sgd{.rate = 1e-12}, no_gradient_normalisation{}};
    for (int step = 0; step < 400; ++step) opt.step(net.forward(), net.loss());
    matrix jacobian({4, 8});
    for (std::size_t c = 0; c < 4; ++c)
      for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t j = 0; j < 6; ++j) jacobian(c, i) += double{net.weights[2](c, j)} * net.weights[1](j, i);
    EXPECT_LT(relative_difference(opt.estimator_state().feedback(0), jacobian.flat()), 3e-3);
    EXPECT_LT(relative_difference(opt.estimator_state().feedback(1), net.weights[2].flat()), 3e-3);
  }
}

TEST(learned_feedback, lost_examples_do_not_shrink_what_is_learned) {
  network net({10, 8, 6, 4}, activation::identity, 32, 6);
  for (std::size_t b = 0; b < 16; ++b) net.labels[b] = -1;
  optimizer opt{net.list(), learned_feedback<>{}, sgd{.rate = 1e-12}, no_gradient_normalisation{}};
  for (int step = 0; step < 400; ++step) ASSERT_EQ(opt.step(net.forward(), net.loss()).lost_examples, 16u);
  EXPECT_LT(relative_difference(opt.estimator_state().feedback(1), net.weights[2].flat()), 0.02);
}

TEST(learned_feedback, an_example_that_is_no_number_spoils_nothing) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    network net({10, 8, 6, 4}, activation::relu, 32, 7);
    const tensor<float> good = net.x;
    optimizer opt{net.list(), learned_feedback<>{}, sgd{.rate = 1e-3}};
    for (int step = 0; step < 5; ++step) opt.step(net.forward(), net.loss());
    net.x(3, 3) = bad;
    EXPECT_EQ(opt.step(net.forward(), net.loss()).lost_examples, 1u);
    net.x = good;
    EXPECT_EQ(opt.step(net.forward(), net.loss()).lost_examples, 0u);
    for (std::size_t l = 0; l < 2; ++l) {
      for (const float b : opt.estimator_state().feedback(l)) ASSERT_TRUE(std::isfinite(b));
      for (const float m : opt.estimator_state().mean_square(l)) ASSERT_TRUE(std::isfinite(m)) << "or nothing is learned from now on";
    }
  }
}

TEST(learned_feedback, measured_slopes_are_those_of_the_activation) {
  network net({10, 16, 12, 4}, activation::tanh, 32, 8);
  seen last;
  optimizer opt{net.list(), watched_feedback<activation_slope::measured>{{.noise = 0.005}, &last}, sgd{.rate = 1e-12},
                no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  const gradients truth = net.backpropagated();
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t i = 0; i < last.slopes[l].size(); ++i)
      ASSERT_NEAR(last.slopes[l].data()[i], slope_at(activation::tanh, truth.outputs[l].data()[i]), 0.02) << l;
}

TEST(learned_feedback, measured_slopes_of_a_rectifier_are_zero_or_one_away_from_its_edge) {
  network net({10, 16, 12, 4}, activation::relu, 32, 9);
  seen last;
  optimizer opt{net.list(), watched_feedback<activation_slope::measured>{{.noise = 1e-3}, &last}, sgd{.rate = 1e-12},
                no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  const gradients truth = net.backpropagated();
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t i = 0; i < last.slopes[l].size(); ++i) {
      const double z = truth.outputs[l].data()[i];
      if (std::fabs(z) < 0.05) continue;
      if (z < 0)
        ASSERT_EQ(last.slopes[l].data()[i], 0) << l;
      else
        ASSERT_NEAR(last.slopes[l].data()[i], 1, 0.05) << l;
    }
}

TEST(learned_feedback, slopes_of_a_rectifier_are_whether_the_next_layer_read_something) {
  network net({10, 16, 12, 4}, activation::relu, 32, 10);
  seen last;
  optimizer opt{net.list(), watched_feedback<activation_slope::rectifier>{{}, &last}, sgd{.rate = 1e-12}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  const gradients truth = net.backpropagated();
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t i = 0; i < last.slopes[l].size(); ++i)
      ASSERT_EQ(last.slopes[l].data()[i], truth.outputs[l].data()[i] > 0 ? 1.0f : 0.0f);
}

TEST(learned_feedback, one_copy_at_a_time_gives_the_same_weights_as_all_copies_at_once) {
  network at_once({10, 16, 12, 4}, activation::relu, 32, 11), one_by_one = at_once;
  one_by_one.takes_copies = false;
  optimizer a{at_once.list(0, true, 0.05), learned_feedback<>{}}, b{one_by_one.list(0, true, 0.05), learned_feedback<>{}};
  for (int step = 0; step < 10; ++step) a.step(at_once.forward(), at_once.loss()), b.step(one_by_one.forward(), one_by_one.loss());
  for (std::size_t l = 0; l < 3; ++l)
    EXPECT_TRUE(std::equal(at_once.weights[l].flat().begin(), at_once.weights[l].flat().end(), one_by_one.weights[l].flat().begin())) << l;
}

TEST(learned_feedback, a_one_copy_forward_may_have_any_number_of_rows) {
  for (const std::size_t rows : {1u, 7u}) {
    network net({10, 8, 4}, activation::relu, rows, 12);
    net.takes_copies = false;
    optimizer opt{net.list(), learned_feedback<>{}, sgd{.rate = 1e-3}};
    EXPECT_NO_THROW(opt.step(net.forward(), net.loss())) << rows << " rows";
  }
}

TEST(learned_feedback, batches_of_different_sizes_follow_each_other) {
  network net({10, 8, 6, 4}, activation::relu, 32, 13);
  const network all = net;
  optimizer opt{net.list(), learned_feedback<>{}, sgd{.rate = 1e-3}};
  for (const std::size_t rows : {32u, 5u, 1u, 32u}) {
    net.x = tensor<float>({rows, 10});
    std::copy_n(all.x.data(), net.x.size(), net.x.data());
    net.labels.assign(all.labels.begin(), all.labels.begin() + static_cast<std::ptrdiff_t>(rows));
    EXPECT_EQ(opt.step(net.forward(), net.loss()).lost_examples, 0u);
  }
}

TEST(learned_feedback, state_is_what_its_policies_document) {
  using weights = quantized_tensor<int4, per_group<4>>;
  const auto make = [](const tensor<float>& t) { return quantize<int4, per_group<4>>("w", t.view()); };
  layered_network<weights> net({20, 32, 24, 6}, activation::relu, 16, 14, make);
  const std::size_t codes = 20 * 32 + 32 * 24 + 24 * 6;
  const std::size_t feedback = (6 + 1) * (32 + 24);                             // classes + 1 floats per hidden output
  const std::size_t moments = (20 + 32) + (32 + 24) + (24 + 6), of_biases = 3;  // rows + columns of a matrix, one of a vector
  optimizer opt{net.list(), learned_feedback<>{}, sgd{.rate = 0.02}, residual<4>{}};
  opt.step(net.forward(), net.loss());
  EXPECT_EQ(opt.state_bytes(), 4 * (feedback + moments + of_biases) + codes / 2);
  opt.step(net.forward(), net.loss());
  EXPECT_EQ(opt.state_bytes(), 4 * (feedback + moments + of_biases) + codes / 2) << "it does not grow";
}

}  // namespace
}  // namespace zolt::test
