#include "zolt/method/eggroll.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

/// Rank by elimination with full pivoting; entries are whole numbers times one factor, up to the rounding of floats.
std::size_t rank_of(std::vector<double> a, std::size_t rows, std::size_t columns) {
  double largest = 0;
  for (const double v : a) largest = std::max(largest, std::fabs(v));
  std::size_t rank = 0;
  for (; rank < std::min(rows, columns); ++rank) {
    std::size_t r = rank, c = rank;
    for (std::size_t i = rank; i < rows; ++i)
      for (std::size_t j = rank; j < columns; ++j)
        if (std::fabs(a[i * columns + j]) > std::fabs(a[r * columns + c])) r = i, c = j;
    if (std::fabs(a[r * columns + c]) <= 1e-4 * largest) break;
    for (std::size_t j = 0; j < columns; ++j) std::swap(a[r * columns + j], a[rank * columns + j]);
    for (std::size_t i = 0; i < rows; ++i) std::swap(a[i * columns + c], a[i * columns + rank]);
    for (std::size_t i = rank + 1; i < rows; ++i) {
      const double factor = a[i * columns + rank] / a[rank * columns + rank];
      for (std::size_t j = rank; j < columns; ++j) a[i * columns + j] -= factor * a[rank * columns + j];
    }
  }
  return rank;
}

double along(std::span<const float> w, const std::vector<double>& g) {
  double sum = 0;
  for (std::size_t j = 0; j < w.size(); ++j) sum += g[j] * double{w[j]};
  return sum;
}

TEST(eggroll, a_member_moves_a_matrix_by_its_rank_and_a_population_by_more) {
  constexpr int rank = 2;
  constexpr std::size_t rows = 9, columns = 11;
  std::vector<std::size_t> ranks;
  for (const std::size_t members : {1u, 2u, 4u, 8u}) {
    tensor<float> w({rows, columns});
    optimizer opt{parameters(parameter("w", w)), method::eggroll<rank>{.rate = 1, .population = 8}, options{.run = 3}};
    std::vector<logged_term> terms;
    for (std::uint32_t m = 0; m < members; ++m) terms.push_back({m, 0.25f * static_cast<float>(m % 3 + 1)});
    opt.apply({0, opt.policies().direction.law_at(1, 8).record(), 1.0f, static_cast<std::uint32_t>(members)}, terms);
    ranks.push_back(rank_of({w.flat().begin(), w.flat().end()}, rows, columns));
  }
  EXPECT_LE(ranks[0], 2u);
  EXPECT_GE(ranks[0], 1u);
  EXPECT_LE(ranks[1], 4u);
  EXPECT_GT(ranks[1], ranks[0]);
  EXPECT_LE(ranks[2], 8u);
  EXPECT_GT(ranks[2], ranks[1]);
  EXPECT_EQ(ranks[3], rows) << "Rank times population is above the rows";
}

TEST(eggroll, steps_lie_along_the_gradient_and_are_as_long_as_the_rate) {
  constexpr std::size_t steps = 120;
  tensor<float> w({8, 16});
  const std::size_t size = w.size();
  draws d(4);
  std::vector<double> g(size);
  double length = 0;
  for (double& v : g) v = double{d.normal()}, length += v * v;
  length = std::sqrt(length);
  const method::eggroll<3> how{.rate = 0.01, .radius = 0.5, .population = 32};
  optimizer opt{parameters(parameter("w", w)), how, options{.run = 4}};
  std::vector<float> before(size), move(size);
  double squares = 0;
  for (std::size_t s = 0; s < steps; ++s) {
    std::copy(w.flat().begin(), w.flat().end(), before.begin());
    opt.step([&] { return along(w.flat(), g); });
    for (std::size_t j = 0; j < size; ++j) squares += std::pow(double{w.data()[j]} - double{before[j]}, 2);
  }
  double moved = 0;
  for (const float v : w.flat()) moved += double{v} * double{v};
  const double cosine = -along(w.flat(), g) / length / std::sqrt(moved);
  EXPECT_GT(cosine, 0.95);
  EXPECT_NEAR(std::sqrt(squares / (steps * static_cast<double>(size))) / how.rate, 1.1, 0.15)
      << "the rate, and a little more along the gradient, where members agree";
}

TEST(eggroll, descends_on_codes) {
  quantized_tensor<int8> w({6, 20});
  for (float& s : w.scales()) s = 1;
  draws d(5);
  std::vector<double> target(w.size());
  for (std::size_t j = 0; j < w.size(); ++j) {
    w.view().set_code(j, int8::code_of(static_cast<int>(d.below(41)) - 20));
    target[j] = double{d.real(-20, 20)};
  }
  std::vector<float> x(w.size());
  const auto loss = [&] {
    w.decode(0, x);
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += std::pow(double{x[j]} - target[j], 2);
    return sum;
  };
  const double before = loss();
  optimizer opt{parameters(parameter("w", w)), method::eggroll<1>{.rate = 0.3}, options{.run = 4}};
  for (int s = 0; s < 120; ++s) opt.step(loss);
  EXPECT_LT(loss(), 0.3 * before);
}

/// INT8 codes at 0 with a value of 1 per code.
quantized_tensor<int8> zeros(shape s) {
  quantized_tensor<int8> w(s);
  for (float& scale : w.scales()) scale = 1;
  for (std::size_t j = 0; j < w.size(); ++j) w.view().set_code(j, int8::code_of(0));
  return w;
}

/// P(|Σ of n signs| ≥ t·√n).
double chance_of(std::uint32_t n, double t) {
  double all = 0, beyond = 0, ways = 1;
  for (std::uint32_t k = 0; k <= n; ++k) {
    all += ways;
    if (std::fabs(2.0 * k - n) >= t * std::sqrt(static_cast<double>(n)) * (1 - 1e-9)) beyond += ways;
    ways = ways * (n - k) / (k + 1);
  }
  return beyond / all;
}

template <class Method>
void expect_moved_by_chance(const Method& how, std::uint32_t coins, double quantile, double near) {
  constexpr int steps = 20;
  auto w = zeros({40, 50});
  optimizer opt{parameters(parameter("w", w)), how, options{.run = 12}};
  draws noise(7);
  std::size_t moved = 0;
  std::vector<int> before(w.size());
  for (int s = 0; s < steps; ++s) {
    for (std::size_t j = 0; j < w.size(); ++j) before[j] = int8::ordinal_of(w.view().code(j));
    const report r = opt.step([&] { return noise.fraction(); });
    std::uint64_t here = 0;
    for (std::size_t j = 0; j < w.size(); ++j) {
      const int by = std::abs(int8::ordinal_of(w.view().code(j)) - before[j]);
      ASSERT_LE(by, 1);
      here += by != 0;
    }
    EXPECT_EQ(r.writes.moved, here);
    moved += here;
  }
  const double trials = steps * static_cast<double>(w.size()), expected = chance_of(coins, quantile);
  EXPECT_NEAR(expected, how.rate, near) << "a binomial tail near the quantile of the normal law";
  EXPECT_LT(standard_errors(static_cast<double>(moved), trials * expected, trials * expected * (1 - expected)), allowed_standard_errors)
      << "weights are independent in pairs";
  EXPECT_EQ(opt.state_bytes(), 0u);
}

TEST(integer_eggroll, the_rate_is_the_fraction_that_moves_by_chance) {
  expect_moved_by_chance(method::integer_eggroll<1>{.rate = 0.05, .population = 32}, 32, 1.959964, 0.01);
  expect_moved_by_chance(method::integer_eggroll<3>{.rate = 0.2, .population = 20}, 60, 1.281552, 0.05);
}

TEST(integer_eggroll, a_significant_weight_moves_the_right_way) {
  constexpr std::size_t decisive[] = {37, 80, 150};
  constexpr int slope[] = {1, -1, 1};
  auto w = zeros({12, 16});
  std::vector<float> x(w.size());
  optimizer opt{parameters(parameter("w", w)), method::integer_eggroll<1>{}, options{.run = 2}};
  for (int s = 0; s < 20; ++s)
    opt.step([&] {
      w.decode(0, x);
      double sum = 0;
      for (std::size_t j = 0; j < x.size(); ++j) sum += 0.01 * double{x[j]} * (j % 2 == 0 ? 1 : -1);
      for (std::size_t i = 0; i < 3; ++i) sum += slope[i] * double{x[decisive[i]]};
      return sum;
    });
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_GT(-slope[i] * int8::ordinal_of(w.view().code(decisive[i])), 10) << "each has the majority in three quarters of all votes";
  std::size_t far = 0;
  for (std::size_t j = 0; j < w.size(); ++j) far += std::abs(int8::ordinal_of(w.view().code(j))) > 5;
  EXPECT_EQ(far, 3u) << "the others wander";
}

TEST(integer_eggroll, descends_with_a_falling_rate_and_its_trajectory_is_the_run) {
  draws d(5);
  auto w = zeros({10, 12}), again = zeros({10, 12});
  std::vector<double> target(w.size());
  for (double& t : target) t = double{d.real(-12, 12)};
  std::vector<float> x(w.size());
  const auto loss = [&] {
    w.decode(0, x);
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += std::pow(double{x[j]} - target[j], 2);
    return sum;
  };
  const double before = loss();
  const method::integer_eggroll<2> how{.rate = 0.15, .population = 32};
  optimizer opt{parameters(parameter("w", w)), how, linear_decay{.steps = 90}, options{.run = 4, .threads = 2}};
  for (int s = 0; s < 90; ++s) opt.step(loss);
  EXPECT_LT(loss(), 0.3 * before);
  optimizer replayed{parameters(parameter("w", again)), how, linear_decay{.steps = 90}, options{.run = 4}};
  replayed.replay(opt.recorded());
  EXPECT_TRUE(std::equal(again.view().bytes().begin(), again.view().bytes().end(), w.view().bytes().begin()));
}

}  // namespace
}  // namespace zolt::test
