#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/estimator/criterion.hpp"
#include "zolt/estimator/identity_broadcast.hpp"
#include "zolt/estimator/node_perturbation.hpp"
#include "zolt/linear/local.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"

namespace zolt::test {
namespace {

tensor<float> normals(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  draws random(seed);
  for (float& v : t.flat()) v = random.normal();
  return t;
}

double largest_difference(const tensor<float>& a, const tensor<float>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::fabs(double{a.data()[i]} - double{b.data()[i]}));
  return most;
}

/// A frozen layer reads two patches per example, whose mean a trained layer reads: rows of different numbers in one forward.
struct patched_net {
  static constexpr std::size_t patches = 2, inputs = 6, width = 8, hidden = 8, classes = 3;

  tensor_view<float> operator()(const probe_view& probes) {
    const std::size_t rows = labels.size() * probes.count();
    p.resize(patches * rows * width), m.resize(rows * width), h.resize(rows * hidden), o.resize(rows * classes);
    const tensor_view<float> pv(p.data(), {patches * rows, width}), mv(m.data(), {rows, width}), hv(h.data(), {rows, hidden}),
        ov(o.data(), {rows, classes});
    linear(probes, embed, x.view().rows_from(0, patches * labels.size()), pv);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t j = 0; j < width; ++j) mv(r, j) = pv(2 * r, j) + pv(2 * r + 1, j);
    linear(probes, body, mv, hv);
    linear(probes, head, hv, ov);
    return ov;
  }

  tensor<float> x = normals({patches * 8, inputs}, 1), embed = normals({width, inputs}, 2), body = normals({hidden, width}, 3),
                head = normals({classes, hidden}, 4);
  std::vector<int> labels = {0, 1, 2, 0, 1, 2, 0, 1};
  std::vector<float> p, m, h, o;
};

TEST(layer_rows, an_example_is_lost_beside_a_layer_of_other_rows) {
  patched_net with, without;
  with.labels.back() = -1;
  without.labels.pop_back();
  const auto train = [](patched_net& net) {
    optimizer opt{parameters(parameter{"body", net.body}, parameter{"head", net.head}), orthogonal_node_perturbation{}, sgd{.rate = 0.1},
                  no_gradient_normalisation{}};
    return opt.step(net, softmax_cross_entropy{net.labels}).lost_examples;
  };
  const tensor<float> before = with.body;
  EXPECT_EQ(train(with), 1u);
  EXPECT_EQ(train(without), 0u);
  EXPECT_GT(largest_difference(with.body, before), 1e-3);
  EXPECT_LT(largest_difference(with.body, without.body), 1e-5);
  EXPECT_LT(largest_difference(with.head, without.head), 1e-5);
}

/// y_r = x_r + W · (mean of x_0 … x_r): rows see those before them, as in causal attention.
struct mixing_block {
  const tensor<float>* w;

  static tensor<float> means(tensor_view<const float> x) {
    tensor<float> mean(x.shape());
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t j = 0; j < x.columns(); ++j)
        mean(r, j) = ((r == 0 ? 0 : mean(r - 1, j) * static_cast<float>(r)) + x(r, j)) / static_cast<float>(r + 1);
    return mean;
  }
  void forward(const probe_view& probes, tensor_view<const float> x, tensor_view<float> y) const {
    linear(probes, *w, means(x), y);
    for (std::size_t i = 0; i < y.size(); ++i) y.data()[i] += x.data()[i];
  }
  void backward(tensor_view<const float> x, tensor_view<const float> error, tensor_view<float> input_error, layer_signals& signals) const {
    std::fill_n(input_error.data(), input_error.size(), std::nanf(""));  // nobody may read it
    signals.weights(*w, error, means(x));
  }
};

/// Cross-entropy that an example has no part in, without being lost.
struct excused {
  softmax_cross_entropy<int> all;
  std::size_t row;
  double loss(std::size_t example, std::span<const float> outputs) const { return example == row ? 0 : all.loss(example, outputs); }
  void slope(std::size_t example, std::span<const float> outputs, std::span<float> slope) const {
    if (example == row) return std::fill(slope.begin(), slope.end(), 0.0f);
    all.slope(example, outputs, slope);
  }
};

struct mixing_net {
  static constexpr std::size_t rows = 6, width = 5, classes = 3;

  tensor_view<float> operator()(const probe_view& probes) {
    local(probes, below, x.view(), y.view());
    local(probes, above, y.view(), z.view());
    linear(probes, head, z.view(), o.view());
    return o.view();
  }

  tensor<float> x = normals({rows, width}, 5), w1 = normals({width, width}, 6), w2 = normals({width, width}, 7),
                head = normals({classes, width}, 8), y{shape{rows, width}}, z{shape{rows, width}}, o{shape{rows, classes}};
  mixing_block below{&w1}, above{&w2};
  std::vector<int> labels = {0, 1, 2, 0, 1, 2};
};

TEST(layer_rows, rows_that_others_attend_to_stay_when_their_example_is_lost) {
  mixing_net lost, reference;
  lost.labels[2] = -1;
  const auto all_of = [](mixing_net& net) {
    return parameters(parameter{"w1", net.w1}, parameter{"w2", net.w2}, parameter{"head", net.head});
  };
  optimizer a{all_of(lost), block_backward{}, sgd{.rate = 0.1}, no_gradient_normalisation{}};
  optimizer b{all_of(reference), block_backward{}, sgd{.rate = 0.1 * 6 / 5}, no_gradient_normalisation{}};  // a mean over five of six
  EXPECT_EQ(a.step(lost, softmax_cross_entropy{lost.labels}).lost_examples, 1u);
  EXPECT_EQ(b.step(reference, excused{softmax_cross_entropy{reference.labels}, 2}).lost_examples, 0u);
  EXPECT_LT(largest_difference(lost.w1, reference.w1), 1e-5);
  EXPECT_LT(largest_difference(lost.w2, reference.w2), 1e-5);
  EXPECT_LT(largest_difference(lost.head, reference.head), 1e-5);
}

TEST(layer_rows, the_last_block_is_no_normalisation_before_the_head) {
  mixing_net net;
  optimizer opt{parameters(parameter{"w1", net.w1}, parameter{"w2", net.w2}), block_backward{}, sgd{.rate = 0.1},
                no_gradient_normalisation{}};
  const tensor<float> w1 = net.w1, w2 = net.w2;
  opt.step(net, softmax_cross_entropy{net.labels});
  for (const tensor<float>* w : {&net.w1, &net.w2})
    for (const float v : w->flat()) ASSERT_TRUE(std::isfinite(v)) << "the input error of a block goes nowhere";
  EXPECT_GT(largest_difference(net.w1, w1), 1e-4);
  EXPECT_GT(largest_difference(net.w2, w2), 1e-4);
}

TEST(layer_rows, a_block_of_other_rows_is_an_error_that_says_so) {
  mixing_net net;
  auto pooled = [&](const probe_view& probes) {
    local(probes, net.below, net.x.view(), net.y.view());
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t j = 0; j < mixing_net::width; ++j) net.z(r, j) = net.y(2 * r, j) + net.y(2 * r + 1, j);
    linear(probes, net.head, net.z.view().rows_from(0, 3), net.o.view().rows_from(0, 3));
    return net.o.view().rows_from(0, 3);
  };
  const tensor<float> before = net.w1;
  optimizer opt{parameters(parameter{"w1", net.w1}), block_backward{}};
  EXPECT_PRED2(contains, message_of([&] { opt.step(pooled, softmax_cross_entropy{net.labels}); }), "local layer: rows = 6 must be 3");
  EXPECT_EQ(largest_difference(net.w1, before), 0);
}

}  // namespace
}  // namespace zolt::test
