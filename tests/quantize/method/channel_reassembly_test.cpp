#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/method/channel_reassembly.hpp"
#include "zolt/quantize/method/symmetric_min_max.hpp"

namespace zolt {
namespace {

using test::message_of;

tensor<float> numbers(shape s, std::vector<float> values) {
  tensor<float> t(s);
  std::copy(values.begin(), values.end(), t.data());
  return t;
}
tensor<float> normal_tensor(shape s, std::uint64_t seed) { return numbers(s, test::normal_weights(s.size(), seed)); }

tensor<float> product(const tensor<float>& x, const tensor<float>& w) {
  tensor<float> y(shape{x.rows(), w.rows()});
  linear(w, x.view(), y.view());
  return y;
}
double squared_distance(const tensor<float>& a, const tensor<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a.data()[i]} - double{b.data()[i]}, 2);
  return sum;
}
tensor<float> applied(const channel_map& map, const tensor<float>& x) {
  tensor<float> out(shape{x.rows(), map.outputs});
  map.apply(x.view(), out.view());
  return out;
}

TEST(channel_reassembly, the_index_of_a_disassembly) {
  const channel_map map = disassemble(std::vector<float>{1, 7, 2, 4.5f, 0}, 2);
  EXPECT_EQ(map.inputs, 5u);
  EXPECT_EQ(map.outputs, 10u);  // 1 + 4 + 1 + 3 + 1
  EXPECT_EQ(map.source, (std::vector<std::int32_t>{0, 1, 1, 1, 1, 2, 3, 3, 3, 4}));
  EXPECT_EQ(map.target, (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const float third = 1.0f / 3;
  EXPECT_EQ(map.factor, (std::vector<float>{1, 0.25f, 0.25f, 0.25f, 0.25f, 1, third, third, third, 1}));
}

TEST(channel_reassembly, a_disassembled_layer_is_the_layer) {
  const tensor<float> x = numbers({2, 3}, {1, -8, 3, 2, 4, -1}), w = numbers({2, 3}, {3, -5, 7, 1, 2, 1});
  const channel_map map = disassemble(channel_maxima(x.view()), 2);  // parts of 1, 4 and 2 channels
  EXPECT_EQ(map.outputs, 7u);
  const tensor<float> split = applied(map, x), repeated = map.weights(w.view());
  EXPECT_LE(*std::max_element(split.flat().begin(), split.flat().end()), 2);
  const tensor<float> y = product(x, w), z = product(split, repeated);
  EXPECT_TRUE(std::equal(y.flat().begin(), y.flat().end(), z.flat().begin())) << "whole numbers, powers of two: exact";

  const tensor<float> a = normal_tensor({20, 40}, 1), b = normal_tensor({10, 40}, 2);
  const channel_map thirds = disassemble(channel_maxima(a.view()), 0.9f);
  EXPECT_GT(thirds.outputs, 80u);
  EXPECT_LT(squared_distance(product(a, b), product(applied(thirds, a), thirds.weights(b.view()))), 1e-8);
}

TEST(channel_reassembly, the_threshold_is_the_least_that_adds_few_enough_channels) {
  const std::vector<float> largest = {100, 50, 10, 1, 1, 1, 1, 1, 1, 1};  // 200 steps of 0.495
  const auto added = [&largest](double threshold) {
    double sum = 0;
    for (const float m : largest) sum += std::max(1.0, std::ceil(m / threshold)) - 1;
    return sum;
  };
  for (const double ratio : {0.1, 0.3, 0.5, 1.0}) {
    const double threshold = disassembly_threshold(largest, ratio);
    EXPECT_LE(added(threshold), 10 * ratio);
    EXPECT_GT(added(threshold - 0.4951), 10 * ratio);
  }
  EXPECT_EQ(disassembly_threshold(largest, 0), 100) << "one step below splits the largest";
  EXPECT_EQ(disassembly_threshold(std::vector<float>{3, 3, 3}, 0.5), 3);
  EXPECT_EQ(disassembly_threshold(std::vector<float>{0, 0}, 0.5), 0);
  EXPECT_EQ(disassemble(std::vector<float>{0, 0}, 0).outputs, 2u);
  EXPECT_FLOAT_EQ(disassembly_threshold(std::vector<float>{1, 2}, 100), 1) << "not below the least channel";
}

TEST(channel_reassembly, the_cost_of_a_merge_is_the_change_of_the_layer) {
  EXPECT_EQ(assembly_cost(std::vector<float>{1, 2}, std::vector<float>{1, 2}, std::vector<float>{5}, std::vector<float>{-5}), 0);
  EXPECT_EQ(assembly_cost(std::vector<float>{1, 2}, std::vector<float>{3, 2}, std::vector<float>{5}, std::vector<float>{2}), 9);
  const tensor<float> x = normal_tensor({6, 2}, 3), w = normal_tensor({5, 2}, 4);
  tensor<float> columns_x(shape{2, 6}), columns_w(shape{2, 5}), merged_x(shape{6, 1}), merged_w(shape{5, 1});
  for (std::size_t c = 0; c < 2; ++c) {
    for (std::size_t r = 0; r < 6; ++r) columns_x(c, r) = x(r, c), merged_x(r, 0) += 0.5f * x(r, c);
    for (std::size_t r = 0; r < 5; ++r) columns_w(c, r) = w(r, c), merged_w(r, 0) += w(r, c);
  }
  const double cost = assembly_cost(columns_x.view().row(0), columns_x.view().row(1), columns_w.view().row(0), columns_w.view().row(1));
  EXPECT_NEAR(cost / squared_distance(product(x, w), product(merged_x, merged_w)), 1, 1e-5);
}

TEST(channel_reassembly, the_cheapest_pairs_are_merged_and_parts_of_splits_are_not) {
  // Channel 0 is split in two, which takes places 0 and 1; channels 1 … 4 take 2 … 5. Channels 1 and 4 (2 and 5) see the same, nearly.
  const tensor<float> x = numbers({2, 5}, {8, 1, 2, 3, 1.125f, -8, 2, -3, 1, 2}), w = numbers({1, 5}, {1, 2, 4, 8, 3});
  const channel_map split = disassemble(channel_maxima(x.view()), 4);
  ASSERT_EQ(split.outputs, 6u);
  const channel_map map = assemble(split, x.view(), w.view());
  EXPECT_EQ(map.outputs, 5u);
  EXPECT_EQ(map.source, split.source);
  EXPECT_EQ(map.target, (std::vector<std::int32_t>{0, 1, 4, 2, 3, 4}));
  EXPECT_EQ(map.factor, (std::vector<float>{0.5f, 0.5f, 0.5f, 1, 1, 0.5f}));
  const tensor<float> out = applied(map, x), weights = map.weights(w.view());
  EXPECT_EQ(std::vector<float>(out.flat().begin(), out.flat().end()), (std::vector<float>{4, 4, 2, 3, 1.0625f, -4, -4, -3, 1, 2}));
  EXPECT_EQ(std::vector<float>(weights.flat().begin(), weights.flat().end()), (std::vector<float>{1, 1, 4, 8, 5}));
  // The error is what the merge costs: ‖(−0.125, 0)‖² · (2 − 3)² / 4.
  EXPECT_DOUBLE_EQ(squared_distance(product(x, w), product(out, weights)), 0.125 * 0.125 / 4);
}

TEST(channel_reassembly, outlier_channels_cost_less_in_four_bits_afterwards) {
  tensor<float> x = normal_tensor({64, 96}, 5);
  const tensor<float> w = normal_tensor({24, 96}, 6);
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (const std::size_t c : {5u, 40u}) x(r, c) *= 15;
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t c = 50; c < 96; ++c) x(r, c) *= 0.05f;  // channels that hardly matter
  const channel_map map = reassemble_channels(x.view(), w.view(), 0.2);
  EXPECT_EQ(map.outputs, 96u);
  const tensor<float> y = product(x, w);
  tensor<float> plain = x, reassembled = applied(map, x);
  quantize_activations<4>(plain.view());
  quantize_activations<4>(reassembled.view());
  const double before = squared_distance(y, product(plain, w)), after = squared_distance(y, product(reassembled, map.weights(w.view())));
  EXPECT_LT(after, 0.3 * before) << before << " before, " << after << " after";
  RecordProperty("error_ratio", std::to_string(after / before));
}

TEST(channel_reassembly, factors_are_parameters) {
  const tensor<float> x = normal_tensor({4, 6}, 7);
  channel_map map = disassemble(channel_maxima(x.view()), 1);
  optimizer opt{parameters(parameter("factor", std::span<float>(map.factor), {.unit = 0.01})), two_point{.queries = 2}, rademacher{}};
  const auto plan = opt.ask();
  tensor<float> shared(shape{16, map.outputs}), own(shape{16, map.outputs}), inputs(shape{16, 6});
  for (std::size_t k = 0; k < 4; ++k) std::copy_n(x.data(), x.size(), inputs.data() + k * x.size());
  map.apply(opt.probes(), x.view(), shared.view());
  map.apply(opt.probes(), inputs.view(), own.view());
  EXPECT_TRUE(std::equal(shared.flat().begin(), shared.flat().end(), own.flat().begin()));
  for (std::size_t k = 0; k < 4; ++k) {
    const decltype(opt)::in_place scope(opt, plan[k]);
    const tensor<float> moved = applied(map, x);
    EXPECT_TRUE(std::equal(moved.flat().begin(), moved.flat().end(), shared.view().rows_from(4 * k, 4).data()));
  }
  EXPECT_GT(squared_distance(applied(map, x), numbers({4, map.outputs}, {shared.data(), shared.data() + 4 * map.outputs})), 0);
}

TEST(channel_reassembly, wrong_input_is_named) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const tensor<float> x = normal_tensor({4, 6}, 8), w = normal_tensor({2, 5}, 9);
  tensor<float> bad = x, out(shape{4, 5});
  bad(2, 3) = inf;
  const channel_map map = disassemble(std::vector<float>(6, 1.0f), 1);
  EXPECT_EQ(message_of([&] { channel_maxima(bad.view()); }),
            "zolt: channel_reassembly: activation of token 2, channel 3 = inf must be finite");
  EXPECT_EQ(message_of([&] { disassembly_threshold({}, 0.1); }), "zolt: channel_reassembly: channels = 0 must be at least 1 and finite");
  EXPECT_EQ(message_of([&] { disassembly_threshold(std::vector<float>{1}, -1); }),
            "zolt: channel_reassembly: ratio = -1 must be finite and not negative");
  EXPECT_EQ(message_of([&] {
              disassembly_threshold(std::vector<float>{1, inf}, 1);
            }),
            "zolt: channel_reassembly: largest magnitude of a channel = inf must be finite and not negative");
  EXPECT_EQ(message_of([&] { disassemble(std::vector<float>{1}, 0); }),
            "zolt: channel_reassembly: threshold = 0 must be positive and finite");
  EXPECT_EQ(message_of([&] { disassemble(std::vector<float>{1}, 1e-30f); }).substr(0, 56),
            "zolt: channel_reassembly: channels after the splits = 9.");
  EXPECT_EQ(message_of([&] { assemble(map, w.view(), w.view()); }), "zolt: channel_reassembly: columns of x = 5 must be 6");
  EXPECT_EQ(message_of([&] { assemble(map, x.view(), w.view()); }), "zolt: channel_reassembly: columns of w = 5 must be 6");
  EXPECT_EQ(message_of([&] { map.weights(w.view()); }), "zolt: channel_map: columns of w = 5 must be 6");
  EXPECT_EQ(message_of([&] { map.apply(w.view(), out.view()); }), "zolt: channel_map: columns of x = 5 must be 6");
  EXPECT_EQ(message_of([&] { map.apply(x.view(), out.view()); }), "zolt: channel_map: shape of the result = 4x5 must be 4x6");
  EXPECT_EQ(message_of([&] { map.apply(probe_view{}, x.view(), out.view()); }), "zolt: channel_map: shape of the result = 4x5 must be 4x6");
  tensor<float> tall(shape{8, 6});
  EXPECT_EQ(message_of([&] { map.apply(probe_view{}, x.view(), tall.view()); }),
            "zolt: channel_map: rows of x = 4 must be 8 (a block of rows per probe) or 8");
  const tensor<float> three = normal_tensor({4, 3}, 8);
  EXPECT_EQ(message_of([&] {
              assemble(disassemble(std::vector<float>{9, 1, 1}, 1), three.view(), three.view());
            }),
            "zolt: channel_reassembly: pairs of unsplit channels = 1 must be at least 8, the channels added: split less");
}

}  // namespace
}  // namespace zolt
