#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "support/counted_memory.hpp"
#include "support/layer_net.hpp"
#include "zolt/estimator/direct_feedback.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/identity_broadcast.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/estimator/node_perturbation.hpp"
#include "zolt/linear/local.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

// What an estimator that reads layers holds beside the weights and the forward: counted, as it says itself, and as its Cost says.

namespace zolt::test {
namespace {

using counted_memory::allocations, counted_memory::held, counted_memory::most;

constexpr layer_sizes sizes{.inputs = 40, .wide = 96, .narrow = 64, .classes = 10, .batch = 128};
using int4_net = layer_net<quantized_tensor<int4>>;
int4_net make_net() {
  return int4_net([](std::string_view name, const tensor<float>& w) { return quantize<int4>(name, w.view()); }, sizes);
}

using int4_parameters = parameter_list<storage_t<quantized_tensor<int4>>, dense_view>;

struct counts {
  double inputs = sizes.inputs, wide = sizes.wide, narrow = sizes.narrow, classes = sizes.classes, rows = sizes.batch;
  /// Floats per example of the outputs, of a loss in double and of a flag.
  double outputs_and_flags() const { return classes + 2 + 0.25; }
};

/// Bytes of a write: every lane's tiles, the normaliser's sums for a matrix, and those of a bias.
double sums_of(double m, double n) { return 8 * m + 4 * std::ceil(m / 64) * n; }
double sums_of_bias(double m) { return 8 * m; }
double moments_of(double m, double n) { return 4 * (m + n); }

/// `floats` and `sums` are what the Cost of layer_optimizer says, beside tiles; `state` what the policies say.
template <class... Policies>
void expect_memory(int4_parameters (*trained)(int4_net&), double floats, double sums, double state, const Policies&... policies) {
  int4_net net = make_net();
  for (const std::size_t threads : {1u, 3u}) {
    for (const bool measured : {false, true}) {  // the first time warms up what threads keep for themselves, and the forward
      const auto parameters = trained(net);
      const std::size_t before = held;
      most = before;
      optimizer opt{parameters, policies..., sgd{.rate = 0.1}, options{.threads = threads}};
      for (int step = 0; step < 3; ++step) opt.step(forward_of(net), net.criterion());
      if (!measured) continue;
      const double peak = static_cast<double>(most - before), said = static_cast<double>(opt.working_bytes() + opt.state_bytes());
      EXPECT_NEAR(peak, said, 0.05 * said) << threads << " threads: bytes that were allocated, and that it says";
      const double formula = 4 * floats + sums + static_cast<double>(threads) * 192 * 1024;
      EXPECT_NEAR(static_cast<double>(opt.working_bytes()), formula, 0.05 * formula) << threads << " threads";
      EXPECT_NEAR(static_cast<double>(opt.state_bytes()), state, 0.01 * state) << threads << " threads";

      const std::size_t steady = allocations;
      for (int step = 0; step < 2; ++step) opt.step(forward_of(net), net.criterion());
      EXPECT_EQ(allocations - steady, 0u) << threads << " threads: a step in steady state allocates";
    }
  }
}

int4_parameters all_of(int4_net& net) { return net.parameters(); }
int4_parameters head_of(int4_net& net) {
  int4_parameters list;
  list.add("head", net.head), list.add("head bias", net.head_bias, {.unit = net.unit});
  return list;
}
int4_parameters top_of(int4_net& net) {
  int4_parameters list = head_of(net);
  list.add("second", net.second);
  return list;
}

const counts n;
const double sums_of_head = sums_of(n.classes, n.narrow) + sums_of_bias(n.classes);
const double sums_of_all = sums_of_head + sums_of(n.wide, n.inputs) + sums_of_bias(n.wide) + sums_of(n.narrow, n.wide);
const double moments_of_head = moments_of(n.classes, n.narrow) + 4;
const double moments_of_all = moments_of_head + moments_of(n.wide, n.inputs) + 4 + moments_of(n.narrow, n.wide);
/// Inputs of all layers, signals of all layers, outputs and one loss (in double) and one flag per example.
const double of_a_batch = n.rows * (n.outputs_and_flags() + n.inputs + n.wide + n.narrow + n.wide + n.narrow + n.classes);
/// Outputs of every layer up to the last hidden one, and the displacement of the widest.
const double of_probes = n.rows * (n.wide + n.narrow + std::max(n.wide, n.narrow));

TEST(layer_memory, of_the_exact_head) {
  expect_memory(head_of, n.rows * (n.outputs_and_flags() + n.narrow + n.classes), sums_of_head, moments_of_head, exact_head{});
}

TEST(layer_memory, of_learned_feedback) {
  const double slopes = 2 * n.rows * (n.wide + n.narrow), above_the_first = n.rows * n.narrow, response = n.rows * n.classes;
  const double learning = (n.rows + n.classes) * std::max(n.wide, n.narrow) + n.rows * n.classes;
  expect_memory(all_of, of_a_batch + of_probes + slopes + above_the_first + response + learning, sums_of_all,
                moments_of_all + 4 * (n.classes + 1) * (n.wide + n.narrow), learned_feedback<>{});
}

TEST(layer_memory, of_learned_feedback_for_rectifiers) {
  const double slopes = n.rows * (n.wide + n.narrow), response = n.rows * n.classes;
  const double learning = (n.rows + n.classes) * std::max(n.wide, n.narrow) + n.rows * n.classes;
  expect_memory(all_of, of_a_batch + of_probes + slopes + response + learning, sums_of_all,
                moments_of_all + 4 * (n.classes + 1) * (n.wide + n.narrow), learned_feedback<activation_slope::rectifier>{});
}

TEST(layer_memory, of_node_perturbation) {
  const double slopes = 2 * n.rows * (n.wide + n.narrow), above_the_first = 2 * n.rows * n.narrow;
  const double response = 2 * n.rows * (n.classes + 2);  // a change of the loss is a double
  expect_memory(all_of, of_a_batch + of_probes + slopes + above_the_first + response, sums_of_all, moments_of_all, node_perturbation{});
}

TEST(layer_memory, of_orthogonal_node_perturbation) {
  const double slopes = 2 * n.rows * (n.wide + n.narrow), response = 6 * n.rows * n.classes;
  expect_memory(all_of, of_a_batch + of_probes + slopes + response, sums_of_all, moments_of_all,
                orthogonal_node_perturbation{.copies = 2, .last_copies = 6});
}

TEST(layer_memory, of_direct_feedback) {
  const double slopes = n.rows * (n.wide + n.narrow), feedback = n.classes * std::max(n.wide, n.narrow);
  expect_memory(all_of, of_a_batch + slopes + feedback, sums_of_all, moments_of_all, direct_feedback{});
}

TEST(layer_memory, of_identity_broadcast) {
  const double stream = 2 * n.rows * n.narrow;
  expect_memory(top_of, n.rows * (n.outputs_and_flags() + n.wide + n.narrow + n.narrow + n.classes) + stream,
                sums_of_head + sums_of(n.narrow, n.wide), moments_of_head + moments_of(n.narrow, n.wide), identity_broadcast{});
}

/// y = x + W x, with a backward that keeps nothing.
struct block {
  const tensor<float>* w;
  void forward(const probe_view& probes, tensor_view<const float> x, tensor_view<float> y) const {
    linear(probes, *w, x, y);
    for (std::size_t i = 0; i < y.size(); ++i) y.data()[i] += x.data()[i];
  }
  void backward(tensor_view<const float> x, tensor_view<const float> error, tensor_view<float>, layer_signals& signals) const {
    signals.weights(*w, error, x);
  }
};

TEST(layer_memory, of_block_backward) {
  constexpr std::size_t rows = 256, width = 96, classes = 10;
  tensor<float> x({rows, width}), w1({width, width}), w2({width, width}), head({classes, width}), y({rows, width}), z({rows, width}),
      o({rows, classes});
  draws random(1);
  for (auto* t : {&x, &w1, &w2, &head})
    for (float& v : t->flat()) v = random.normal();
  const block below{&w1}, above{&w2};
  const std::vector<int> labels(rows, 3);
  const auto forward = [&](const probe_view& probes) {
    local(probes, below, x.view(), y.view());
    local(probes, above, y.view(), z.view());
    linear(probes, head, z.view(), o.view());
    return o.view();
  };
  for (const bool measured : {false, true}) {
    const auto trained = parameters(parameter{"w1", w1}, parameter{"w2", w2}, parameter{"head", head});
    const std::size_t before = held;
    most = before;
    optimizer opt{trained, block_backward{}, sgd{.rate = 1e-3}};
    for (int step = 0; step < 3; ++step) opt.step(forward, softmax_cross_entropy<int>{labels});
    if (!measured) continue;
    const double said = static_cast<double>(opt.working_bytes() + opt.state_bytes());
    EXPECT_NEAR(static_cast<double>(most - before), said, 0.05 * said);
    // Inputs of both blocks, inputs and signals of their layers, two errors of the stream; input and signal of the head.
    const double floats = rows * (2.0 * width + 4.0 * width + 2.0 * width + width + classes + classes + 2 + 0.25);
    const double formula = 4 * floats + 192 * 1024 + 2 * sums_of(width, width) + sums_of(classes, width);
    EXPECT_NEAR(static_cast<double>(opt.working_bytes()), formula, 0.05 * formula);
    const std::size_t steady = allocations;
    opt.step(forward, softmax_cross_entropy<int>{labels});
    EXPECT_EQ(allocations - steady, 0u);
  }
}

TEST(layer_memory, of_several_batches_per_write) {
  // Inputs and signals of every batch, and nothing else of it.
  const double slopes = n.rows * (n.wide + n.narrow), feedback = n.classes * std::max(n.wide, n.narrow);
  const double kept = n.rows * (n.inputs + 2 * n.wide + 2 * n.narrow + n.classes);
  expect_memory(all_of, of_a_batch + 2 * kept + slopes + feedback, sums_of_all, moments_of_all, direct_feedback{},
                batches_per_write{.count = 3});
}

TEST(layer_memory, the_counter_counts) {
  const std::size_t before = held, count = allocations;
  {
    const std::vector<float> two(100), vectors(200);
    EXPECT_EQ(allocations - count, 2u);
    EXPECT_EQ(held - before, 1200u);
  }
  EXPECT_EQ(held, before);
}

}  // namespace
}  // namespace zolt::test
