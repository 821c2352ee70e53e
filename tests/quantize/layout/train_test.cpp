#include <gtest/gtest.h>

#include <cmath>

#include "quantize/layout/block_data.hpp"
#include "support/messages.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/layout/bitsandbytes.hpp"
#include "zolt/quantize/layout/ggml.hpp"
#include "zolt/quantize/layout/gptq.hpp"

// Weights in foreign layouts are trained where they lie: their codes move, their scales do not, and a probe leaves no trace.
namespace zolt::test {
namespace {

/// Distance of the weights from those of another model: what training brings down.
template <class View>
double distance(const View& view, const std::vector<float>& target) {
  std::vector<float> w(target.size());
  view.decode(0, w);
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += (double{w[i]} - target[i]) * (double{w[i]} - target[i]);
  return sum / static_cast<double>(w.size());
}

template <class View>
void expect_trains(const View& view, const std::vector<std::byte>& memory, const std::vector<float>& target) {
  optimizer opt{parameters(parameter{"w", view}),
                two_point{.radius = 1, .queries = 16},
                sgd{.rate = 0.1},
                rademacher{},
                residual<4>{},
                options{.run = 5}};
  const auto before = memory;
  const double start = distance(view, target);

  // In place: the probes are seen in the owner's bytes, which come back to the bit.
  std::size_t seen = 0;
  opt.evaluate([&] {
    seen += memory != before;
    return distance(view, target);
  });
  EXPECT_EQ(seen, opt.ask().size());
  EXPECT_EQ(hex(memory), hex(before));

  // On read: the bytes are not touched, and the numbers are the same.
  const std::vector<double> in_place(opt.evaluate([&] { return distance(view, target); }).begin(),
                                     opt.evaluate([&] { return distance(view, target); }).end());
  const auto on_read = opt.evaluate([&](const probe_view& p) {
    std::vector<float> w(target.size());
    p.read(view, 0, w);
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += (double{w[i]} - target[i]) * (double{w[i]} - target[i]);
    return sum / static_cast<double>(w.size());
  });
  EXPECT_EQ(std::vector<double>(on_read.begin(), on_read.end()), in_place);
  EXPECT_EQ(hex(memory), hex(before));

  std::uint64_t moved = 0;
  for (int step = 0; step < 60; ++step) moved += opt.step([&] { return distance(view, target); }).writes.moved;
  EXPECT_GT(moved, 0u);
  EXPECT_NE(hex(memory), hex(before));
  EXPECT_LT(distance(view, target), 0.8 * start);
}

std::vector<float> pulled(std::vector<float> weights) {  // a target some codes away
  for (float& w : weights) w = 0.7f * w + 0.3f;
  return weights;
}

TEST(training, of_blocks_of_ggml_in_place) {
  const auto weights = normal_weights(2 * 32, 1);
  auto bytes = quantize_blocks<ggml_q4_0>("w", {weights.data(), {2, 32}});
  const auto before = bytes;
  expect_trains(block_view<ggml_q4_0>("w", bytes, {2, 32}), bytes, pulled(weights));
  for (std::size_t k = 0; k < bytes.size(); k += 18)
    for (std::size_t j = 0; j < 2; ++j) EXPECT_EQ(bytes[k + j], before[k + j]) << "scales stay";
}
TEST(training, of_a_gptq_layer_in_place) {
  const shape s{8, 8};
  draws random(2);
  std::vector<code> codes(s.size()), zeros(2 * 8, 8);
  for (code& c : codes) c = static_cast<code>(random.below(16));
  std::vector<float> scales(2 * 8);
  for (float& x : scales) x = random.real(0.05, 0.2);
  std::vector<std::uint32_t> g_idx(s.columns);
  for (std::uint32_t& g : g_idx) g = static_cast<std::uint32_t>(random.below(2));
  auto layer = gptq_pack<4>("w", s, codes, scales, zeros, g_idx, gptq_version::v1);
  const gptq_view<4> view("w", layer.tensors(), s);
  std::vector<float> weights(s.size());
  view.decode(0, weights);
  expect_trains(view, layer.qweight, pulled(weights));
}
TEST(training, of_nf4_in_place) {
  const auto weights = normal_weights(2 * 32, 3);
  std::vector<std::byte> bytes(weights.size() / 2);
  std::vector<float> absmax(weights.size() / 64);
  quantize_bitsandbytes<nf4>("w", weights, bytes, absmax);
  expect_trains(bitsandbytes_view<nf4>("w", bytes, absmax, {2, 32}), bytes, pulled(weights));
}

TEST(training, refuses_a_code_that_no_update_makes) {
  const auto weights = normal_weights(64, 4);
  auto bytes = quantize_blocks<ggml_q8_0>("w", {weights.data(), {1, 64}});
  bytes[34 + 2 + 5] = std::byte{0x80};
  const block_view<ggml_q8_0> view("w", bytes, {1, 64});
  EXPECT_EQ(message_of([&] { optimizer opt{parameters(parameter{"w", view})}; }), "zolt: w: code 37 = 128 must be a finite number of int8");
}

TEST(linear, reads_blocks_that_cannot_be_trained) {
  std::vector<std::byte> block(2 * 144);
  block[1] = block[145] = std::byte{0x3c};
  block[4] = block[148] = std::byte{1};
  block[16] = std::byte{3}, block[144 + 16 + 1] = std::byte{5};
  const block_reader<ggml_q4_k> weights("w", block, {2, 256});
  std::vector<float> x(256), y(2);
  x[0] = 1, x[1] = 10;
  linear(weights, {x.data(), {1, 256}}, {y.data(), {1, 2}});
  EXPECT_EQ(y, (std::vector<float>{3, 50}));
}

}  // namespace
}  // namespace zolt::test
