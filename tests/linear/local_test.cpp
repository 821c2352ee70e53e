#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "support/layer_models.hpp"
#include "support/messages.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/identity_broadcast.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/linear/local.hpp"
#include "zolt/linear/rms_norm.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/gradient_normaliser.hpp"

namespace zolt::test {
namespace {

/// x + W2 relu(W1 x + b), with a backward that computes its forward again.
struct block {
  tensor<float> in, bias, out;

  block(std::size_t width, std::size_t hidden, std::uint64_t seed)
      : in(random_matrix({hidden, width}, seed, 0.5f)),
        bias(random_matrix({1, hidden}, seed + 1, 0.1f)),
        out(random_matrix({width, hidden}, seed + 2, 0.3f)) {}

  void forward(const probe_view& probes, tensor_view<const float> x, tensor_view<float> y) const {
    tensor<float> h({x.rows(), in.rows()});
    linear(probes, in, x, h.view());
    add_bias(probes, bias, h.view());
    for (float& v : h.flat()) v = std::max(v, 0.0f);
    linear(probes, out, std::as_const(h).view(), y);
    for (std::size_t i = 0; i < y.size(); ++i) y.data()[i] += x.data()[i];
  }
  void backward(tensor_view<const float> x, tensor_view<const float> error, tensor_view<float> input_error, layer_signals& signals) const {
    tensor<float> h({x.rows(), in.rows()}), of_hidden({x.rows(), in.rows()});
    linear(in, x, h.view());
    add_bias(probe_view{}, bias, h.view());
    for (float& v : h.flat()) v = std::max(v, 0.0f);
    linear_transposed(out, error, of_hidden.view());
    for (std::size_t i = 0; i < h.size(); ++i)
      if (h.data()[i] == 0) of_hidden.data()[i] = 0;
    signals.weights(out, error, std::as_const(h).view());
    signals.weights(in, std::as_const(of_hidden).view(), x);
    signals.vector(bias, std::as_const(of_hidden).view());
    linear_transposed(in, std::as_const(of_hidden).view(), input_error);
    for (std::size_t i = 0; i < input_error.size(); ++i) input_error.data()[i] += error.data()[i];
  }
};
static_assert(local_layer_with_backward<block>);

/// The same seen layer by layer: no backward.
struct open_block {
  const block& inner;
  void forward(const probe_view& probes, tensor_view<const float> x, tensor_view<float> y) const { inner.forward(probes, x, y); }
};
static_assert(local_layer<open_block> && !local_layer_with_backward<open_block>);

struct block_gradients {
  matrix in, bias, out;
};
struct residual_gradients {
  std::vector<block_gradients> blocks;
  matrix gain, head, stream;  ///< stream: ∂L/∂(input of the normalisation) of every example
};

/// Blocks, a normalisation, a head.
struct residual_network {
  static constexpr std::size_t width = 8, hidden = 12, classes = 5;
  std::vector<block> blocks;
  tensor<float> gain, head, x;
  std::vector<int> labels;
  bool with_backward = true, norm_is_local = true;
  tensor<float> stream, next, outputs;

  residual_network(std::size_t depth, std::size_t rows, std::uint64_t seed)
      : gain(random_matrix({1, width}, seed)), head(random_matrix({classes, width}, seed + 1)), x(random_matrix({rows, width}, seed + 2)) {
    for (std::size_t l = 0; l < depth; ++l) blocks.emplace_back(width, hidden, seed + 10 + 3 * l);
    draws d(seed + 3);
    for (std::size_t b = 0; b < rows; ++b) labels.push_back(static_cast<int>(d.below(classes)));
  }
  softmax_cross_entropy<int> loss() const { return {std::span<const int>(labels)}; }

  tensor_view<const float> operator()(const probe_view& probes) {
    const std::size_t rows = x.rows() * probes.count();
    stream = tensor<float>({rows, width}), next = tensor<float>({rows, width}), outputs = tensor<float>({rows, classes});
    for (std::size_t k = 0; k < probes.count(); ++k) std::copy_n(x.data(), x.size(), stream.data() + k * x.size());
    for (const block& b : blocks) {
      if (with_backward)
        local(probes, b, std::as_const(stream).view(), next.view());
      else
        local(probes, open_block{b}, std::as_const(stream).view(), next.view());
      std::swap(stream, next);
    }
    const rms_norm norm(gain, epsilon);
    if (norm_is_local) {
      // A part that offers a backward lives until the step ends.
      kept.assign(1, norm_of{&gain});
      local(probes, kept[0], std::as_const(stream).view(), next.view());
    } else {
      norm.forward(probes, std::as_const(stream).view(), next.view());
    }
    linear(probes, head, std::as_const(next).view(), outputs.view());
    return std::as_const(outputs).view();
  }
  auto forward() {
    return [this](const probe_view& probes) { return (*this)(probes); };
  }

  residual_gradients backpropagated() const {
    const std::size_t rows = x.rows();
    const double share = 1 / static_cast<double>(rows);
    residual_gradients g;
    g.gain = matrix({1, width}), g.head = matrix({classes, width}), g.stream = matrix({rows, width});
    for (std::size_t l = 0; l < blocks.size(); ++l)
      g.blocks.push_back({matrix({hidden, width}), matrix({1, hidden}), matrix({width, hidden})});
    for (std::size_t b = 0; b < rows; ++b) {
      std::vector<std::vector<double>> streams = {{x.view().row(b).begin(), x.view().row(b).end()}}, inside;
      for (const block& f : blocks) {
        std::vector<double> h(hidden), y = streams.back();
        for (std::size_t i = 0; i < hidden; ++i) {
          h[i] = double{f.bias(0, i)};
          for (std::size_t k = 0; k < width; ++k) h[i] += f.in(i, k) * streams.back()[k];
          h[i] = std::max(h[i], 0.0);
        }
        for (std::size_t k = 0; k < width; ++k)
          for (std::size_t i = 0; i < hidden; ++i) y[k] += f.out(k, i) * h[i];
        inside.push_back(h);
        streams.push_back(y);
      }
      const std::vector<double>& s = streams.back();
      double squares = 0, total = 0, along = 0;
      for (const double v : s) squares += v * v;
      const double scale = 1 / std::sqrt(squares / width + epsilon);
      std::vector<double> o(classes), error(width);
      for (std::size_t c = 0; c < classes; ++c) {
        for (std::size_t k = 0; k < width; ++k) o[c] += head(c, k) * double{gain(0, k)} * s[k] * scale;
        total += std::exp(o[c]);
      }
      for (std::size_t c = 0; c < classes; ++c) {
        const double e = std::exp(o[c]) / total - (labels[b] == static_cast<int>(c) ? 1 : 0);
        for (std::size_t k = 0; k < width; ++k) {
          g.head(c, k) += share * e * gain(0, k) * s[k] * scale;
          error[k] += e * head(c, k);
        }
      }
      for (std::size_t k = 0; k < width; ++k) {
        g.gain(0, k) += share * error[k] * s[k] * scale;
        error[k] *= double{gain(0, k)};
        along += error[k] * s[k];
      }
      for (std::size_t k = 0; k < width; ++k) g.stream(b, k) = error[k] = scale * (error[k] - s[k] * scale * scale * along / width);
      for (std::size_t l = blocks.size(); l-- > 0;) {
        std::vector<double> of_hidden(hidden), below = error;
        for (std::size_t i = 0; i < hidden; ++i)
          for (std::size_t k = 0; k < width; ++k) {
            g.blocks[l].out(k, i) += share * error[k] * inside[l][i];
            if (inside[l][i] > 0) of_hidden[i] += error[k] * blocks[l].out(k, i);
          }
        for (std::size_t i = 0; i < hidden; ++i) {
          g.blocks[l].bias(0, i) += share * of_hidden[i];
          for (std::size_t k = 0; k < width; ++k) {
            g.blocks[l].in(i, k) += share * of_hidden[i] * streams[l][k];
            below[k] += of_hidden[i] * blocks[l].in(i, k);
          }
        }
        error = below;
      }
    }
    return g;
  }

  static constexpr double epsilon = 1e-5;
  struct norm_of {
    const tensor<float>* gain;
    void forward(const probe_view& probes, tensor_view<const float> from, tensor_view<float> to) const {
      rms_norm(*gain, epsilon).forward(probes, from, to);
    }
    void backward(tensor_view<const float> from, tensor_view<const float> error, tensor_view<float> input_error,
                  layer_signals& signals) const {
      rms_norm(*gain, epsilon).backward(from, error, input_error, signals);
    }
  };
  std::vector<norm_of> kept;
};

constexpr double rate = 64;

double off(const tensor<float>& before, const tensor<float>& after, const matrix& truth) {
  return relative_difference(estimate_from(before, after, rate).flat(), truth.flat());
}

TEST(identity_broadcast, tells_the_last_block_its_true_gradient) {
  residual_network net(1, 16, 1);
  net.with_backward = false;
  const residual_gradients truth = net.backpropagated();
  const residual_network start = net;
  parameter_list<dense_view> set;
  set.add("out", net.blocks[0].out);
  set.add("gain", net.gain);
  set.add("head", net.head);
  optimizer opt{set, identity_broadcast{}, sgd{.rate = rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  EXPECT_LT(off(start.blocks[0].out, net.blocks[0].out, truth.blocks[0].out), 1e-5);
  EXPECT_LT(off(start.gain, net.gain, truth.gain), 1e-5);
  EXPECT_LT(off(start.head, net.head, truth.head), 1e-5);
}

TEST(identity_broadcast, ignores_the_backward_of_blocks_that_offer_one) {
  residual_network net(2, 16, 2);
  const residual_gradients truth = net.backpropagated();
  const residual_network start = net;
  parameter_list<dense_view> set;
  set.add("out", net.blocks[1].out);
  optimizer opt{set, identity_broadcast{}, sgd{.rate = rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  EXPECT_LT(off(start.blocks[1].out, net.blocks[1].out, truth.blocks[1].out), 1e-5);
}

TEST(identity_broadcast, tells_lower_blocks_the_error_of_the_stream) {
  residual_network net(2, 16, 3);
  const residual_gradients truth = net.backpropagated();
  const residual_network start = net;
  parameter_list<dense_view> set;
  set.add("out", net.blocks[0].out);
  optimizer opt{set, identity_broadcast{}, sgd{.rate = rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  matrix told({8, 12});
  for (std::size_t b = 0; b < 16; ++b)
    for (std::size_t i = 0; i < 12; ++i) {
      double h = double{start.blocks[0].bias(0, i)};
      for (std::size_t k = 0; k < 8; ++k) h += double{start.blocks[0].in(i, k)} * start.x(b, k);
      for (std::size_t k = 0; k < 8; ++k) told(k, i) += truth.stream(b, k) * std::max(h, 0.0) / 16;
    }
  EXPECT_LT(off(start.blocks[0].out, net.blocks[0].out, told), 1e-5);
  EXPECT_GT(off(start.blocks[0].out, net.blocks[0].out, truth.blocks[0].out), 0.01) << "not the truth: that takes the block above";
}

TEST(identity_broadcast, a_normalisation_that_is_not_local_counts_as_the_identity) {
  residual_network net(1, 16, 4);
  net.norm_is_local = false;
  const residual_network start = net;
  parameter_list<dense_view> set;
  set.add("out", net.blocks[0].out);
  optimizer opt{set, identity_broadcast{}, sgd{.rate = rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  residual_network same = start;
  const auto o = same(probe_view{});
  matrix told({8, 12});
  for (std::size_t b = 0; b < 16; ++b) {
    std::vector<float> e(5);
    net.loss().slope(b, o.row(b), e);
    for (std::size_t i = 0; i < 12; ++i) {
      double h = double{start.blocks[0].bias(0, i)};
      for (std::size_t k = 0; k < 8; ++k) h += double{start.blocks[0].in(i, k)} * start.x(b, k);
      for (std::size_t k = 0; k < 8; ++k)
        for (std::size_t c = 0; c < 5; ++c) told(k, i) += double{e[c]} * start.head(c, k) * std::max(h, 0.0) / 16;
    }
  }
  EXPECT_LT(off(start.blocks[0].out, net.blocks[0].out, told), 1e-5);
}

TEST(identity_broadcast, a_layer_that_does_not_add_to_the_stream_is_an_error_that_names_it) {
  residual_network net(2, 16, 5);
  const residual_network start = net;
  parameter_list<dense_view> set;
  set.add("in", net.blocks[1].in);
  optimizer opt{set, identity_broadcast{}, sgd{.rate = rate}};
  const std::string message = message_of([&] { opt.step(net.forward(), net.loss()); });
  EXPECT_TRUE(contains(message, "layer 2")) << message;
  EXPECT_TRUE(contains(message, "12")) << message;
  EXPECT_TRUE(std::equal(start.blocks[1].in.flat().begin(), start.blocks[1].in.flat().end(), net.blocks[1].in.flat().begin()));
}

parameter_list<dense_view> all_of(residual_network& net, std::size_t first_block) {
  parameter_list<dense_view> set;
  for (std::size_t l = first_block; l < net.blocks.size(); ++l) {
    set.add("in" + std::to_string(l), net.blocks[l].in);
    set.add("bias" + std::to_string(l), net.blocks[l].bias);
    set.add("out" + std::to_string(l), net.blocks[l].out);
  }
  set.add("gain", net.gain);
  set.add("head", net.head);
  return set;
}

TEST(block_backward, every_gradient_of_the_last_block_is_that_of_backpropagation) {
  for (const std::size_t depth : {1u, 3u}) {
    residual_network net(depth, 16, 6);
    const residual_gradients truth = net.backpropagated();
    const residual_network start = net;
    optimizer opt{all_of(net, depth - 1), block_backward{}, sgd{.rate = rate}, no_gradient_normalisation{}};
    opt.step(net.forward(), net.loss());
    const block &was = start.blocks.back(), &is = net.blocks.back();
    EXPECT_LT(off(was.in, is.in, truth.blocks.back().in), 1e-5);
    EXPECT_LT(off(was.bias, is.bias, truth.blocks.back().bias), 1e-5);
    EXPECT_LT(off(was.out, is.out, truth.blocks.back().out), 1e-5);
    EXPECT_LT(off(start.gain, net.gain, truth.gain), 1e-5);
    EXPECT_LT(off(start.head, net.head, truth.head), 1e-5);
  }
}

TEST(block_backward, lower_blocks_are_asked_too) {
  residual_network net(2, 16, 7);
  const residual_network start = net;
  optimizer opt{all_of(net, 0), block_backward{}, sgd{.rate = rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  const residual_gradients truth = residual_network(start).backpropagated();
  EXPECT_GT(cosine(estimate_from(start.blocks[0].in, net.blocks[0].in, rate).flat(), truth.blocks[0].in.flat()), 0.3);
  EXPECT_LT(off(start.blocks[1].in, net.blocks[1].in, truth.blocks[1].in), 1e-5);
}

TEST(block_backward, batches_of_one_write_are_one_batch) {
  residual_network net(1, 24, 8);
  const residual_gradients truth = net.backpropagated();
  const residual_network start = net;
  optimizer opt{all_of(net, 0), block_backward{}, sgd{.rate = rate}, no_gradient_normalisation{}, batches_per_write{.count = 2}};
  std::size_t first = 0;
  for (const std::size_t rows : {8u, 16u}) {
    net.x = tensor<float>({rows, 8});
    std::copy_n(start.x.data() + first * 8, rows * 8, net.x.data());
    net.labels.assign(start.labels.begin() + static_cast<std::ptrdiff_t>(first),
                      start.labels.begin() + static_cast<std::ptrdiff_t>(first + rows));
    first += rows;
    opt.step(net.forward(), net.loss());
  }
  EXPECT_LT(off(start.head, net.head, truth.head), 1e-5);
  EXPECT_LT(off(start.gain, net.gain, truth.gain), 1e-5);
  EXPECT_LT(off(start.blocks[0].in, net.blocks[0].in, truth.blocks[0].in), 1e-5);
  EXPECT_LT(off(start.blocks[0].out, net.blocks[0].out, truth.blocks[0].out), 1e-5);
}

TEST(block_backward, examples_without_a_label_have_no_part) {
  residual_network net(1, 16, 9), fewer = net;
  net.labels[15] = -1;
  fewer.x = tensor<float>({15, 8});
  std::copy_n(net.x.data(), fewer.x.size(), fewer.x.data());
  fewer.labels.pop_back();
  const residual_gradients truth = fewer.backpropagated();
  const residual_network start = net;
  optimizer opt{all_of(net, 0), block_backward{}, sgd{.rate = rate}, no_gradient_normalisation{}};
  EXPECT_EQ(opt.step(net.forward(), net.loss()).lost_examples, 1u);
  EXPECT_GT(cosine(estimate_from(start.blocks[0].in, net.blocks[0].in, rate).flat(), truth.blocks[0].in.flat()), 1 - 1e-9);
  EXPECT_GT(cosine(estimate_from(start.gain, net.gain, rate).flat(), truth.gain.flat()), 1 - 1e-9);
}

TEST(local, is_the_forward_of_its_layer_for_everybody_else) {
  residual_network net(2, 16, 10);
  const auto seen = [&net] {
    const auto o = net(probe_view{});
    return std::vector<float>(o.flat().begin(), o.flat().end());
  };
  const auto with = seen();
  net.with_backward = net.norm_is_local = false;
  EXPECT_EQ(with, seen());
  residual_network other = net;
  other.with_backward = other.norm_is_local = true;
  const auto train = [](residual_network& n) {
    parameter_list<dense_view> set;
    set.add("in", n.blocks[1].in), set.add("out", n.blocks[1].out), set.add("head", n.head);
    optimizer opt{set, learned_feedback<>{}, sgd{.rate = 1e-3}};
    for (int step = 0; step < 3; ++step) opt.step(n.forward(), n.loss());
  };
  train(net), train(other);
  EXPECT_TRUE(std::equal(net.blocks[1].in.flat().begin(), net.blocks[1].in.flat().end(), other.blocks[1].in.flat().begin()));
}

template <class Weights>
void expect_transposed_product(const Weights& w, std::size_t rows) {
  const shape s = w.shape();
  const tensor<double> values = decoded(w, s);
  const tensor<float> dy = random_matrix({rows, s.rows}, 20);
  tensor<float> dx({rows, s.columns});
  std::fill_n(dx.data(), dx.size(), 1e30f);
  linear_transposed(w, dy.view(), dx.view());
  for (std::size_t b = 0; b < rows; ++b)
    for (std::size_t k = 0; k < s.columns; ++k) {
      double sum = 0, size = 0;
      for (std::size_t i = 0; i < s.rows; ++i) sum += dy(b, i) * values(i, k), size += std::fabs(dy(b, i) * values(i, k));
      ASSERT_NEAR(dx(b, k), sum, 2e-6 * size) << s.text() << " at " << b << ", " << k;
    }
}

TEST(linear_transposed, is_a_double_loop) {
  draws d(21);
  for (int trial = 0; trial < 12; ++trial)
    expect_transposed_product(random_matrix({d.between(1, 40), d.between(1, 60)}, 22), d.between(1, 9));
  expect_transposed_product(random_matrix({170, 101}, 23), 3);  // more than a tile
  expect_transposed_product(random_matrix({3, 17000}, 24), 2);  // a row longer than a tile
  expect_transposed_product(quantize<int4, per_group<8>>("w", random_matrix({37, 24}, 25).view()), 5);
  expect_transposed_product(quantize<int8>("w", random_matrix({170, 100}, 26).view()), 3);
}

TEST(linear_transposed, is_the_derivative_of_linear) {
  // ⟨dy, W x⟩ = ⟨Wᵀ dy, x⟩
  const tensor<float> w = random_matrix({13, 21}, 27), x = random_matrix({4, 21}, 28), dy = random_matrix({4, 13}, 29);
  tensor<float> y({4, 13}), dx({4, 21});
  linear(w, x.view(), y.view());
  linear_transposed(w, dy.view(), dx.view());
  double left = 0, right = 0;
  for (std::size_t i = 0; i < y.size(); ++i) left += double{y.data()[i]} * dy.data()[i];
  for (std::size_t i = 0; i < x.size(); ++i) right += double{dx.data()[i]} * x.data()[i];
  EXPECT_NEAR(left, right, 1e-4);
}

TEST(linear_transposed, shapes_that_do_not_fit_are_errors) {
  const tensor<float> w = random_matrix({5, 7}, 30), dy({3, 5}), wide({3, 6});
  tensor<float> dx({3, 7}), few({2, 7}), narrow({3, 6});
  EXPECT_EQ(message_of([&] { linear_transposed(w, dy.view(), dx.view()); }), "no error");
  EXPECT_TRUE(contains(message_of([&] { linear_transposed(w, wide.view(), dx.view()); }), "columns of dy = 6"));
  EXPECT_TRUE(contains(message_of([&] { linear_transposed(w, dy.view(), few.view()); }), "2x7"));
  EXPECT_TRUE(contains(message_of([&] { linear_transposed(w, dy.view(), narrow.view()); }), "3x6"));
  EXPECT_NE(message_of([&] { linear_transposed(tensor<float>(), dy.view(), dx.view()); }), "no error");
}

}  // namespace
}  // namespace zolt::test
