#include "zolt/quantize/continuous.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/block_formats.hpp"
#include "zolt/quantize/method/awq.hpp"
#include "zolt/quantize/method/channel_reassembly.hpp"
#include "zolt/quantize/method/fit_additive_codebook.hpp"
#include "zolt/quantize/method/learnable_clip.hpp"

namespace zolt::test {
namespace {

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  draws d(seed);
  for (float& v : t.flat()) v = d.normal();
  return t;
}

template <class Weights>
std::vector<std::string> names_of(Weights& w) {
  std::vector<std::string> names;
  for (const continuous_parameter& p : continuous_parameters("w", w)) names.push_back(p.name);
  return names;
}
using strings = std::vector<std::string>;

TEST(continuous_parameters, are_listed_by_what_quantized_the_weights) {
  const auto w = normal_tensor({16, 256}, 1), x = normal_tensor({32, 256}, 2);
  auto symmetric = quantize<int4>("w", w);
  auto asymmetric = quantize<uint4>("w", w);
  auto microscaled = mxfp4_quantizer{}("w", w);
  auto additive = fit_additive_codebook<2, 8>("w", w);
  learnable_clip<4> clip("w", w);
  auto aware = awq<uint4>{}("w", w, x);
  auto map = reassemble_channels(x, w, 0.05);
  EXPECT_EQ(names_of(symmetric), (strings{"w.scales"}));
  EXPECT_EQ(names_of(asymmetric), (strings{"w.scales", "w.zeros"}));
  EXPECT_EQ(names_of(microscaled), strings{});
  EXPECT_EQ(names_of(additive), (strings{"w.scales", "w.codebooks"}));
  EXPECT_EQ(names_of(clip), (strings{"w.high", "w.low"}));
  EXPECT_EQ(names_of(aware), (strings{"w.smoothing", "w.scales", "w.zeros"}));
  EXPECT_EQ(names_of(map), (strings{"w.factor"}));
  EXPECT_EQ(continuous_parameters("w", symmetric)[0].values.data(), symmetric.scales().data());
  EXPECT_EQ(continuous_parameters("w", clip)[0].unit, 4.0);
  std::vector<float> zeros(3);
  struct {
    std::vector<float> smoothing;
  } idle{zeros};
  EXPECT_EQ(continuous_parameters("w", idle)[0].unit, 1.0);
}

TEST(continuous_parameters, of_awq_train_with_the_codes_frozen) {
  const auto w = normal_tensor({24, 128}, 3), x = normal_tensor({48, 128}, 4);
  auto aware = awq<unsigned_integer<2>, per_group<64>>{}("w", w, x);
  const std::vector<std::byte> codes(aware.weights.view().bytes().begin(), aware.weights.view().bytes().end());
  const column_divided seen(aware.weights, aware.smoothing);
  tensor<float> wanted({48, 24});
  linear(w, x, wanted);
  std::vector<float> y;
  const auto loss = [&](const probe_view& probes) {
    y.resize(probes.count() * wanted.size());
    linear(probes, seen, x, tensor_view<float>(y.data(), {48 * probes.count(), 24}));
    std::vector<double> errors(probes.count());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double e = double{y[i]} - double{wanted.data()[i % wanted.size()]};
      errors[i / wanted.size()] += e * e;
    }
    return errors;
  };
  parameter_list<dense_view> parameters;
  for (const continuous_parameter& p : continuous_parameters("w", aware)) parameters.add(p.name, p.values, {.unit = p.unit});
  optimizer opt{parameters, sgd{.rate = 0.01}, two_point{.radius = 0.02}, linear_decay{.steps = 400}};
  const double before = loss(probe_view{})[0];
  for (int step = 0; step < 400; ++step) {
    const report r = opt.step(loss);
    ASSERT_TRUE(r.unread.empty()) << r.unread.front();
  }
  EXPECT_LT(loss(probe_view{})[0], 0.9 * before);
  EXPECT_TRUE(std::equal(codes.begin(), codes.end(), aware.weights.view().bytes().begin()));
}

TEST(column_divided, is_the_layer_of_the_original_inputs) {
  const auto w = normal_tensor({3, 32}, 5);
  std::vector<float> s(32);
  for (std::size_t j = 0; j < 32; ++j) s[j] = static_cast<float>(j + 1);
  const auto q = quantize<int8>("w", w);
  std::vector<float> out(40), plain(40);
  column_divided(q, s).read(probe_view{}, 20, out);
  q.decode(20, plain);
  for (std::size_t j = 0; j < out.size(); ++j) EXPECT_EQ(out[j], plain[j] / s[(20 + j) % 32]);
  s.pop_back();
  EXPECT_EQ(message_of([&] { column_divided(q, s); }), "zolt: column_divided: smoothing = 31 must be one per column, 32");
}

}  // namespace
}  // namespace zolt::test
