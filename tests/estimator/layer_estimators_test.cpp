#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "support/layer_models.hpp"
#include "support/statistics.hpp"
#include "zolt/estimator/direct_feedback.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/estimator/identity_broadcast.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/estimator/node_perturbation.hpp"

/// Estimators driven by hand, without an optimizer: networks whose signals are known exactly.
namespace zolt::test {
namespace {

static_assert(layer_estimator<exact_head> && layer_estimator<direct_feedback> && layer_estimator<identity_broadcast>);
static_assert(!probing_layer_estimator<exact_head> && !probing_layer_estimator<direct_feedback>);
static_assert(probing_layer_estimator<node_perturbation> && probing_layer_estimator<orthogonal_node_perturbation>);
static_assert(probing_layer_estimator<learned_feedback<>>);

direction_key key_of(std::uint32_t step) { return {.run = 21, .step = step, .query = 0}; }

/// The signals of `count` independent steps; every step starts from the state that `state_of()` gives.
template <class Estimator, class StateOf>
std::vector<sample_statistics> many_steps(gated_network& net, const Estimator& e, std::uint32_t count, StateOf&& state_of) {
  std::vector<sample_statistics> all;
  for (const tensor<float>& s : net.signals) all.emplace_back(s.size());
  for (std::uint32_t step = 0; step < count; ++step) {
    auto state = state_of();
    net.step(e, state, key_of(step));
    for (std::size_t l = 0; l < 2; ++l) all[l].add(std::as_const(net.signals[l]).flat());
  }
  return all;
}

template <class Estimator>
void expect_unbiased(gated_network& net, const Estimator& e, std::uint32_t count) {
  const auto samples = many_steps(net, e, count, [] { return typename Estimator::state{}; });
  for (std::size_t l = 0; l < 2; ++l)
    EXPECT_LT(samples[l].worst_standard_errors(net.truth(l).flat()), allowed_standard_errors) << Estimator::name << ", layer " << l;
}

TEST(node_perturbation, is_unbiased_where_outputs_are_linear) {
  gated_network net(3, 8, 4, 3, 1);
  expect_unbiased(net, node_perturbation{}, 4000);
}

TEST(node_perturbation, is_unbiased_behind_gates_and_shut_gates_get_nothing) {
  gated_network net(3, 8, 4, 3, 2);
  net.randomise_gates(9);
  expect_unbiased(net, node_perturbation{.noise = 0.5}, 4000);
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t i = 0; i < net.slopes[l].size(); ++i)
      if (net.slopes[l].data()[i] == 0) {
        EXPECT_EQ(net.signals[l].data()[i], 0);
      }
}

TEST(node_perturbation, variance_is_that_of_the_other_outputs) {
  // signal_i − g_i = Σ_{j ≠ i} g_j r_j r_i σ_j/σ_i over every disturbed output of the network: ±1 signs leave Σ (g_j σ_j/σ_i)² of it.
  gated_network net(1, 6, 4, 3, 3);
  const auto first = net.truth(0), second = net.truth(1);
  double of_first = 0, of_second = 0;  // σ is 0.5 and 2 of the layers' noise
  for (const double g : first.flat()) of_first += g * g * 0.25;
  for (const double g : second.flat()) of_second += g * g * 4;
  const double g = first.data()[2] * 0.5, expected = (of_first + of_second - g * g) / 0.25;
  double squares = 0;
  constexpr std::uint32_t count = 4000;
  for (std::uint32_t step = 0; step < count; ++step) {
    node_perturbation::state state;
    net.step(node_perturbation{}, state, key_of(step));
    const double off = double{net.signals[0].data()[2]} - first.data()[2];
    squares += off * off;
  }
  EXPECT_NEAR(squares / count, expected, 0.15 * expected);
}

TEST(node_perturbation, a_layer_of_zeros_gets_no_signal) {
  gated_network net(2, 4, 4, 3, 4);
  network_trace trace = net.trace();
  std::vector<layer_trace> dead(trace.hidden.begin(), trace.hidden.end());
  for (layer_trace& l : dead) l.output_rms = 0;
  trace.hidden = dead;
  const std::vector<double> losses(4, 1.0);
  const tensor<float> outputs({4, 3});
  node_perturbation::state state;
  node_perturbation{}.observe(state, key_of(0), trace, {{0, 1, 2}, outputs.view(), losses});
  for (const tensor<float>& s : net.signals)
    for (const float v : s.flat()) EXPECT_EQ(v, 0);
}

TEST(orthogonal_node_perturbation, as_many_copies_as_outputs_are_exact_in_one_step) {
  for (const auto& [first, second] : {std::pair<std::size_t, std::size_t>{8, 4}, {4, 16}, {1, 2}}) {
    gated_network net(5, first, second, 3, 5);
    const orthogonal_node_perturbation e{.copies = static_cast<std::uint32_t>(first), .last_copies = static_cast<std::uint32_t>(second)};
    orthogonal_node_perturbation::state state;
    for (std::uint32_t step = 0; step < 3; ++step) {
      net.step(e, state, key_of(step));
      for (std::size_t l = 0; l < 2; ++l) EXPECT_LT(relative_difference(net.signals[l].flat(), net.truth(l).flat()), 3e-6) << l;
    }
    net.randomise_gates(6);
    net.step(e, state, key_of(3));
    for (std::size_t l = 0; l < 2; ++l) EXPECT_LT(relative_difference(net.signals[l].flat(), net.truth(l).flat()), 3e-6) << l;
  }
}

TEST(orthogonal_node_perturbation, any_number_of_copies_is_unbiased) {
  for (const auto& [copies, last_copies] : {std::pair<std::uint32_t, std::uint32_t>{1, 2}, {3, 5}, {4, 32}}) {
    gated_network net(2, 12, 8, 3, 7);
    net.randomise_gates(8);
    expect_unbiased(net, orthogonal_node_perturbation{.copies = copies, .last_copies = last_copies}, 1500);
  }
}

TEST(orthogonal_node_perturbation, half_the_copies_have_less_variance_than_independent_ones) {
  // Of orthogonal directions, K of n: E‖ĝ − g‖² = (n/K − 1)‖g‖²; independent ones give (n − 1)/K ‖g‖².
  gated_network net(1, 8, 8, 3, 9);
  const auto truth = net.truth(0);
  double size = 0, off = 0;
  for (const double g : truth.flat()) size += g * g;
  constexpr std::uint32_t count = 2000;
  for (std::uint32_t step = 0; step < count; ++step) {
    orthogonal_node_perturbation::state state;
    net.step(orthogonal_node_perturbation{.copies = 4, .last_copies = 4}, state, key_of(step));
    for (std::size_t i = 0; i < 8; ++i) off += std::pow(double{net.signals[0].data()[i]} - truth.data()[i], 2);
  }
  EXPECT_NEAR(off / count / size, 1, 0.1);
}

TEST(direct_feedback, feedback_is_a_function_of_the_run_and_the_layer) {
  gated_network net(1, 16, 16, 3, 10);
  const auto feedback_of = [&net](const direction_key& key, std::size_t layer) {
    std::vector<float> all;
    direct_feedback::state state;
    for (std::size_t c = 0; c < 3; ++c) {  // an error of one class reads one row of the feedback
      for (std::size_t o = 0; o < 3; ++o) net.error(0, o) = o == c ? 1.0f : 0.0f;
      net.step(direct_feedback{}, state, key);
      const auto row = net.signals[layer].flat();
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  };
  const auto feedback = feedback_of({.run = 5, .step = 0, .query = 0}, 0);
  for (const float v : feedback) EXPECT_EQ(std::fabs(v), 1);
  EXPECT_EQ(feedback, feedback_of({.run = 5, .step = 77, .query = 3}, 0)) << "the same at every step";
  EXPECT_NE(feedback, feedback_of({.run = 6, .step = 0, .query = 0}, 0));
  EXPECT_NE(feedback, feedback_of({.run = 5, .step = 0, .query = 0}, 1));
}

TEST(direct_feedback, signal_is_the_slope_times_the_error_through_the_feedback) {
  gated_network net(4, 16, 8, 3, 11);
  net.randomise_gates(12);
  const tensor<float> error = net.error;
  direct_feedback::state state;
  std::vector<tensor<float>> expected = net.slopes;
  for (std::size_t l = 0; l < 2; ++l) {
    std::vector<std::vector<float>> rows;
    for (std::size_t c = 0; c < 3; ++c) {
      gated_network open(1, 16, 8, 3, 11);
      for (std::size_t o = 0; o < 3; ++o) open.error(0, o) = o == c ? 1.0f : 0.0f;
      open.step(direct_feedback{}, state, key_of(0));
      rows.emplace_back(open.signals[l].flat().begin(), open.signals[l].flat().end());
    }
    for (std::size_t b = 0; b < 4; ++b)
      for (std::size_t i = 0; i < expected[l].columns(); ++i) {
        double sum = 0;
        for (std::size_t c = 0; c < 3; ++c) sum += double{error(b, c)} * rows[c][i];
        expected[l](b, i) *= static_cast<float>(sum);
      }
  }
  net.step(direct_feedback{}, state, key_of(3));
  for (std::size_t l = 0; l < 2; ++l) EXPECT_LT(relative_difference(net.signals[l].flat(), expected[l].flat()), 1e-6);
}

TEST(identity_broadcast, tells_every_layer_the_error_of_the_stream) {
  const tensor<float> stream = random_matrix({4, 6}, 13), error = random_matrix({4, 3}, 14);
  std::array<tensor<float>, 2> signals{tensor<float>({4, 6}), tensor<float>({4, 6})};
  const std::array<layer_trace, 2> hidden{layer_trace{0, 6, 0, {}, signals[0].view()}, layer_trace{1, 6, 0, {}, signals[1].view()}};
  identity_broadcast::state state;
  network_trace trace = trace_of(hidden, error);
  trace.stream_error = stream.view();
  identity_broadcast{}.signals(state, key_of(0), trace);
  for (const tensor<float>& s : signals) EXPECT_TRUE(std::equal(s.flat().begin(), s.flat().end(), stream.flat().begin()));
}

TEST(learned_feedback, converges_to_the_jacobian_of_a_linear_network) {
  gated_network net(32, 8, 6, 3, 15);
  learned_feedback<>::state state;
  const learned_feedback<> e{};
  for (std::uint32_t step = 0; step < 400; ++step) net.step(e, state, key_of(step));
  for (std::size_t l = 0; l < 2; ++l) {
    EXPECT_LT(relative_difference(state.feedback(l), net.jacobian(l).flat()), 1e-3) << l;
    EXPECT_LT(relative_difference(net.signals[l].flat(), net.truth(l).flat()), 2e-3) << l;
  }
}

TEST(learned_feedback, learns_nothing_for_units_that_are_always_shut) {
  gated_network net(16, 8, 6, 3, 16);
  for (std::size_t b = 0; b < 16; ++b) net.slopes[0](b, 3) = 0;
  learned_feedback<>::state state;
  for (std::uint32_t step = 0; step < 50; ++step) net.step(learned_feedback<>{}, state, key_of(step));
  for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(state.feedback(0)[c * 8 + 3], 0);
  for (std::size_t b = 0; b < 16; ++b) EXPECT_EQ(net.signals[0](b, 3), 0);
  EXPECT_GT(cosine(net.signals[0].flat(), net.truth(0).flat()), 0.99) << "the others do";
}

/// A state that has learned something, not all: where a bias would show.
learned_feedback<>::state some_feedback(gated_network& net, const learned_feedback<>& e, std::uint32_t steps) {
  learned_feedback<>::state state;
  for (std::uint32_t step = 0; step < steps; ++step) net.step(e, state, key_of(100000 + step));
  return state;
}

TEST(learned_feedback, without_control_variate_has_a_bias_where_examples_differ) {
  gated_network net(4, 8, 4, 3, 17);
  net.randomise_gates(18);
  const learned_feedback<> e{};
  const auto begun = some_feedback(net, e, 20);
  const auto samples = many_steps(net, e, 1500, [&begun] { return begun; });
  EXPECT_GT(samples[0].worst_standard_errors(net.truth(0).flat()), 20);
}

TEST(learned_feedback, control_variate_is_unbiased) {
  gated_network net(4, 8, 4, 3, 17);
  net.randomise_gates(18);
  const learned_feedback<> e{.control_variate = true};
  for (const std::uint32_t steps : {0u, 1u, 20u}) {
    const auto begun = some_feedback(net, e, steps);
    const auto samples = many_steps(net, e, 2000, [&begun] { return begun; });
    for (std::size_t l = 0; l < 2; ++l)
      EXPECT_LT(samples[l].worst_standard_errors(net.truth(l).flat()), allowed_standard_errors) << steps << " steps, layer " << l;
  }
}

TEST(learned_feedback, first_step_is_an_unbiased_estimate_of_a_jacobian_that_all_examples_share) {
  gated_network net(4, 8, 4, 3, 19);
  const auto samples = many_steps(net, learned_feedback<>{}, 2000, [] { return learned_feedback<>::state{}; });
  for (std::size_t l = 0; l < 2; ++l)
    EXPECT_LT(samples[l].worst_standard_errors(net.truth(l).flat()), allowed_standard_errors) << "layer " << l;
}

TEST(learned_feedback, update_by_hand) {
  // One example, one output of one layer, one class: B ← B + β (d − p B) p / E p² with p = ±σ.
  layer_trace layer{0, 1, 4.0, {}, {}};
  tensor<float> signal({1, 1}), error({1, 1});
  layer.signal = signal.view();
  error(0, 0) = 3;
  const network_trace trace = trace_of(std::span(&layer, 1), error);
  const learned_feedback<> e{.noise = 0.25, .decay = 0.375};
  learned_feedback<>::state state;
  double feedback = 0;
  for (std::uint32_t step = 0; step < 6; ++step) {
    const direction_key key = key_of(step);
    tensor<float> p({1, 1}), outputs({1, 1});
    e.displace(key, layer, {0, 0, 1}, 0, p.view());
    ASSERT_EQ(std::fabs(p(0, 0)), 1) << "noise times the RMS of the outputs";
    const double jacobian = step < 3 ? 5 : -2;
    outputs(0, 0) = static_cast<float>(jacobian) * p(0, 0);
    e.observe(state, key, trace, {{0, 0, 1}, std::as_const(outputs).view(), {}});
    e.signals(state, key, trace);
    feedback += std::max(0.375, 1.0 / (step + 1)) * (jacobian - feedback);
    EXPECT_NEAR(state.feedback(0)[0], feedback, 1e-6);
    EXPECT_NEAR(signal(0, 0), 3 * feedback, 1e-5);
    EXPECT_NEAR(state.mean_square(0)[0], 1, 1e-6);
  }
}

TEST(learned_feedback, remembers_classes_and_one_floats_per_output) {
  gated_network net(4, 8, 6, 3, 21);
  learned_feedback<>::state state;
  net.step(learned_feedback<>{}, state, key_of(0));
  std::size_t floats = 0;
  learned_feedback<>::state::for_each_memory(state, [&floats](const auto& memory) {
    if constexpr (requires { memory.size(); }) floats += memory.size();
  });
  EXPECT_EQ(floats, (3u + 1) * (8 + 6));
}

}  // namespace
}  // namespace zolt::test
