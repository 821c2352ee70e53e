#include "zolt/method/zeroqat.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/linear/equivalent_transform.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

/// A layer whose inputs have outlier channels and channels far from zero, as those of language models do.
struct layer_task {
  tensor<float> w{shape{6, 40}}, x{shape{24, 40}}, y{shape{24, 6}};
  std::vector<float> bias;

  layer_task() {
    draws random(1);
    for (float& v : w.flat()) v = 0.3f * random.normal();
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t j = 0; j < x.columns(); ++j) x(r, j) = random.normal() * (j % 10 == 0 ? 6.0f : 0.5f) + (j % 7 == 0 ? 2.0f : 0.0f);
    for (std::size_t r = 0; r < w.rows(); ++r) bias.push_back(random.normal());
    linear(w, x.view(), y.view());
    add_bias(probe_view{}, bias, y.view());
  }
  template <class Layer>
  double loss(const probe_view& p, const Layer& layer) const {
    tensor<float> out(y.shape());
    linear(p, layer, x.view(), out.view());
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += std::pow(double{out.data()[i]} - double{y.data()[i]}, 2);
    return sum / static_cast<double>(y.size());
  }
};

template <class Transform>
void scatter(Transform& t, std::uint64_t seed) {
  draws random(seed);
  for (float& s : t.scale()) s = random.real(0.3, 3);
  for (float& d : t.shift()) d = random.real(-2, 2);
  for (float& logit : t.clip().high()) logit = random.real(1, 6);
  for (float& logit : t.clip().low()) logit = random.real(1, 6);
  t.measure();
}

TEST(equivalent_transform, is_the_layer_itself_but_for_the_rounding) {
  const layer_task task;
  for (const std::span<const float> bias : {std::span<const float>(task.bias), std::span<const float>()}) {
    equivalent_transform<8> t("layer", task.w.view(), bias, 100);
    draws random(2);
    for (float& s : t.scale()) s = random.real(0.5, 2);
    for (float& d : t.shift()) d = random.real(-2, 2);
    t.measure();
    tensor<float> y(task.y.shape());
    linear(probe_view{}, t, task.x.view(), y.view());
    for (std::size_t r = 0; r < y.rows(); ++r)
      for (std::size_t o = 0; o < y.columns(); ++o) {
        double expected = bias.empty() ? 0 : double{bias[o]}, allowed = 1e-4;
        const double half_step = 0.51 * double{t.clip().grid(o, 100, 100).scale};  // of every weight of the output
        for (std::size_t j = 0; j < 40; ++j) {
          expected += double{task.w(o, j)} * double{task.x(r, j)};
          allowed += half_step * std::fabs((double{task.x(r, j)} - double{t.shift()[j]}) / double{t.scale()[j]});
        }
        EXPECT_NEAR(double{y(r, o)}, expected, allowed);
      }
  }
}

template <int Bits, class Granularity>
void expect_commit_is_what_was_read(std::uint64_t seed) {
  const layer_task task;
  equivalent_transform<Bits, Granularity> t("layer", task.w.view(), task.bias);
  scatter(t, seed);
  tensor<float> read(task.y.shape()), committed(task.y.shape());
  linear(probe_view{}, t, task.x.view(), read.view());
  auto layer = t.commit("layer");
  linear(probe_view{}, layer, task.x.view(), committed.view());
  EXPECT_EQ(std::memcmp(read.data(), committed.data(), read.size() * sizeof(float)), 0);

  // x = gain ∘ n + offset of a normalisation: behind it the plain codes and the plain bias are the layer.
  tensor<float> n(task.x.shape()), x(task.x.shape());
  std::vector<float> gain(40, 2.0f), offset(40, 0.5f);
  for (std::size_t i = 0; i < n.size(); ++i) n.data()[i] = (task.x.data()[i] - 0.5f) / 2;
  layer.fold_into(gain, offset);
  for (std::size_t r = 0; r < n.rows(); ++r)
    for (std::size_t j = 0; j < 40; ++j) x(r, j) = n(r, j) * gain[j] + offset[j];
  linear(layer.weights, x.view(), committed.view());
  add_bias(probe_view{}, layer.bias, committed.view());
  for (std::size_t i = 0; i < read.size(); ++i) EXPECT_NEAR(read.data()[i], committed.data()[i], 1e-3);
}

TEST(equivalent_transform, commit_gives_the_same_outputs) {
  expect_commit_is_what_was_read<4, per_channel>(3);
  expect_commit_is_what_was_read<3, per_group<20>>(4);
  expect_commit_is_what_was_read<2, per_tensor>(5);
}

TEST(equivalent_transform, a_probe_sees_all_that_is_trained_however_it_is_seen) {
  layer_task task;
  equivalent_transform<4, per_group<20>> t("layer", task.w.view(), task.bias);
  scatter(t, 6);
  parameter_list<dense_view> all;
  all.add("w", task.w, {.unit = 0.1}), all.add("b", task.bias, {.unit = 0.5});
  t.add_to(all, "layer", {.scale = 0.2, .shift = 0.5, .logit = 0.5});
  optimizer opt{all, method::zeroqat{.radius = 0.5, .queries = 2}};
  const auto plan = opt.ask();
  tensor<float> on_read({plan.size() * 24, 6}), moved({24, 6}), base({24, 6});
  linear(probe_view{}, t, task.x.view(), base.view());
  linear(opt.probes(), t, task.x.view(), on_read.view());
  std::vector<float> weights(plan.size() * 90);
  opt.probes().read(t.weights(), 70, weights);
  for (std::size_t k = 0; k < plan.size(); ++k) {
    const decltype(opt)::in_place scope(opt, plan[k]);
    linear(probe_view{}, t, task.x.view(), moved.view());
    EXPECT_EQ(std::memcmp(moved.data(), on_read.data() + k * moved.size(), moved.size() * sizeof(float)), 0) << k;
    EXPECT_NE(std::memcmp(moved.data(), base.data(), moved.size() * sizeof(float)), 0);
    std::vector<float> part(90);
    probe_view{}.read(t.weights(), 70, part);
    EXPECT_EQ(std::memcmp(part.data(), weights.data() + k * 90, 90 * sizeof(float)), 0);
  }
  opt.step([&](const probe_view& p) { return task.loss(p, t); });
  EXPECT_TRUE(opt.step([&](const probe_view& p) { return task.loss(p, t); }).unread.empty());
}

// One weight that lies 0.1 above a rounding boundary: a probe of 0.05 sees nothing, one of 0.2 sees a whole step.
TEST(zeroqat, a_finite_difference_crosses_the_rounding) {
  tensor<float> w(shape{1, 3});
  w(0, 0) = 0, w(0, 1) = 15, w(0, 2) = 4.6f;  // steps of 1 in 4 bits, z = 0
  const equivalent_transform<4> t("layer", w.view(), {}, 100);
  tensor<float> x(shape{1, 3}), y(shape{1, 1});
  x(0, 2) = 1;
  for (const double radius : {0.05, 0.2}) {
    std::span<float> one(&w(0, 0), 3);
    optimizer opt{parameters(parameter("w", one)),
                  two_point{.radius = radius},
                  sgd{.rate = 1},
                  rademacher{},
                  no_normalisation{},
                  no_clip{},
                  options{.run = 1}};
    const report r = opt.step([&](const probe_view& p) {
      linear(p, t, x.view(), y.view());
      return double{y(0, 0)};
    });
    // L⁺ − L⁻ is 0 or ±1, and every weight moves by it over 2ε.
    EXPECT_NEAR(std::fabs(w(0, 2) - 4.6f), radius == 0.2 ? 1 / 0.4 : 0, 1e-3) << r.loss;
    EXPECT_EQ(w(0, 2) < 4.6f, radius == 0.2) << "downward, against a slope of 1";
  }
}

TEST(zeroqat, training_weights_transform_and_clips_beats_rounding_to_nearest) {
  layer_task task;
  equivalent_transform<3> t("layer", task.w.view(), task.bias, 5);
  const auto nearest_codes = quantize<uint3, per_channel>("layer", task.w.view());
  tensor<float> rounded(task.y.shape());
  linear(nearest_codes, task.x.view(), rounded.view());
  add_bias(probe_view{}, task.bias, rounded.view());
  double by_rounding = 0;
  for (std::size_t i = 0; i < rounded.size(); ++i)
    by_rounding += std::pow(double{rounded.data()[i]} - double{task.y.data()[i]}, 2) / static_cast<double>(rounded.size());
  const double start = task.loss({}, t);

  parameter_list<dense_view> all;
  all.add("w", task.w, {.unit = 0.02});
  t.add_to(all, "layer", {.scale = 0.1, .shift = 0.1, .logit = 0.3});
  optimizer opt{all, method::zeroqat{.rate = 4, .radius = 1, .queries = 4}, linear_decay{.steps = 200}, options{.run = 1}};
  for (int step = 0; step < 200; ++step) {
    opt.step([&](const probe_view& p) { return task.loss(p, t); });
    t.measure();
  }
  EXPECT_EQ(opt.state_bytes(), 0u);
  const double trained = task.loss({}, t.commit("layer"));
  EXPECT_EQ(trained, task.loss({}, t));
  RecordProperty("rounded", std::to_string(by_rounding));
  RecordProperty("start", std::to_string(start));
  RecordProperty("trained", std::to_string(trained));
  EXPECT_LT(trained, 0.5 * by_rounding);
}

TEST(equivalent_transform, wrong_input_is_named) {
  const layer_task task;
  const std::vector<float> five(5);
  EXPECT_EQ(message_of([&] { equivalent_transform<4>("layer", task.w.view(), five); }),
            "zolt: layer: bias = 5 must be 6, one per output, or empty");
  equivalent_transform<4> t("layer", task.w.view(), task.bias);
  t.scale()[3] = 0;
  EXPECT_EQ(message_of([&] { t.commit("layer"); }), "zolt: layer: factor 3 = 0 must be positive and finite");
  t.scale()[3] = 1;
  t.shift()[2] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { t.measure("layer"); }), "zolt: layer: shift 2 = inf must be finite");
  t.shift()[2] = 0;
  tensor<float> narrow(shape{2, 39}), y(shape{2, 6});
  EXPECT_EQ(message_of([&] { linear(probe_view{}, t, narrow.view(), y.view()); }),
            "zolt: equivalent_transform: columns of the inputs = 39 must be 40, the inputs of the weights");
  auto layer = t.commit("layer");
  EXPECT_EQ(message_of([&] { linear(probe_view{}, layer, narrow.view(), y.view()); }),
            "zolt: linear: columns of x = 39 must be 40, the inputs of the weight");
  std::vector<float> gain(40, 1.0f), offset(39);
  EXPECT_EQ(message_of([&] { layer.fold_into(gain, offset); }), "zolt: committed_layer: offset = 39 must be 40, one per input");
  EXPECT_EQ(message_of([&] { t.clip().measure("layer", narrow.view()); }), "zolt: layer: shape = 2x39 must be 6x40, that of the weights");
}

}  // namespace
}  // namespace zolt::test
