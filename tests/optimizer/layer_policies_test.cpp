#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/every_format.hpp"
#include "support/layer_net.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/quantize/block_formats.hpp"
#include "zolt/quantize/layout/block_view.hpp"
#include "zolt/quantize/layout/ggml_integer.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/vote.hpp"

// Every update rule, write-back and kind of weights works with outer estimates: a layer on fixed features learns its teacher.

namespace zolt::test {
namespace {

/// One layer of 3 × 64 on 96 examples. The exact head is enough: what differs between policies and formats lies behind the estimate.
template <class Weights>
struct lone_layer {
  static constexpr std::size_t classes = 3, inputs = 64, batch = 96;
  Weights w;
  tensor<float> x{{batch, inputs}}, y{{batch, classes}};
  std::vector<int> labels;

  explicit lone_layer(Weights weights) : w(std::move(weights)) {
    draws random(7);
    for (float& value : x.flat()) value = random.normal();
    const tensor<float> teacher = layer_net<>::floats({classes, inputs}, 8);
    linear(teacher, x.view(), y.view());
    for (std::size_t b = 0; b < batch; ++b) {
      const auto row = y.view().row(b);
      labels.push_back(static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin()));
    }
  }
  tensor_view<const float> operator()(const probe_view& probes) {
    linear(probes, w, std::as_const(x).view(), y.view());
    return std::as_const(y).view();
  }
  softmax_cross_entropy<int> criterion() const { return {labels}; }
  double loss() {
    (*this)(probe_view{});
    double sum = 0;
    for (std::size_t b = 0; b < batch; ++b) sum += criterion().loss(b, y.view().row(b));
    return sum / batch;
  }
};

const tensor<float>& start() {
  static const tensor<float> w = layer_net<>::floats({3, 64}, 9);
  return w;
}

template <class List, class Weights, class... Policies>
void expect_to_learn(std::string_view name, Weights weights, const Policies&... policies) {
  lone_layer<Weights> layer(std::move(weights));
  List list;
  list.add("w", layer.w, {.unit = 0.02});
  optimizer opt{list, exact_head{}, policies...};
  const double before = layer.loss();
  report r;
  for (int step = 0; step < 150; ++step) r = opt.step(forward_of(layer), layer.criterion());
  EXPECT_LT(layer.loss(), 0.6 * before) << name;
  EXPECT_EQ(r.lost_gradients, 0u) << name;
}

using int4_list = parameter_list<storage_t<quantized_tensor<int4>>>;
template <class... Policies>
void expect_policies_to_learn(const Policies&... policies) {
  const auto name = [](const auto& p, const auto&...) { return policy_name<std::remove_cvref_t<decltype(p)>>(); };
  expect_to_learn<int4_list>(name(policies...), quantize<int4>("w", start().view()), policies...);
}

TEST(layer_policies, every_update_rule_learns) {
  expect_policies_to_learn(sgd{.rate = 0.1});
  expect_policies_to_learn(momentum{.rate = 0.02});
  expect_policies_to_learn(adam{.rate = 0.1});
  expect_policies_to_learn(amsgrad{.rate = 0.1});
  expect_policies_to_learn(sign_of_gradient{.rate = 0.1});
  // Under factored_rms nothing in three rows of a steady gradient is beyond √3 of its column: few votes are carried.
  expect_policies_to_learn(vote{.rate = 0.3}, matrix_rms{}, linear_decay{.steps = 150});
}

TEST(layer_policies, every_write_back_learns) {
  expect_policies_to_learn(nearest{}, sgd{.rate = 0.5});
  expect_policies_to_learn(always_one_code{}, vote{.rate = 0.3}, matrix_rms{}, linear_decay{.steps = 150});
  expect_policies_to_learn(residual<1>{}, sgd{.rate = 0.1});
  expect_policies_to_learn(residual<8>{}, sgd{.rate = 0.1});
}

TEST(layer_policies, an_estimate_that_is_not_normalised_learns) {
  expect_policies_to_learn(no_gradient_normalisation{}, sgd{.rate = 20});
  expect_policies_to_learn(matrix_rms{}, sgd{.rate = 0.1});
}

// Kinds of weights

template <class Weights>
Weights quantized() {
  return typename quantizer_of<Weights>::type{}("w", start().view());
}
struct ggml_blocks {
  std::vector<std::byte> bytes = quantize_blocks<ggml_q4_0>("w", start().view());
  block_view<ggml_q4_0> view{"w", bytes, {3, 64}};
};

using every_kind_of_list =
    parameter_list<storage_t<grouped<int2>>, storage_t<grouped<int3>>, storage_t<grouped<int5>>, storage_t<quantized_tensor<int8>>,
                   storage_t<grouped<e4m3fn>>, storage_t<grouped<nf4, 64>>, storage_t<block_view<ggml_q4_0>>, dense_view>;

TEST(layer_policies, every_kind_of_weights_learns) {
  const sgd rule{.rate = 0.1}, faster{.rate = 0.5};
  expect_to_learn<every_kind_of_list>("int2", quantized<grouped<int2>>(), sgd{.rate = 0.03});
  expect_to_learn<every_kind_of_list>("int3", quantized<grouped<int3>>(), rule);
  expect_to_learn<every_kind_of_list>("int5", quantized<grouped<int5>>(), rule);
  expect_to_learn<every_kind_of_list>("int8", quantized<quantized_tensor<int8>>(), faster);
  expect_to_learn<every_kind_of_list>("e4m3fn", quantized<grouped<e4m3fn>>(), faster);
  expect_to_learn<every_kind_of_list>("nf4", quantized<grouped<nf4, 64>>(), rule);
  ggml_blocks blocks;
  expect_to_learn<every_kind_of_list>("ggml q4_0", blocks.view, rule);
  expect_to_learn<every_kind_of_list>("dense", start(), faster);
}

TEST(layer_policies, a_relative_unit_follows_the_weight) {
  lone_layer layer(start());
  layer.w(1, 5) = 0;
  parameter_list<dense_view> list;
  list.add("w", layer.w, {.unit = 0.1, .relative = true});
  optimizer opt{list, exact_head{}, sgd{.rate = 0.3}};
  const tensor<float> before = layer.w;
  const double loss = layer.loss();
  for (int step = 0; step < 200; ++step) opt.step(forward_of(layer), layer.criterion());
  EXPECT_LT(layer.loss(), 0.8 * loss);
  EXPECT_EQ(layer.w(1, 5), 0) << "a part of nothing is nothing";
}

}  // namespace
}  // namespace zolt::test
