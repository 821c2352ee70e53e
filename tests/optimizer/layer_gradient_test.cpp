#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "support/layer_models.hpp"
#include "support/statistics.hpp"
#include "zolt/estimator/direct_feedback.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/node_perturbation.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/gradient_normaliser.hpp"

/// Estimates as an optimizer lands them, against backpropagation.
namespace zolt::test {
namespace {

using network = layered_network<>;

constexpr double big_rate = 256;  // a step much longer than the weight it leaves: no digit of the estimate is lost

TEST(exact_head, gradient_of_weights_and_bias_is_that_of_backpropagation) {
  network net({20, 16, 5}, activation::relu, 24, 1);
  const gradients truth = net.backpropagated();
  const tensor<float> weights = net.weights[1], bias = net.biases[1];
  optimizer opt{net.list(1), exact_head{}, sgd{.rate = big_rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  EXPECT_LT(relative_difference(estimate_from(weights, net.weights[1], big_rate).flat(), truth.weights[1].flat()), 1e-6);
  EXPECT_LT(relative_difference(estimate_from(bias, net.biases[1], big_rate).flat(), truth.biases[1].flat()), 1e-6);
}

TEST(exact_head, unit_of_a_parameter_scales_its_estimate_and_its_step) {
  network net({12, 4}, activation::relu, 10, 2);
  const gradients truth = net.backpropagated();
  const tensor<float> before = net.weights[0];
  optimizer opt{net.list(0, false, 0.5), exact_head{}, sgd{.rate = big_rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  matrix moved = estimate_from(before, net.weights[0], big_rate);
  for (double& g : moved.flat()) g /= 0.25;  // ∂L/∂u = unit·∂L/∂w, and a step of u moves w by a unit
  EXPECT_LT(relative_difference(moved.flat(), truth.weights[0].flat()), 1e-6);
}

TEST(exact_head, relative_parameters_get_the_gradient_of_their_exponent) {
  network net({12, 4}, activation::relu, 10, 3);
  const gradients truth = net.backpropagated();
  const tensor<float> before = net.weights[0];
  optimizer opt{parameters(parameter("w", net.weights[0], {.unit = 0.125, .relative = true})), exact_head{}, sgd{.rate = 0.25},
                no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double w = before.data()[i], g = 0.125 * w * truth.weights[0].data()[i];
    EXPECT_NEAR(net.weights[0].data()[i], w * (1 - 0.25 * 0.125 * g), 1e-6 * std::fabs(w));
  }
}

TEST(exact_head, batches_of_one_write_are_one_batch) {
  network net({12, 4}, activation::relu, 30, 4);
  const gradients truth = net.backpropagated();
  const tensor<float> all = net.x, before = net.weights[0];
  const std::vector<int> labels = net.labels;
  optimizer opt{net.list(), exact_head{}, sgd{.rate = big_rate}, no_gradient_normalisation{}, batches_per_write{.count = 3}};
  std::size_t first = 0;
  for (const std::size_t rows : {8u, 17u, 5u}) {
    net.x = tensor<float>({rows, 12});
    std::copy_n(all.data() + first * 12, rows * 12, net.x.data());
    net.labels.assign(labels.begin() + static_cast<std::ptrdiff_t>(first), labels.begin() + static_cast<std::ptrdiff_t>(first + rows));
    const bool last = (first += rows) == 30;
    EXPECT_EQ(opt.step(net.forward(), net.loss()).finished, last);
    EXPECT_EQ(std::equal(before.flat().begin(), before.flat().end(), net.weights[0].flat().begin()), !last);
  }
  EXPECT_LT(relative_difference(estimate_from(before, net.weights[0], big_rate).flat(), truth.weights[0].flat()), 1e-6);
}

TEST(exact_head, examples_without_a_label_have_no_part) {
  network net({12, 4}, activation::relu, 10, 5);
  network fewer = net;
  net.labels[3] = -1, net.labels[7] = 4;
  for (const std::size_t lost : {3u, 7u}) std::fill_n(&fewer.x(lost, 0), 12, 0.0f);
  gradients truth = fewer.backpropagated();  // zero inputs: no gradient of weights
  const tensor<float> before = net.weights[0];
  optimizer opt{net.list(), exact_head{}, sgd{.rate = big_rate}, no_gradient_normalisation{}};
  EXPECT_EQ(opt.step(net.forward(), net.loss()).lost_examples, 2u);
  const matrix g = estimate_from(before, net.weights[0], big_rate);
  EXPECT_GT(cosine(g.flat(), truth.weights[0].flat()), 1 - 1e-9);
}

TEST(exact_head, inputs_that_are_no_numbers_have_no_part) {
  network net({12, 4}, activation::relu, 10, 6);
  network fewer = net;
  net.x(2, 5) = std::numeric_limits<float>::quiet_NaN();
  net.x(9, 0) = std::numeric_limits<float>::infinity();
  for (const std::size_t lost : {2u, 9u}) std::fill_n(&fewer.x(lost, 0), 12, 0.0f);
  const gradients truth = fewer.backpropagated();
  const tensor<float> before = net.weights[0];
  optimizer opt{net.list(), exact_head{}, sgd{.rate = big_rate}, no_gradient_normalisation{}};
  EXPECT_EQ(opt.step(net.forward(), net.loss()).lost_examples, 2u);
  EXPECT_GT(cosine(estimate_from(before, net.weights[0], big_rate).flat(), truth.weights[0].flat()), 1 - 1e-9);
}

/// What one code more is worth: (value of the next code − value of the one before) / 2 times the scale, one-sided at the ends.
template <class Weights>
double code_step(const Weights& w, std::size_t i) {
  using format = typename Weights::format;
  const auto view = w.view();
  const int o = format::ordinal_of(view.code(i)), above = std::min(o + 1, format::highest), below = std::max(o - 1, format::lowest);
  return double{view.scale(i)} * (double{format::value_of(above)} - double{format::value_of(below)}) / (above - below);
}

template <class Weights, class Make>
void expect_gradient_per_code(Make&& make) {
  layered_network<Weights> net({32, 24, 8}, activation::relu, 40, 7, make);
  const gradients truth = net.backpropagated();
  const Weights before = net.weights[1];
  const tensor<float> bias = net.biases[1];

  std::vector<float> units(before.size());
  detail::units_of(parameter("w", net.weights[1]), 0, units);
  std::vector<double> expected(before.size());
  double largest = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(units[i], code_step(before, i), 1e-6 * std::fabs(code_step(before, i)));
    expected[i] = truth.weights[1].data()[i] * code_step(before, i);
    largest = std::max(largest, std::fabs(expected[i]));
  }

  // Steps of up to six codes, rounded to the nearest one.
  const double rate = 6.0 / largest;
  optimizer opt{net.list(1), exact_head{}, sgd{.rate = rate}, no_gradient_normalisation{}, nearest{}};
  opt.step(net.forward(), net.loss());
  using format = typename Weights::format;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const int was = format::ordinal_of(before.view().code(i)), is = format::ordinal_of(net.weights[1].view().code(i));
    const double step = -rate * expected[i],
                 wanted = std::clamp(std::nearbyint(step), double{format::lowest} - was, double{format::highest} - was);
    if (std::fabs(std::fabs(step - std::floor(step)) - 0.5) < 1e-4) continue;  // on the edge between two codes
    ASSERT_EQ(is - was, wanted) << "weight " << i;
  }
  EXPECT_LT(relative_difference(estimate_from(bias, net.biases[1], rate).flat(), truth.biases[1].flat()), 1e-6);
}

TEST(exact_head, gradient_of_int8_weights_is_one_per_code) {
  expect_gradient_per_code<quantized_tensor<int8>>([](const tensor<float>& t) { return quantize<int8>("w", t.view()); });
}
TEST(exact_head, gradient_of_int4_weights_is_one_per_code) {
  using weights = quantized_tensor<int4, per_group<8>>;
  expect_gradient_per_code<weights>([](const tensor<float>& t) { return quantize<int4, per_group<8>>("w", t.view()); });
}
TEST(exact_head, gradient_of_e4m3_weights_is_one_per_local_code) {
  using weights = quantized_tensor<e4m3fn, per_group<8>>;
  expect_gradient_per_code<weights>([](const tensor<float>& t) { return quantize<e4m3fn, per_group<8>>("w", t.view()); });
}
TEST(exact_head, gradient_of_nf4_weights_is_one_per_local_code) {
  using weights = quantized_tensor<nf4, per_group<8>>;
  expect_gradient_per_code<weights>([](const tensor<float>& t) { return quantize<nf4, per_group<8>>("w", t.view()); });
}

/// Mean estimate of many steps of one network, each from the same weights.
template <class Estimator>
void expect_mean_is_backpropagation(network& net, const Estimator& e, std::uint32_t steps, bool takes_copies) {
  net.takes_copies = takes_copies;
  const gradients truth = net.backpropagated();
  const network start = net;
  std::vector<sample_statistics> weights, biases;
  for (std::size_t l = 0; l < net.layers(); ++l) {
    weights.emplace_back(net.weights[l].size());
    biases.emplace_back(net.biases[l].size());
  }
  optimizer opt{net.list(), e, sgd{.rate = 16}, no_gradient_normalisation{}};
  for (std::uint32_t step = 0; step < steps; ++step) {
    for (std::size_t l = 0; l < net.layers(); ++l) {
      std::copy_n(start.weights[l].data(), start.weights[l].size(), net.weights[l].data());
      std::copy_n(start.biases[l].data(), start.biases[l].size(), net.biases[l].data());
    }
    opt.step(net.forward(), net.loss());
    for (std::size_t l = 0; l < net.layers(); ++l) {
      const matrix w = estimate_from(start.weights[l], net.weights[l], 16), b = estimate_from(start.biases[l], net.biases[l], 16);
      weights[l].add(std::vector<float>(w.flat().begin(), w.flat().end()));
      biases[l].add(std::vector<float>(b.flat().begin(), b.flat().end()));
    }
  }
  for (std::size_t l = 0; l < net.layers(); ++l) {
    EXPECT_LT(weights[l].worst_standard_errors(truth.weights[l].flat()), allowed_standard_errors) << Estimator::name << ", weights " << l;
    EXPECT_LT(biases[l].worst_standard_errors(truth.biases[l].flat()), allowed_standard_errors) << Estimator::name << ", bias " << l;
  }
}

TEST(node_perturbation, mean_estimate_of_a_linear_network_is_its_gradient) {
  network net({6, 5, 4, 3}, activation::identity, 6, 8);
  expect_mean_is_backpropagation(net, node_perturbation{.noise = 0.01}, 600, true);
}

TEST(node_perturbation, mean_estimate_of_a_smooth_network_is_its_gradient) {
  network net({6, 5, 4, 3}, activation::tanh, 6, 9);
  expect_mean_is_backpropagation(net, node_perturbation{.noise = 0.01}, 600, false);
}

TEST(orthogonal_node_perturbation, full_copies_of_a_linear_network_are_exact) {
  network net({6, 8, 16, 3}, activation::identity, 9, 10);
  const gradients truth = net.backpropagated();
  for (const bool takes_copies : {true, false}) {
    network copy = net;
    copy.takes_copies = takes_copies;
    optimizer opt{copy.list(), orthogonal_node_perturbation{.copies = 8, .last_copies = 16, .noise = 0.5}, sgd{.rate = big_rate},
                  no_gradient_normalisation{}};
    const report r = opt.step(copy.forward(), copy.loss());
    EXPECT_EQ(r.lost_examples, 0u);
    for (std::size_t l = 0; l < 3; ++l) {
      EXPECT_LT(relative_difference(estimate_from(net.weights[l], copy.weights[l], big_rate).flat(), truth.weights[l].flat()), 2e-5) << l;
      EXPECT_LT(relative_difference(estimate_from(net.biases[l], copy.biases[l], big_rate).flat(), truth.biases[l].flat()), 2e-5) << l;
    }
  }
}

TEST(orthogonal_node_perturbation, last_hidden_layer_of_a_relu_network_is_exact_where_no_probe_crosses_zero) {
  network net({6, 8, 8, 3}, activation::relu, 7, 11);
  const gradients truth = net.backpropagated();
  const tensor<float> before = net.weights[1];
  optimizer opt{net.list(), orthogonal_node_perturbation{.copies = 8, .last_copies = 8, .noise = 1e-3}, sgd{.rate = big_rate},
                no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  EXPECT_LT(relative_difference(estimate_from(before, net.weights[1], big_rate).flat(), truth.weights[1].flat()), 1e-3);
}

TEST(orthogonal_node_perturbation, dead_units_get_exactly_nothing) {
  network net({6, 8, 8, 3}, activation::relu, 7, 12);
  for (std::size_t l = 0; l < 2; ++l) net.biases[l].data()[5] = -100;
  const network start = net;
  optimizer opt{net.list(), orthogonal_node_perturbation{}, sgd{.rate = big_rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  for (std::size_t l = 0; l < 2; ++l) {
    EXPECT_EQ(net.biases[l].data()[5], -100) << l;
    EXPECT_NE(net.biases[l].data()[4], start.biases[l].data()[4]) << l;
    for (std::size_t k = 0; k < net.weights[l].columns(); ++k) EXPECT_EQ(net.weights[l](5, k), start.weights[l](5, k)) << l;
  }
}

TEST(node_perturbation, dead_units_get_exactly_nothing) {
  network net({6, 8, 8, 3}, activation::relu, 7, 13);
  for (std::size_t l = 0; l < 2; ++l) net.biases[l].data()[5] = -100;
  const network start = net;
  optimizer opt{net.list(), node_perturbation{}, sgd{.rate = big_rate}, no_gradient_normalisation{}};
  opt.step(net.forward(), net.loss());
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t k = 0; k < net.weights[l].columns(); ++k) EXPECT_EQ(net.weights[l](5, k), start.weights[l](5, k)) << l;
}

/// One bad example leaves the estimate of the others as it would be, in all layers.
template <class Estimator>
void expect_bad_example_is_left_out(const Estimator& e, float bad) {
  network net({6, 8, 8, 3}, activation::relu, 8, 14);
  net.x(5, 2) = bad;
  const network start = net;
  optimizer opt{net.list(), e, sgd{.rate = big_rate}, no_gradient_normalisation{}};
  const report r = opt.step(net.forward(), net.loss());
  EXPECT_EQ(r.lost_examples, 1u) << Estimator::name;
  for (std::size_t l = 0; l < 3; ++l) {
    EXPECT_FALSE(std::equal(net.weights[l].flat().begin(), net.weights[l].flat().end(), start.weights[l].flat().begin()))
        << Estimator::name << ": layer " << l << " trains on the others";
    for (const float w : net.weights[l].flat()) ASSERT_TRUE(std::isfinite(w)) << Estimator::name << ", layer " << l;
  }
}

TEST(layer_estimators, one_example_that_is_no_number_does_not_spoil_the_others) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    expect_bad_example_is_left_out(direct_feedback{}, bad);
    expect_bad_example_is_left_out(node_perturbation{}, bad);
    expect_bad_example_is_left_out(orthogonal_node_perturbation{}, bad);
  }
}

TEST(direct_feedback, head_is_exact_and_slopes_are_those_of_a_rectifier) {
  network net({6, 8, 3}, activation::relu, 7, 15);
  const gradients truth = net.backpropagated();
  const network start = net;
  optimizer opt{net.list(), direct_feedback{}, sgd{.rate = big_rate}, no_gradient_normalisation{}, options{.run = 4}};
  opt.step(net.forward(), net.loss());
  EXPECT_LT(relative_difference(estimate_from(start.weights[1], net.weights[1], big_rate).flat(), truth.weights[1].flat()), 1e-6);
  // The feedback by its definition: signs of the run's stream of the layer.
  matrix feedback({3, 8}), expected({8, 6});
  node_direction::for_each_sign({4, 0, 0}, 0, stream::feedback, 24, [&](std::size_t i, float sign) { feedback.data()[i] = double{sign}; });
  for (std::size_t b = 0; b < 7; ++b)
    for (std::size_t i = 0; i < 8; ++i) {
      double signal = 0;
      for (std::size_t c = 0; c < 3; ++c) signal += truth.signal[1](b, c) * feedback(c, i);
      if (!(truth.outputs[0](b, i) > 0)) continue;
      for (std::size_t k = 0; k < 6; ++k) expected(i, k) += signal * truth.inputs[0](b, k) / 7;
    }
  EXPECT_LT(relative_difference(estimate_from(start.weights[0], net.weights[0], big_rate).flat(), expected.flat()), 1e-6);
}

}  // namespace
}  // namespace zolt::test
