#include "zolt/linear/attention_prefix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

constexpr std::size_t length = 6, sequences = 3, width = 16, prefix_positions = 2, seen_positions = prefix_positions + length;

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  const auto values = normal_weights(s.size(), seed);
  std::copy(values.begin(), values.end(), t.data());
  return t;
}

/// A causal attention layer of one head with frozen INT4 projections, and a prefix that is trained.
struct layer {
  using weights = quantized_tensor<int4, per_group<16>>;

  tensor<float> x = normal_tensor({sequences * length, width}, 1);
  weights query = projection(2), key = projection(3), value = projection(4);
  tensor<float> prefix_keys = normal_tensor({prefix_positions, width}, 5), prefix_values = normal_tensor({prefix_positions, width}, 6);
  attention_prefix prefix{prefix_keys, prefix_values};

  layer() = default;
  layer(const layer&) = delete;

  static weights projection(std::uint64_t seed) {
    tensor<float> w = normal_tensor({width, width}, seed);
    for (float& v : w.flat()) v /= 4;
    return quantize<int4, per_group<16>>("w", w.view());
  }
  tensor<float> product(const probe_view& p, const weights& w) const {
    tensor<float> y({p.count() * x.rows(), width});
    linear(p, w, x.view(), y.view());
    return y;
  }
  tensor<float> forward(const probe_view& p) const {
    const tensor<float> q = product(p, query), k = product(p, key), v = product(p, value);
    tensor<float> all_k({p.count() * sequences * seen_positions, width}), all_v(all_k.shape()), y(q.shape());
    prefix.prepend_keys(p, k.view(), length, all_k.view());
    prefix.prepend_values(p, v.view(), length, all_v.view());
    for (std::size_t r = 0; r < q.rows(); ++r) {
      const std::size_t first = r / length * seen_positions, count = prefix_positions + r % length + 1;
      std::vector<double> shares(count);
      double total = 0;
      for (std::size_t s = 0; s < count; ++s) {
        double score = 0;
        for (std::size_t j = 0; j < width; ++j) score += double{q(r, j)} * double{all_k(first + s, j)};
        total += shares[s] = std::exp(score / 4);
      }
      for (std::size_t j = 0; j < width; ++j) {
        double sum = 0;
        for (std::size_t s = 0; s < count; ++s) sum += shares[s] / total * double{all_v(first + s, j)};
        y(r, j) = static_cast<float>(sum);
      }
    }
    return y;
  }
};

TEST(attention_prefix, stands_before_every_sequence_of_every_probe) {
  layer l;
  optimizer opt{parameters(parameter("keys", l.prefix.keys()), parameter("values", l.prefix.values())), two_point{.queries = 2},
                rademacher{}, no_normalisation{}, no_clip{}};
  const probe_view all = opt.probes();
  const tensor<float> own = normal_tensor({all.count() * sequences * length, width}, 7);
  for (const std::size_t blocks : {all.count(), std::size_t{1}}) {  // rows of every probe, or shared by all
    const auto x = own.view().rows_from(0, blocks * sequences * length);
    tensor<float> out({all.count() * sequences * seen_positions, width});
    l.prefix.prepend_values(all, x, length, out.view());
    for (std::size_t k = 0; k < all.count(); ++k) {
      std::vector<float> shown(prefix_positions * width);
      all.one(k).read(l.prefix.values(), 0, shown);
      EXPECT_NE(shown[0], l.prefix_values(0, 0));
      for (std::size_t s = 0; s < sequences; ++s) {
        const auto rows = out.view().rows_from((k * sequences + s) * seen_positions, seen_positions).flat();
        EXPECT_TRUE(std::equal(shown.begin(), shown.end(), rows.begin()));
        const auto behind = x.rows_from(((blocks == 1 ? 0 : k) * sequences + s) * length, length).flat();
        EXPECT_TRUE(std::equal(behind.begin(), behind.end(), rows.begin() + prefix_positions * width));
      }
    }
  }
}

TEST(attention_prefix, started_from_real_positions_repeats_them) {
  layer l;
  const tensor<float> k = l.product({}, l.key), v = l.product({}, l.value);
  l.prefix.start_from(k.view(), v.view());
  const tensor<float> y = l.forward({});
  // The first position of the first sequence sees itself, and before it itself and the second position.
  const tensor<float> q = l.product({}, l.query);
  double scores[2] = {};
  for (std::size_t s = 0; s < 2; ++s)
    for (std::size_t j = 0; j < width; ++j) scores[s] += double{q(0, j)} * double{k(s, j)} / 4;
  const double once = std::exp(scores[1]), twice = 2 * std::exp(scores[0]);
  for (std::size_t j = 0; j < width; ++j) EXPECT_NEAR(y(0, j), (twice * double{v(0, j)} + once * double{v(1, j)}) / (once + twice), 1e-5);
}

TEST(attention_prefix, trained_alone_it_lowers_the_loss_and_replays) {
  layer l, again;
  const tensor<float> target = [&] {  // what another prefix makes of it
    layer other;
    for (float& w : other.prefix_keys.flat()) w = -w;
    for (float& w : other.prefix_values.flat()) w = 1 - w;
    return other.forward({});
  }();
  const auto losses = [&](const probe_view& p) {
    const tensor<float> y = l.forward(p);
    std::vector<double> all(p.count());
    for (std::size_t i = 0; i < y.size(); ++i)
      all[i / target.size()] +=
          std::pow(double{y.data()[i]} - double{target.data()[i % target.size()]}, 2) / static_cast<double>(target.size());
    return all;
  };
  const auto optimizer_of = [](layer& of) {
    return parameters(parameter("keys", of.prefix.keys()), parameter("values", of.prefix.values()));
  };
  const auto method = policies(two_point{.radius = 0.1, .queries = 4}, sgd{.rate = 0.6}, gaussian{}, no_normalisation{}, no_clip{});
  optimizer opt{optimizer_of(l), method};
  const double before = losses({})[0];
  for (int step = 0; step < 60; ++step) EXPECT_TRUE(opt.step(losses).unread.empty());
  EXPECT_LT(losses({})[0], 0.3 * before);
  optimizer replayed{optimizer_of(again), method};
  replayed.replay(opt.recorded());
  EXPECT_TRUE(std::ranges::equal(again.prefix_keys.flat(), l.prefix_keys.flat()));
  EXPECT_TRUE(std::ranges::equal(again.prefix_values.flat(), l.prefix_values.flat()));
}

TEST(attention_prefix, wrong_input_is_named) {
  layer l;
  tensor<float> narrow(shape{prefix_positions, 3}), x(shape{sequences * length, width}), out(shape{seen_positions, width});
  EXPECT_EQ(message_of([&] { attention_prefix(l.prefix_keys, narrow); }),
            "zolt: attention_prefix: shape of the values = 2x3 must be 2x16, that of the keys");
  EXPECT_EQ(message_of([&] { l.prefix.start_from(x.view().rows_from(0, 1), x.view()); }),
            "zolt: attention_prefix: keys = 1x16 must be at least 2 rows of 16, those of the prefix");
  x(1, 2) = std::numeric_limits<float>::infinity();
  const float kept = l.prefix_keys(0, 0);
  EXPECT_EQ(message_of([&] { l.prefix.start_from(l.x.view(), x.view()); }), "zolt: attention_prefix: values = inf must be finite");
  EXPECT_EQ(l.prefix_keys(0, 0), kept);
  EXPECT_EQ(message_of([&] { l.prefix.prepend_keys({}, x.view(), 5, out.view()); }),
            "zolt: attention_prefix: rows = 18 must be whole sequences of 5");
  EXPECT_EQ(message_of([&] { l.prefix.prepend_keys({}, x.view(), length, out.view()); }),
            "zolt: attention_prefix: shape of the result = 8x16 must be 24x16, or that for every one of 1 probes");
  EXPECT_EQ(message_of([&] { l.prefix.prepend_keys({}, narrow.view(), 2, out.view()); }),
            "zolt: attention_prefix: columns = 3 must be 16, those of the prefix");
}

}  // namespace
}  // namespace zolt::test
