#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/linear/low_rank_adapter.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

constexpr shape base_shape{37, 64};
constexpr std::size_t rank = 3;

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  const auto values = normal_weights(s.size(), seed);
  std::copy(values.begin(), values.end(), t.data());
  return t;
}

struct factors {
  tensor<float> a = normal_tensor({rank, base_shape.columns}, 2), b = normal_tensor({base_shape.rows, rank}, 3);
};

/// W + scaling · B A in double, under one probe.
template <class Weights>
std::vector<double> merged(const probe_view& probe, const Weights& base, factors& f, double scaling) {
  std::vector<float> w(base_shape.size()), a(f.a.size()), b(f.b.size());
  probe.read(base, 0, w);
  probe.read(f.a, 0, a);
  probe.read(f.b, 0, b);
  std::vector<double> sum(w.begin(), w.end());
  for (std::size_t r = 0; r < base_shape.rows; ++r)
    for (std::size_t c = 0; c < base_shape.columns; ++c)
      for (std::size_t k = 0; k < rank; ++k)
        sum[r * base_shape.columns + c] += scaling * double{b[r * rank + k]} * double{a[k * base_shape.columns + c]};
  return sum;
}

/// Both ways to use an adapter against the merged matrix, under every probe of a plan.
template <class Weights, class Parameters>
void expect_merged(const Weights& base, factors& f, const Parameters& trained) {
  const low_rank_adapter adapter(base, f.a, f.b, 0.5);
  EXPECT_EQ(adapter.shape(), base_shape);
  EXPECT_EQ(adapter.rank(), rank);
  optimizer opt{trained, two_point{.queries = 2}, sparse_rademacher{.ratio = 0, .min_density = 0.3}};
  const probe_view all = opt.probes();
  constexpr std::size_t batch = 5;
  const auto x = normal_tensor({batch, base_shape.columns}, 4);
  tensor<float> y({batch * all.count(), base_shape.rows});
  linear(all, adapter, x, y);
  // From the middle of one row to the middle of another.
  constexpr std::size_t first = 70, n = 1000;
  std::vector<float> part(n * all.count()), whole(base_shape.size() * all.count());
  all.read(adapter, first, part);
  all.read(adapter, 0, whole);
  for (std::size_t p = 0; p < all.count(); ++p) {
    const std::vector<double> w = merged(all.one(p), base, f, 0.5);
    for (std::size_t i = 0; i < w.size(); ++i) ASSERT_NEAR(double{whole[p * w.size() + i]}, w[i], 1e-4);
    for (std::size_t j = 0; j < n; ++j) ASSERT_EQ(part[p * n + j], whole[p * w.size() + first + j]);
    for (std::size_t e = 0; e < batch; ++e)
      for (std::size_t r = 0; r < base_shape.rows; ++r) {
        double sum = 0;
        for (std::size_t c = 0; c < base_shape.columns; ++c) sum += w[r * base_shape.columns + c] * double{x(e, c)};
        ASSERT_NEAR(double{y(p * batch + e, r)}, sum, 2e-3) << "probe " << p;
      }
  }
  EXPECT_NE(std::memcmp(y.data(), y.data() + batch * base_shape.rows, batch * base_shape.rows * sizeof(float)), 0) << "probes differ";
}

TEST(low_rank_adapter, is_the_merged_matrix_under_every_probe) {
  factors f;
  const auto floats = normal_tensor(base_shape, 1);
  const auto adapters = [&f] { return parameters(parameter("a", f.a, {.unit = 0.1}), parameter("b", f.b, {.unit = 0.1})); };
  expect_merged(floats, f, adapters());
  expect_merged(floats.view(), f, adapters());
  expect_merged(quantize<int4, per_group<32>>("w", floats.view()), f, adapters());
  const auto coded = quantize<int8>("w", floats.view());
  expect_merged(coded.view(), f, adapters());
}

TEST(low_rank_adapter, the_base_may_be_a_parameter_too) {
  factors f;
  auto base = quantize<int4, per_group<32>>("w", normal_tensor(base_shape, 1).view());
  expect_merged(base, f, parameters(parameter("w", base), parameter("b", f.b, {.unit = 0.1})));
}

TEST(low_rank_adapter, an_adapter_may_be_the_base_of_another) {
  factors inner, outer;
  const auto floats = normal_tensor(base_shape, 1);
  const low_rank_adapter first(floats, inner.a, inner.b, 0.5);
  outer.a = normal_tensor({rank, base_shape.columns}, 5);
  expect_merged(first, outer, parameters(parameter("inner", inner.b, {.unit = 0.1}), parameter("outer", outer.a, {.unit = 0.1})));
}

TEST(low_rank_adapter, shows_the_same_in_place_and_on_read) {
  factors f;
  const auto base = quantize<int4, per_group<32>>("w", normal_tensor(base_shape, 1).view());
  const low_rank_adapter adapter(base, f.a, f.b, 0.5);
  optimizer opt{parameters(parameter("a", f.a, {.unit = 0.1}), parameter("b", f.b, {.unit = 0.1}))};
  std::vector<float> seen(base_shape.size() * opt.ask().size()), here(base_shape.size());
  opt.probes().read(adapter, 0, seen);
  for (std::size_t p = 0; p < opt.ask().size(); ++p) {
    const auto scope = decltype(opt)::in_place(opt, opt.ask()[p]);
    probe_view{}.read(adapter, 0, here);
    EXPECT_EQ(std::memcmp(here.data(), seen.data() + p * here.size(), here.size() * sizeof(float)), 0);
  }
}

TEST(low_rank_adapter, starts_as_its_base) {
  factors f, again;
  initial_adapter("layer", f.a, f.b, 7);
  initial_adapter("layer", again.a, again.b, 7);
  EXPECT_EQ(std::memcmp(f.a.data(), again.a.data(), f.a.size() * sizeof(float)), 0);
  initial_adapter("other", again.a, again.b, 7);
  EXPECT_NE(std::memcmp(f.a.data(), again.a.data(), f.a.size() * sizeof(float)), 0);
  const auto floats = normal_tensor(base_shape, 1);
  std::vector<float> w(floats.size());
  probe_view{}.read(low_rank_adapter(floats, f.a, f.b, 2), 0, w);
  EXPECT_EQ(std::memcmp(w.data(), floats.data(), w.size() * sizeof(float)), 0);

  tensor<float> wide({64, 256}), tall({8, 64});
  initial_adapter("wide", wide, tall);
  double sum = 0, squares = 0;
  for (const float a : wide.flat()) sum += double{a}, squares += double{a} * double{a};
  const auto count = static_cast<double>(wide.size());
  // The mean of n values of variance 1/256, and their mean square: 4.5 standard errors, the kurtosis being 3.
  EXPECT_NEAR(sum / count, 0, 4.5 / std::sqrt(256 * count));
  EXPECT_NEAR(squares / count * 256, 1, 4.5 * std::sqrt(2 / count));
}

TEST(low_rank_adapter, training_lowers_a_loss_and_leaves_an_int4_base) {
  constexpr std::size_t batch = 16;
  const auto floats = normal_tensor(base_shape, 1);
  const auto base = quantize<int4, per_group<32>>("w", floats.view());
  const std::vector<std::byte> before(base.view().bytes().begin(), base.view().bytes().end());
  factors wanted, f;
  initial_adapter("layer", f.a, f.b);
  const low_rank_adapter adapter(base, f.a, f.b, 1), teacher(base, wanted.a, wanted.b, 0.05);
  const auto x = normal_tensor({batch, base_shape.columns}, 6);
  tensor<float> target({batch, base_shape.rows});
  linear(teacher, x, target);
  std::vector<float> y;
  const auto loss = [&](const probe_view& probes) {
    y.resize(probes.count() * target.size());
    linear(probes, adapter, x, tensor_view<float>(y.data(), {probes.count() * batch, base_shape.rows}));
    std::vector<double> losses(probes.count());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double e = y[i] - target.data()[i % target.size()];
      losses[i / target.size()] += e * e;
    }
    return losses;
  };
  const double start = loss({})[0];
  const std::vector<float> first_a(f.a.flat().begin(), f.a.flat().end());
  optimizer opt{parameters(parameter("a", f.a, {.unit = 0.01}), parameter("b", f.b, {.unit = 0.01})), rademacher{}, sgd{.rate = 0.4}};
  for (int step = 0; step < 800; ++step) opt.step(loss);
  EXPECT_LT(loss({})[0], 0.5 * start);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), base.view().bytes().begin()));
  EXPECT_FALSE(std::equal(first_a.begin(), first_a.end(), f.a.data()));
  EXPECT_TRUE(opt.step(loss).unread.empty());
}

TEST(low_rank_adapter, says_which_shape_does_not_fit) {
  factors f;
  const auto floats = normal_tensor(base_shape, 1);
  tensor<float> narrow({rank, 63}), low({36, rank}), thick({37, rank + 1}), none({0, 64});
  const auto message = [&](tensor<float>& a, tensor<float>& b, double scaling = 1) {
    return message_of([&] { static_cast<void>(low_rank_adapter(floats, a, b, scaling)); });
  };
  EXPECT_EQ(message(f.a, f.b), "no error");
  EXPECT_TRUE(contains(message(narrow, f.b), "columns of A = 63 must be 64"));
  EXPECT_TRUE(contains(message(f.a, low), "rows of B = 36 must be 37"));
  EXPECT_TRUE(contains(message(f.a, thick), "columns of B = 4 must be 3"));
  EXPECT_TRUE(contains(message(none, f.b), "rank = 0 must be at least 1"));
  EXPECT_TRUE(contains(message(f.a, f.b, HUGE_VAL), "scaling = inf must be finite"));
}

}  // namespace
}  // namespace zolt::test
