#include "zolt/method/grzo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

/// Linear regression: ℓ_i = ½ |W x_i − y_i|², one row of x per probe.
struct regression {
  tensor<float> x, y;

  regression(std::size_t examples, const tensor<float>& teacher, std::uint64_t seed)
      : x({examples, teacher.shape().columns}), y({examples, teacher.shape().rows}) {
    draws d(seed);
    for (float& v : x.flat()) v = d.normal();
    linear(teacher, x.view(), y.view());
  }
  /// Losses of the examples that the probes belong to, all of them in one batched forward.
  template <class Weights>
  std::vector<double> operator()(const probe_view& probes, const Weights& w) const {
    tensor<float> rows({probes.count(), x.shape().columns}), out({probes.count(), y.shape().columns});
    for (std::size_t k = 0; k < probes.count(); ++k)
      std::copy_n(x.data() + probes[k].key.query * rows.shape().columns, rows.shape().columns, rows.data() + k * rows.shape().columns);
    linear(probes, w, rows.view(), out.view());
    std::vector<double> losses(probes.count());
    for (std::size_t k = 0; k < probes.count(); ++k)
      for (std::size_t o = 0; o < out.shape().columns; ++o)
        losses[k] += 0.5 * std::pow(double{out(k, o)} - double{y(probes[k].key.query, o)}, 2);
    return losses;
  }
  template <class Weights>
  double mean(const Weights& w) const {
    tensor<float> out(y.shape());
    linear(w, x.view(), out.view());
    double sum = 0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += 0.5 * std::pow(double{out.data()[i]} - double{y.data()[i]}, 2);
    return sum / static_cast<double>(y.shape().rows);
  }
};

tensor<float> normal_matrix(shape s, float deviation, std::uint64_t seed) {
  tensor<float> t(s);
  draws d(seed);
  for (float& v : t.flat()) v = deviation * d.normal();
  return t;
}

/// δ_i/ε of every example, from the losses of a plan: + and − of one example lie side by side.
std::vector<double> derivatives_of(std::span<const double> losses, double radius) {
  std::vector<double> all;
  for (std::size_t k = 0; k + 1 < losses.size(); k += 2) all.push_back((losses[k] - losses[k + 1]) / (2 * radius));
  return all;
}
double deviation_of(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / count);
}

TEST(grzo, moves_by_the_directions_of_all_examples_weighed_by_their_losses) {
  constexpr std::uint32_t examples = 10;
  tensor<float> w({5, 7});
  const regression data(examples, normal_matrix({5, 7}, 1, 3), 4);
  const method::grzo how{.rate = 0.01, .radius = 0.125, .examples = examples};
  optimizer opt{parameters(parameter("w", w)), how, options{.run = 2}};
  ASSERT_EQ(opt.ask().size(), 2 * examples) << "two batched forwards";
  const auto seen = opt.evaluate([&](const probe_view& probes) { return data(probes, w); });
  const std::vector<double> losses(seen.begin(), seen.end());
  opt.tell(losses);
  const auto derivatives = derivatives_of(losses, how.radius);
  const double deviation = deviation_of(derivatives);
  const auto law = opt.policies().direction.law_of(opt.recorded().steps[0].law);
  std::vector<double> expected(w.size());
  std::vector<std::int16_t> z(w.size());
  for (std::uint32_t e = 0; e < examples; ++e) {
    law.fill({2, 0, e}, {hash_of("w", 1), w.shape()}, 0, z);
    for (std::size_t j = 0; j < z.size(); ++j)
      expected[j] -= how.rate * derivatives[e] / deviation / examples * law.amplitude() * static_cast<double>(z[j]);
  }
  for (std::size_t j = 0; j < w.size(); ++j) EXPECT_NEAR(w.data()[j], expected[j], 1e-5) << j;
}

TEST(grzo, two_forwards_estimate_the_gradient_of_the_mean_loss) {
  constexpr std::uint32_t examples = 12, runs = 3000;
  const shape small{3, 4};
  const tensor<float> start = normal_matrix(small, 1, 7);
  const regression data(examples, normal_matrix(small, 1, 3), 4);
  std::vector<double> gradient(small.size());
  {
    tensor<float> out(data.y.shape());
    linear(start, data.x.view(), out.view());
    for (std::size_t e = 0; e < examples; ++e)
      for (std::size_t o = 0; o < small.rows; ++o)
        for (std::size_t i = 0; i < small.columns; ++i)
          gradient[o * small.columns + i] += (double{out(e, o)} - double{data.y(e, o)}) * double{data.x(e, i)} / examples;
  }
  std::vector<double> sum(small.size()), squares(small.size());
  const method::grzo how{.rate = 0.125, .radius = 0.25, .examples = examples};
  tensor<float> w = start;
  for (std::uint32_t run = 0; run < runs; ++run) {
    optimizer opt{parameters(parameter("w", w)), how, options{.run = run, .record = false, .reserved_steps = 1}};
    const auto seen = opt.evaluate([&](const probe_view& probes) { return data(probes, w); });
    const std::vector<double> losses(seen.begin(), seen.end());
    opt.tell(losses);
    const double deviation = deviation_of(derivatives_of(losses, how.radius));
    for (std::size_t j = 0; j < w.size(); ++j) {
      const double estimate = (double{start.data()[j]} - double{w.data()[j]}) / how.rate * deviation;
      sum[j] += estimate, squares[j] += estimate * estimate;
    }
    w = start;
  }
  for (std::size_t j = 0; j < w.size(); ++j) {
    EXPECT_LT(standard_errors(sum[j], runs * gradient[j], squares[j]), allowed_standard_errors) << j;
    EXPECT_LT(std::sqrt(squares[j]) / runs, 0.2) << "a tolerance that shows something";
  }
}

TEST(grzo, learns_a_linear_regression_and_its_trajectory_is_the_run) {
  constexpr std::uint32_t examples = 16;
  const regression data(examples, normal_matrix({4, 8}, 1, 3), 4);
  tensor<float> w({4, 8}), again({4, 8});
  const method::grzo how{.rate = 0.1, .radius = 0.01, .examples = examples};
  optimizer opt{parameters(parameter("w", w)), how, linear_decay{.steps = 800}, options{.run = 3}};
  const double before = data.mean(w);
  for (int s = 0; s < 800; ++s) {
    const report r = opt.step([&](const probe_view& probes) { return data(probes, w); });
    EXPECT_EQ(r.lost_queries, 0u);
  }
  EXPECT_LT(data.mean(w), 0.05 * before);
  EXPECT_EQ(opt.state_bytes(), 0u);
  optimizer replayed{parameters(parameter("w", again)), how, linear_decay{.steps = 800}, options{.run = 3}};
  replayed.replay(opt.recorded());
  EXPECT_TRUE(std::equal(w.flat().begin(), w.flat().end(), again.data()));
}

TEST(grzo, an_example_without_a_loss_drops_out_alone) {
  constexpr std::uint32_t examples = 9, lost = 4;
  const regression data(examples, normal_matrix({4, 6}, 1, 3), 4);
  tensor<float> w({4, 6});
  const method::grzo how{.rate = 0.01, .radius = 0.125, .examples = examples};
  optimizer opt{parameters(parameter("w", w)), how, options{.run = 3}};
  const auto seen = opt.evaluate([&](const probe_view& probes) { return data(probes, w); });
  std::vector<double> losses(seen.begin(), seen.end());
  losses[2 * lost] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(opt.tell(losses).lost_queries, 1u);
  std::vector<double> derivatives = derivatives_of(losses, how.radius);
  derivatives.erase(derivatives.begin() + lost);
  const double deviation = deviation_of(derivatives);
  const trajectory log = opt.recorded();
  ASSERT_EQ(log.terms.size(), examples - 1);
  for (std::size_t t = 0; t < derivatives.size(); ++t) {
    EXPECT_EQ(log.terms[t].query, t < lost ? t : t + 1);
    EXPECT_NEAR(log.terms[t].coefficient, derivatives[t] / deviation / (examples - 1), 1e-6);
  }
}

TEST(grzo, losses_that_tie_make_no_step) {
  tensor<float> w = normal_matrix({4, 6}, 1, 1);
  const tensor<float> start = w;
  optimizer opt{parameters(parameter("w", w)), method::grzo{.rate = 1, .examples = 6}};
  opt.step([](const probe_view& probes) { return std::vector<double>(probes.count(), 0.5); });
  EXPECT_TRUE(std::equal(w.flat().begin(), w.flat().end(), start.data()));
}

/// Trains a layer of codes, and repeats it from the log.
template <class Method>
void expect_descent_on_codes(double part_that_may_be_left) {
  constexpr std::uint32_t examples = 64;
  const tensor<float> teacher = normal_matrix({8, 32}, 0.1f, 3);
  const regression data(examples, teacher, 4);
  auto w = quantize<int4, per_group<32>>("w", normal_matrix({8, 32}, 0.1f, 9).view());
  auto again = w;
  const Method how{.rate = 0.2, .examples = examples};
  optimizer opt{parameters(parameter("w", w)), how, linear_decay{.steps = 500}, options{.run = 3}};
  EXPECT_EQ(static_cast<double>(opt.state_bytes()), how.state_bytes_per_weight * static_cast<double>(w.size()));
  const double before = data.mean(w);
  std::uint64_t clamped = 0;
  for (int s = 0; s < 500; ++s) clamped += opt.step([&](const probe_view& probes) { return data(probes, w); }).clamped_probes;
  EXPECT_LT(data.mean(w), part_that_may_be_left * before);
  EXPECT_GT(clamped, 0u) << "some codes are at the ends of their range";
  optimizer replayed{parameters(parameter("w", again)), how, linear_decay{.steps = 500}, options{.run = 3, .threads = 2}};
  replayed.replay(opt.recorded());
  EXPECT_TRUE(std::equal(w.view().bytes().begin(), w.view().bytes().end(), again.view().bytes().begin()));
}

TEST(per_example_residual, lowers_the_loss_of_a_layer_of_codes) { expect_descent_on_codes<method::per_example_residual<4>>(0.2); }

TEST(per_example_step_matched, lowers_it_without_any_state) { expect_descent_on_codes<method::per_example_step_matched>(0.2); }

}  // namespace
}  // namespace zolt::test
