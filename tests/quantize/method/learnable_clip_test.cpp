#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/method/learnable_clip.hpp"

namespace zolt {
namespace {

using test::message_of;

/// Normal weights of which a few are far out, and one row of one sign.
tensor<float> heavy_tailed(shape s, std::uint64_t seed) {
  tensor<float> w(s);
  test::draws random(seed);
  for (float& v : w.flat()) v = 0.05f * random.normal() * (random.below(40) == 0 ? 3.0f : 1.0f);
  for (float& v : w.view().row(0)) v = std::fabs(v);
  return w;
}

template <class Clip>
std::vector<float> seen(const Clip& clip) {
  std::vector<float> out(clip.shape().size());
  probe_view{}.read(clip, 0, out);
  return out;
}

template <class Floats>
double squared_error(const tensor<float>& w, const Floats& quantized) {
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += std::pow(double{quantized[i]} - double{w.data()[i]}, 2);
  return sum / static_cast<double>(w.size());
}

TEST(learnable_clip, the_logistic_function_is_that_of_the_library) {
  for (double x = -87; x < 90; x += 0.37) {
    const auto at = static_cast<float>(x);
    const double expected = 1 / (1 + std::exp(-double{at}));
    EXPECT_NEAR(detail::logistic(at) / expected, 1, 6.1e-8) << x;
  }
  EXPECT_EQ(detail::logistic(0), 0.5f);
  EXPECT_EQ(detail::logistic(3e38f), 1);
  EXPECT_EQ(detail::logistic(-3e38f), 0);
}

TEST(learnable_clip, a_known_answer) {
  tensor<float> w(shape{1, 4});
  std::copy_n(std::vector<float>{-1, 0.2f, 0.9f, 3}.data(), 4, w.data());
  learnable_clip<2> clip("w", w.view(), 0);  // half of the range: [−0.5, 1.5], step 2/3, zero point round(0.75)
  const affine g = clip.grid(0, 0, 0);
  EXPECT_FLOAT_EQ(g.scale, 2.0f / 3);
  EXPECT_EQ(g.zero, 1);
  const auto out = seen(clip);
  const std::vector<float> steps = {-1, 0, 1, 2};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(out[i], steps[i] * g.scale) << i;
  EXPECT_EQ(clip.memory(), 16u);
}

template <class Clip>
void expect_what_is_read_is_what_is_baked(Clip clip, std::uint64_t seed) {
  test::draws random(seed);
  for (float& logit : clip.high()) logit = random.real(-3, 6);
  for (float& logit : clip.low()) logit = random.real(-3, 6);
  clip.high()[0] = -200;  // nothing is left of the range
  clip.low()[0] = -3e38f;
  const auto out = seen(clip);
  std::vector<float> decoded(out.size());
  const auto q = clip.quantized("w");
  q.decode(0, decoded);
  EXPECT_EQ(std::memcmp(out.data(), decoded.data(), out.size() * sizeof(float)), 0);
  for (std::size_t k = 0; k < clip.high().size(); ++k) EXPECT_EQ(q.scales()[k], clip.grid(k, clip.high()[k], clip.low()[k]).scale);
  for (int trial = 0; trial < 30; ++trial) {
    const std::size_t first = random.below(out.size()), count = 1 + random.below(out.size() - first);
    std::vector<float> part(count);
    probe_view{}.read(clip, first, part);
    ASSERT_TRUE(std::equal(part.begin(), part.end(), out.data() + first)) << first << ", " << count;
  }
}

TEST(learnable_clip, what_is_read_is_what_is_baked_bit_for_bit) {
  tensor<float> w = heavy_tailed({12, 96}, 1);
  for (float& v : w.view().row(5)) v = 0;
  expect_what_is_read_is_what_is_baked(learnable_clip<4>("w", w.view()), 1);
  expect_what_is_read_is_what_is_baked(learnable_clip<2, per_tensor>("w", w.view()), 2);
  expect_what_is_read_is_what_is_baked(learnable_clip<3, per_group<32>>("w", w.view()), 3);
  expect_what_is_read_is_what_is_baked(learnable_clip<8, per_group<40, last_group::shorter>>("w", w.view()), 4);
  expect_what_is_read_is_what_is_baked(learnable_clip<4, per_block<5, 28, last_group::shorter>>("w", w.view()), 5);
}

TEST(learnable_clip, large_logits_are_quantization_of_the_whole_range) {
  const tensor<float> w = heavy_tailed({12, 96}, 2);
  const learnable_clip<4, per_group<32>> clip("w", w.view(), 100);
  const auto q = quantize<uint4, per_group<32>>("w", w.view());
  std::vector<float> decoded(w.size());
  q.decode(0, decoded);
  EXPECT_EQ(seen(clip), decoded);
}

TEST(learnable_clip, a_probe_sees_the_weights_and_logits_that_it_moves) {
  tensor<float> w = heavy_tailed({6, 64}, 3);
  learnable_clip<3, per_group<32>> clip("w", w.view());
  optimizer opt{parameters(parameter("w", w, {.unit = 0.01}), parameter("high", clip.high(), {.unit = 0.5}),
                           parameter("low", clip.low(), {.unit = 0.5})),
                two_point{.queries = 2}, rademacher{}};
  const auto plan = opt.ask();
  std::vector<float> on_read(plan.size() * w.size());
  opt.probes().read(clip, 0, on_read);
  std::vector<float> part(plan.size() * 50);
  opt.probes().read(clip, 70, part);
  for (std::size_t k = 0; k < plan.size(); ++k) {
    const decltype(opt)::in_place scope(opt, plan[k]);
    const auto moved = seen(clip);
    EXPECT_EQ(std::memcmp(moved.data(), on_read.data() + k * w.size(), w.size() * sizeof(float)), 0) << "probe " << k;
    EXPECT_TRUE(std::equal(part.begin() + static_cast<std::ptrdiff_t>(k * 50), part.begin() + static_cast<std::ptrdiff_t>((k + 1) * 50),
                           moved.data() + 70));
    EXPECT_GT(squared_error(w, moved), 0);
  }
  EXPECT_FALSE(std::equal(on_read.begin(), on_read.begin() + static_cast<std::ptrdiff_t>(w.size()),
                          on_read.begin() + static_cast<std::ptrdiff_t>(w.size())));
}

enum class way { in_place, one_probe, plan };

/// The logits after training the squared error of the weights in 2 bits.
std::vector<float> trained(const tensor<float>& w, way how, int steps, double* before = nullptr, double* after = nullptr) {
  learnable_clip<2> clip("w", w.view());
  if (before != nullptr) *before = squared_error(w, seen(clip));
  std::vector<float> out(w.size() * 16);
  std::vector<double> losses;
  const auto loss_of = [&](const probe_view& p) {
    p.read(clip, 0, std::span(out).first(w.size() * p.count()));
    losses.clear();
    for (std::size_t k = 0; k < p.count(); ++k) losses.push_back(1e3 * squared_error(w, std::span(out).subspan(k * w.size(), w.size())));
    return std::span<const double>(losses);
  };
  optimizer opt{parameters(parameter("high", clip.high(), {.unit = 0.25}), parameter("low", clip.low(), {.unit = 0.25})),
                two_point{.radius = 2, .queries = 8}, rademacher{}, sgd{.rate = 1}, options{.run = 1}};
  for (int step = 0; step < steps; ++step) {
    if (how == way::plan)
      opt.step(loss_of);
    else if (how == way::one_probe)
      opt.step([&](const probe_view& p) { return loss_of(p)[0]; });
    else
      opt.step([&] { return loss_of(probe_view{})[0]; });
  }
  if (after != nullptr) *after = squared_error(w, seen(clip));
  std::vector<float> logits(clip.high().begin(), clip.high().end());
  logits.insert(logits.end(), clip.low().begin(), clip.low().end());
  return logits;
}

TEST(learnable_clip, training_the_logits_lowers_the_error_and_is_one_run_however_it_is_seen) {
  const tensor<float> w = heavy_tailed({4, 128}, 4);
  double before = 0, after = 0;
  trained(w, way::plan, 80, &before, &after);
  EXPECT_LT(after, 0.75 * before) << before << " before, " << after << " after";
  RecordProperty("mse_before", std::to_string(before));
  RecordProperty("mse_after", std::to_string(after));
  const auto logits = trained(w, way::plan, 6);
  EXPECT_EQ(trained(w, way::one_probe, 6), logits);
  EXPECT_EQ(trained(w, way::in_place, 6), logits);
}

TEST(learnable_clip, a_layer_reads_it_like_any_weight) {
  const tensor<float> w = heavy_tailed({6, 64}, 5);
  const learnable_clip<4> clip("w", w.view());
  tensor<float> x(shape{2, 64}), y(shape{2, 6}), expected(shape{2, 6});
  std::copy_n(test::normal_weights(128, 6).data(), 128, x.data());
  linear(probe_view{}, clip, x.view(), y.view());
  linear(clip.quantized("w"), x.view(), expected.view());
  EXPECT_EQ(std::memcmp(y.data(), expected.data(), 12 * sizeof(float)), 0);
}

TEST(learnable_clip, ranges_are_those_of_the_last_measurement) {
  tensor<float> w = heavy_tailed({2, 32}, 7);
  learnable_clip<4> clip("w", w.view());
  const float before = clip.grid(1, 4, 4).scale;
  for (float& v : w.flat()) v *= 2;
  EXPECT_EQ(clip.grid(1, 4, 4).scale, before);
  clip.measure();
  EXPECT_EQ(clip.grid(1, 4, 4).scale, 2 * before);
}

TEST(learnable_clip, wrong_input_is_named) {
  tensor<float> w = heavy_tailed({2, 33}, 8);
  EXPECT_EQ(message_of([&] { learnable_clip<4, per_group<32>>("w", w.view()); }),
            "zolt: w: columns = 33 must be divided by the group of 32");
  EXPECT_EQ(message_of([&] { learnable_clip<4>("w", tensor_view<const float>{}); }), "zolt: w: shape = 0x0 must have at least one element");
  EXPECT_EQ(message_of([&] { learnable_clip<4>("w", w.view(), std::numeric_limits<double>::infinity()); }),
            "zolt: w: logit = inf must be finite");
  learnable_clip<4> clip("w", w.view());
  clip.low()[1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { clip.quantized("w"); }), "zolt: w: low logit 1 = inf must be finite");
  clip.high()[0] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { clip.quantized("w"); }), "zolt: w: high logit 0 = -inf must be finite");
  w(1, 2) = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { clip.quantized("w"); }), "zolt: w: weight 35 (row 1) = inf must be finite");
  EXPECT_EQ(message_of([&] { clip.measure(); }), "zolt: learnable_clip: weight 35 (row 1) = inf must be finite");
  EXPECT_EQ(message_of([&] { learnable_clip<4>("w", w.view()); }), "zolt: w: weight 35 (row 1) = inf must be finite");
  std::vector<float> out(10);
  EXPECT_EQ(message_of([&] { probe_view{}.read(clip, 60, out); }), "zolt: frozen tensor: weights read, up to = 70 must be at most 66");
}

}  // namespace
}  // namespace zolt
