#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "support/messages.hpp"
#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/method/pezo.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

/// Some weights under the quadratic Σ ½ a_j (w_j − t_j)².
struct bowl {
  tensor<float> w;
  std::vector<float> target;

  explicit bowl(shape s) : w(s), target(normal_weights(s.size(), 21)) { reset(); }
  void reset() {
    const auto start = normal_weights(w.size(), 20);
    std::copy(start.begin(), start.end(), w.data());
  }
  auto list() { return parameters(parameter("w", w)); }
  double curvature(std::size_t j) const { return 0.5 + double(j % 8) / 8; }
  double loss() const {
    double sum = 0;
    for (std::size_t j = 0; j < w.size(); ++j) sum += 0.5 * curvature(j) * std::pow(double{w.data()[j]} - double{target[j]}, 2);
    return sum;
  }
  double gradient(std::size_t j) const { return curvature(j) * (double{w.data()[j]} - double{target[j]}); }
};

struct aligned {
  number_pool pool;
  pooled_law law;
  aligned(std::uint32_t size, std::uint32_t queries) {
    pooled{.size = size}.refresh(pool, parameters(), {1, 0, 0});
    law = pooled{.size = size}.law_at(1, queries, pool);
  }
  std::vector<std::int16_t> z(std::uint32_t step, std::uint32_t query, const parameter_info& info) const {
    std::vector<std::int16_t> all(info.shape.size());
    law.fill({1, step, query}, info, 0, all);
    return all;
  }
};

TEST(pezo, directions_repeat_exactly_when_their_alignments_do) {
  for (const std::uint32_t size : {31u, 30u}) {  // a prime, and one that shares the factor 10 with the parameter
    const aligned a(size, 2);
    const parameter_info info{.id = 77, .shape = {4, 10}};
    const std::size_t period = size / std::gcd(size, std::uint32_t{40});
    std::vector<std::vector<std::int16_t>> all;
    for (std::uint32_t step = 0; step < 40; ++step)
      for (std::uint32_t query = 0; query < 2; ++query) all.push_back(a.z(step, query, info));
    for (std::size_t s = 0; s < all.size(); ++s)
      for (std::size_t t = 0; t < s; ++t) ASSERT_EQ(all[s] == all[t], (s - t) % period == 0) << s << " and " << t << " of " << size;
  }
}

TEST(pezo, products_average_to_the_autocorrelation_of_the_pool) {
  constexpr std::uint32_t size = 31;
  const aligned a(size, 1);
  const parameter_info info{.id = 5, .shape = {1, 70}};
  std::vector<std::int64_t> sums(70 * 70);
  for (std::uint32_t step = 100; step < 100 + size; ++step) {  // every alignment once
    const auto z = a.z(step, 0, info);
    for (std::size_t i = 0; i < 70; ++i)
      for (std::size_t j = 0; j < 70; ++j) sums[70 * i + j] += z[i] * z[j];
  }
  for (std::size_t i = 0; i < 70; ++i)
    for (std::size_t j = 0; j < 70; ++j) {
      std::int64_t expected = 0;
      for (std::size_t k = 0; k < size; ++k) expected += a.pool.numbers[k] * a.pool.numbers[(k + j + size * 70 - i) % size];
      ASSERT_EQ(sums[70 * i + j], expected) << i << " " << j;
      if (i % size == j % size) {
        ASSERT_EQ(static_cast<std::uint64_t>(expected), a.pool.squares) << "weights a pool apart are one";
      }
    }
}

TEST(pezo, estimates_are_unbiased_over_pools_that_cover_the_weights) {
  constexpr std::size_t runs = 2500;
  bowl m({4, 6});
  std::vector<double> sum(24), squares(24), gradient(24);
  for (std::size_t j = 0; j < 24; ++j) gradient[j] = m.gradient(j);
  const auto start = m.w;
  for (std::size_t run = 0; run < runs; ++run) {
    optimizer opt{m.list(), method::pezo{.rate = 0.125, .radius = 0.5, .queries = 2, .pool = 1021},
                  options{.run = run, .record = false, .reserved_steps = 1}};
    opt.step([&] { return m.loss(); });
    for (std::size_t j = 0; j < 24; ++j) {
      const double estimate = (double{start.data()[j]} - double{m.w.data()[j]}) / 0.125;
      sum[j] += estimate, squares[j] += estimate * estimate;
    }
    m.w = start;
  }
  for (std::size_t j = 0; j < 24; ++j) {
    EXPECT_LT(standard_errors(sum[j], runs * gradient[j], squares[j]), allowed_standard_errors) << j;
    EXPECT_LT(std::sqrt(squares[j]) / runs, 0.2) << "a tolerance that shows something";
  }
}

TEST(pezo, it_descends_where_the_pool_covers_the_weights) {
  bowl m({8, 16});
  optimizer opt{m.list(), method::pezo{.rate = 0.01, .radius = 0.01, .pool = 257}, options{.run = 2}};
  const double before = m.loss();
  for (int s = 0; s < 2000; ++s) opt.step([&] { return m.loss(); });
  EXPECT_LT(m.loss(), 0.05 * before);
}

TEST(pezo, weights_a_pool_apart_move_together) {
  bowl m({3, 50});
  const auto start = m.w;
  optimizer opt{m.list(), method::pezo{.rate = 0.003, .radius = 0.01, .pool = 53}, options{.run = 2}};
  for (int s = 0; s < 20; ++s) opt.step([&] { return m.loss(); });
  double moved = 0;
  for (std::size_t j = 0; j + 53 < m.w.size(); ++j) {
    const double here = m.w.data()[j] - start.data()[j], there = m.w.data()[j + 53] - start.data()[j + 53];
    EXPECT_NEAR(here, there, 1e-5);
    moved = std::max(moved, std::fabs(here));
  }
  EXPECT_GT(moved, 0.01);
}

TEST(pezo, a_trajectory_is_the_run_and_the_pool_is_all_its_state) {
  const method::pezo how{.rate = 0.002, .radius = 0.05, .queries = 3, .pool = 101};
  bowl trained({20, 31}), repeated({20, 31}), on_read({20, 31});
  optimizer opt{trained.list(), how, options{.run = 6, .threads = 2}};
  for (int s = 0; s < 12; ++s) opt.step([&] { return trained.loss(); });
  EXPECT_EQ(opt.state_bytes(), 202u);

  optimizer again{repeated.list(), how, options{.run = 6}};
  again.replay(opt.recorded());
  EXPECT_EQ(std::vector<float>(trained.w.flat().begin(), trained.w.flat().end()),
            std::vector<float>(repeated.w.flat().begin(), repeated.w.flat().end()));
  EXPECT_EQ(again.state_bytes(), 202u);

  optimizer reads{on_read.list(), how, options{.run = 6}};
  for (int s = 0; s < 12; ++s)
    reads.step([&](const probe_view& probe) {
      bowl seen({20, 31});
      probe.read(on_read.w, 0, seen.w.flat());
      return seen.loss();
    });
  EXPECT_EQ(reads.recorded(), opt.recorded()) << "on read, the same run";

  bowl other({20, 31});
  optimizer another{other.list(), method::pezo{.rate = 0.002, .radius = 0.05, .queries = 3, .pool = 103}, options{.run = 6}};
  EXPECT_THROW(another.replay(opt.recorded()), error) << "another pool is another composition";
}

TEST(pezo, codes_are_refused) {
  tensor<float> floats({2, 32});
  auto w = quantize<int4, per_group<32>>("w", floats.view());
  EXPECT_TRUE(contains(message_of([&] { optimizer opt{parameters(parameter("w", w)), method::pezo{.radius = 1}}; }), "w: direction law"));
}

TEST(pezo, a_pool_of_one_number_is_refused_before_a_weight_moves) {
  bowl m({2, 3});
  const auto start = m.w;
  optimizer opt{m.list(), method::pezo{.pool = 1}};
  EXPECT_TRUE(contains(message_of([&] { opt.step([&] { return m.loss(); }); }), "pooled: size = 1 must be at least 2"));
  EXPECT_TRUE(std::equal(start.flat().begin(), start.flat().end(), m.w.data()));
}

}  // namespace
}  // namespace zolt::test
