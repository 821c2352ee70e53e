#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/models.hpp"
#include "support/statistics.hpp"
#include "zolt/direction/per_example.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace zolt::test {
namespace {

constexpr std::uint32_t examples = 40;  // more than a word of signs, no whole vector

using sparse_examples = per_example<sparse_rademacher>;
constexpr sparse_examples with_density(double density) { return {{.ratio = 0, .min_density = density}}; }

tensor<float> random_rows(std::size_t rows, std::size_t columns, std::uint64_t run) {
  tensor<float> x({rows, columns});
  draws d(run);
  for (float& v : x.flat()) v = d.normal();
  return x;
}

/// The product that reads the weights of every probe, row by row.
tensor<float> by_reading(const probe_view& probes, const auto& w, const tensor<float>& x) {
  const shape s = w.shape();
  tensor<float> y({probes.count(), s.rows}), seen(s);
  for (std::size_t k = 0; k < probes.count(); ++k) {
    probes.one(k).read(w, 0, seen.flat());
    for (std::size_t r = 0; r < s.rows; ++r) {
      double sum = 0;
      for (std::size_t c = 0; c < s.columns; ++c) sum += double{seen(r, c)} * x(k, c);
      y(k, r) = static_cast<float>(sum);
    }
  }
  return y;
}

template <class Optimizer, class Weights>
void expect_factored_product(Optimizer& opt, const Weights& w) {
  const probe_view probes = opt.probes();
  ASSERT_EQ(probes.count(), 2 * examples);
  const tensor<float> x = random_rows(probes.count(), w.shape().columns, 7), expected = by_reading(probes, w, x);
  tensor<float> y({probes.count(), w.shape().rows}), plain({probes.count(), w.shape().rows});
  ASSERT_TRUE(probes.multiply(w, x.view(), y.view())) << "there is a factored way";
  linear(probes, w, x.view(), y.view());
  linear(w, x.view(), plain.view());
  double difference = 0, moved = 0, size = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    difference = std::max(difference, std::fabs(double{y.flat()[i]} - expected.flat()[i]));
    moved = std::max(moved, std::fabs(double{y.flat()[i]} - plain.flat()[i]));
    size = std::max(size, std::fabs(double{expected.flat()[i]}));
  }
  EXPECT_LT(difference, 2e-6 * size);
  EXPECT_GT(moved, 1e-3 * size) << "probes show";
}

TEST(per_example, factored_product_equals_the_explicit_direction) {
  model m = model::quantized();
  optimizer opt{m.mixed(), two_point{.radius = 2, .queries = examples}, with_density(0.3)};
  expect_factored_product(opt, m.in_int4);
  expect_factored_product(opt, m.in_e4m3);
  expect_factored_product(opt, m.in_float);
}

TEST(per_example, factored_product_stops_at_the_ends_of_a_range_as_the_explicit_direction_does) {
  model m = model::extreme();
  for (float& w : m.in_float.flat()) w = 1;
  optimizer opt{m.mixed(), two_point{.radius = 3, .queries = examples}, with_density(0.3)};
  expect_factored_product(opt, m.in_int4);
  expect_factored_product(opt, m.in_e4m3);
}

TEST(per_example, leaves_frozen_tensors_and_shared_rows_to_the_plain_product) {
  model m = model::quantized();
  optimizer opt{parameters(parameter("int4", m.in_int4)), two_point{.queries = 2}, with_density(0.3)};
  const probe_view probes = opt.probes();
  tensor<float> x = random_rows(4, 131, 1), y({4, 140});
  EXPECT_FALSE(probes.multiply(m.in_float, x.view(), y.view()));
  tensor<float> shared = random_rows(1, 256, 1), z({4, 150});
  EXPECT_FALSE(probes.multiply(m.in_int4, shared.view(), z.view()));
  linear(probes, m.in_int4, shared.view(), z.view());
  tensor<float> repeated({4, 256}), all({4, 150});
  for (std::size_t k = 0; k < 4; ++k) std::copy_n(shared.data(), 256, repeated.data() + k * 256);
  linear(probes, m.in_int4, repeated.view(), all.view());
  for (std::size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(z.flat()[i], all.flat()[i], 1e-4f);
}

TEST(per_example, one_update_for_all_examples_is_the_sum_of_their_directions) {
  tensor<float> w({37, 53});
  const auto law = with_density(0.2);
  optimizer opt{parameters(parameter("w", w)), two_point{.queries = examples}, law, sgd{.rate = 0.5}, no_normalisation{}, no_clip{}};
  std::vector<logged_term> terms;
  for (std::uint32_t e = 0; e < examples; ++e)
    if (e != 5) terms.push_back({e, 0.125f * static_cast<float>(static_cast<int>(e % 9) - 4)});
  const auto step_law = law.law_at(1, examples);
  opt.apply({0, step_law.record(), 0.5f, examples - 1}, terms);
  std::vector<double> expected(w.size());
  std::vector<std::int16_t> z(w.size());
  const parameter_info info{hash_of("w", 1), w.shape()};
  for (const logged_term& t : terms) {
    step_law.fill({0, 0, t.query}, info, 0, z);
    for (std::size_t i = 0; i < z.size(); ++i) expected[i] -= 0.5 * double{t.coefficient} * step_law.amplitude() * z[i];
  }
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(w.flat()[i], expected[i], 1e-3);
}

TEST(per_example, trains_codes_alike_in_every_way_of_seeing) {
  const auto train = [](auto&& see) {
    model m = model::quantized();
    optimizer opt{m.mixed(), two_point{.queries = examples}, with_density(0.1), sgd{.rate = 0.2}, options{.run = 3, .threads = 2}};
    for (int step = 0; step < 3; ++step) see(opt, m);
    return m;
  };
  const auto loss = [](const probe_view& p, const model& m) {
    std::vector<float> w(m.in_int4.size());
    p.read(m.in_int4, 0, w);
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += w[i] * (i % 3 == 0 ? 1 : -1);
    return sum;
  };
  const model read = train([&](auto& opt, model& m) { opt.step([&](const probe_view& p) { return loss(p, m); }); });
  const model in_place = train([&](auto& opt, model& m) { opt.step([&] { return loss({}, m); }); });
  EXPECT_EQ(read.bytes(), in_place.bytes());
  EXPECT_NE(read.bytes(), model::quantized().bytes());
}

TEST(per_example, directions_of_a_step_share_their_places_and_nothing_else) {
  const auto law = with_density(0.05).law_at(1, examples);
  const parameter_info info{11, {200, 300}};
  std::vector<std::int16_t> a(60000), b(60000), base(60000);
  law.fill({1, 2, 3}, info, 0, a);
  law.fill({1, 2, 33}, info, 0, b);
  law.base.fill({1, 2, 0}, info, 0, base);
  double products = 0, places = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i] * a[i], base[i] * base[i]);
    products += a[i] * b[i];
    places += a[i] * a[i];
  }
  EXPECT_LT(std::fabs(products), allowed_standard_errors * std::sqrt(places));
  std::vector<std::int16_t> part(777), by_visit(777);
  law.fill({1, 2, 33}, info, 12345, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), b.begin() + 12345));
  law.for_each_nonzero({1, 2, 33}, info, 12345, 12345 + 777, [&](std::uint64_t i, int z, std::uint64_t) {
    by_visit[static_cast<std::size_t>(i) - 12345] = static_cast<std::int16_t>(z);
  });
  EXPECT_EQ(part, by_visit);
}

}  // namespace
}  // namespace zolt::test
