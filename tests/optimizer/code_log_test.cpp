#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "support/layer_net.hpp"
#include "support/messages.hpp"
#include "zolt/estimator/learned_feedback.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/momentum.hpp"

namespace zolt::test {
namespace {

/// Two INT4 layers with a float bias, their forward, and all their bytes.
struct coded_net {
  static constexpr std::size_t rows = 24, inputs = 15, hidden = 20, classes = 5;

  coded_net() {
    draws random(11);
    tensor<float> first({hidden, inputs}), second({classes, hidden});
    for (auto* t : {&first, &second, &x})
      for (float& v : t->flat()) v = random.normal();
    w1 = quantize<int4, per_group<5>>("first", first.view());
    w2 = quantize<int4, per_group<5>>("second", second.view());
    for (std::size_t b = 0; b < rows; ++b) labels.push_back(static_cast<int>(b % classes));
  }
  auto parameters() { return zolt::parameters(parameter{"first", w1}, parameter{"bias", bias, {.unit = 0.1}}, parameter{"second", w2}); }
  auto forward() {
    return [this](const probe_view& probes) {
      const std::size_t all = rows * probes.count();
      h.resize(all * hidden), o.resize(all * classes);
      const tensor_view<float> hv(h.data(), {all, hidden}), ov(o.data(), {all, classes});
      linear(probes, w1, x.view(), hv);
      add_bias(probes, bias, hv);
      for (float& v : hv.flat()) v = v > 0 ? v : 0;
      linear(probes, w2, hv, ov);
      return ov;
    };
  }
  template <class Optimizer>
  void train(Optimizer& opt, int steps) {
    for (int i = 0; i < steps; ++i) opt.step(forward(), softmax_cross_entropy{labels});
  }
  std::vector<std::byte> bytes() {
    std::vector<std::byte> all;
    for (const auto part : {w1.view().bytes(), w2.view().bytes(), std::as_writable_bytes(std::span(bias))})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }

  quantized_tensor<int4, per_group<5>> w1, w2;
  std::vector<float> bias = std::vector<float>(hidden), h, o;
  tensor<float> x{shape{rows, inputs}};
  std::vector<int> labels;
};

const options recorded{.run = 3, .record_codes = true};

template <class... Policies>
void expect_resumed_run_to_equal_the_uninterrupted_one(const Policies&... policies) {
  coded_net whole, half, resumed;
  optimizer all{whole.parameters(), policies..., recorded}, begun{half.parameters(), policies..., recorded},
      goes_on{resumed.parameters(), policies..., recorded};
  whole.train(all, 24);
  half.train(begun, 12);
  goes_on.resume(code_delta_log_from(to_bytes(begun.code_log())));
  EXPECT_EQ(resumed.bytes(), half.bytes());
  EXPECT_EQ(goes_on.step_number(), 12u);
  EXPECT_EQ(goes_on.state_bytes(), begun.state_bytes());
  resumed.train(goes_on, 12);
  EXPECT_EQ(resumed.bytes(), whole.bytes());
  EXPECT_TRUE(goes_on.code_log() == all.code_log()) << "deltas, and all that policies remember";
}

TEST(code_log, a_resumed_run_equals_the_uninterrupted_one) {
  expect_resumed_run_to_equal_the_uninterrupted_one(learned_feedback<>{}, sgd{.rate = 0.05});
  expect_resumed_run_to_equal_the_uninterrupted_one(learned_feedback<>{}, sgd{.rate = 0.05}, residual<4>{}, batches_per_write{3});
  expect_resumed_run_to_equal_the_uninterrupted_one(learned_feedback<>{}, momentum{.rate = 0.05}, matrix_rms{});
}

TEST(code_log, refuses_what_is_not_its_run) {
  coded_net net, other;
  optimizer opt{net.parameters(), learned_feedback<>{}, recorded},
      variant{other.parameters(), learned_feedback<>{.control_variate = true}, recorded};
  net.train(opt, 2);
  const auto before = other.bytes();
  EXPECT_PRED2(contains, message_of([&] { variant.resume(opt.code_log()); }), "composition");
  EXPECT_PRED2(contains, message_of([&] { opt.resume(opt.code_log()); }), "steps already taken");
  optimizer same{other.parameters(), learned_feedback<>{}, recorded};
  code_delta_log cut = opt.code_log();
  cut.state.pop_back();
  EXPECT_PRED2(contains, message_of([&] { same.resume(cut); }), "resume");
  EXPECT_EQ(other.bytes(), before);
  optimizer silent{other.parameters(), learned_feedback<>{}};
  EXPECT_PRED2(contains, message_of([&] { silent.code_log(); }), "record_codes");
}

TEST(code_log, is_not_taken_between_the_batches_of_a_write) {
  coded_net net;
  optimizer opt{net.parameters(), learned_feedback<>{}, batches_per_write{2}, recorded};
  net.train(opt, 3);
  EXPECT_PRED2(contains, message_of([&] { opt.code_log(); }), "batches that wait");
}

}  // namespace
}  // namespace zolt::test
