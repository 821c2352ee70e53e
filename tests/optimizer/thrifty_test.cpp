#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

// Thrifty write-back must move weights as often as stochastic write-back does, whichever way it goes about it.

namespace zolt::test {
namespace {

constexpr std::size_t rows = 1000, columns = 700, weights = rows * columns;

using codes = quantized_tensor<int8, per_channel>;

/// Codes after one step whose terms are given.
template <class Law, class WriteBack>
std::vector<int> moves_after(const Law& law, const WriteBack& write_back, std::span<const logged_term> terms, float rate,
                             std::size_t threads, write_events* events = nullptr) {
  codes q{{rows, columns}};
  optimizer opt{
      parameters(parameter("w", q)),        two_point{.queries = static_cast<std::uint32_t>(terms.size())}, sgd{.rate = 1}, law, write_back,
      options{.run = 3, .threads = threads}};
  const write_events met = opt.apply({0, 0, rate, static_cast<std::uint32_t>(terms.size())}, terms);
  if (events != nullptr) *events = met;
  std::vector<int> moved(weights);
  for (std::size_t i = 0; i < weights; ++i) moved[i] = int8::ordinal_of(q.view().code(i));
  return moved;
}

class thrifty_steps : public testing::TestWithParam<double> {};

TEST_P(thrifty_steps, move_each_way_as_often_as_the_update_is_long) {
  const double p = GetParam();
  const std::vector<logged_term> terms = {{0, 1.0f}};
  write_events events;
  const std::vector<int> moved = moves_after(rademacher{}, thrifty{}, terms, static_cast<float>(p), 1, &events);
  const auto coefficient = static_cast<double>(static_cast<float>(exact::round_to_significant(p, 12)));
  std::vector<std::int16_t> z(weights);
  rademacher{}.law_at(1, 1).fill({3, 0, 0}, {hash_of("w", 1), {rows, columns}}, 0, z);
  double along = 0;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < weights; ++i) {
    along -= moved[i] * z[i];
    count += moved[i] != 0;
    ASSERT_LE(std::abs(moved[i]), std::ceil(p));
    ASSERT_GE(-moved[i] * z[i], 0) << "no weight moves against its update";
  }
  EXPECT_EQ(events.moved, count);
  // Rows of 64 share bits, so the variance of a sum is at most 64/256 of a move per weight above the binomial one.
  const double fraction = coefficient - std::floor(coefficient);
  const double error = std::sqrt(static_cast<double>(weights) * (fraction * (1 - fraction) + 0.25));
  const double exact_error = std::sqrt(static_cast<double>(weights) * fraction);
  EXPECT_NEAR(along, coefficient * weights, allowed_standard_errors * (p <= thrifty::most_skipped ? exact_error : error));
}
INSTANTIATE_TEST_SUITE_P(lengths, thrifty_steps, testing::Values(1e-4, 0.003, 0.015, 0.1, 0.3, 0.999, 1.7));

TEST(thrifty, is_unbiased_on_sums_of_terms_weight_by_weight) {
  // Weight by weight over many steps: the mean of moves against the update itself.
  constexpr std::size_t steps = 400, few = 64;
  const std::vector<logged_term> terms = {{0, 1.0f}, {1, 0.5f}};
  codes q{{1, few}};
  std::vector<double> sum(few), wanted(few), variance(few);
  optimizer opt{parameters(parameter("w", q)), two_point{.queries = 2}, sgd{.rate = 1}, rademacher{}, thrifty{}, options{.run = 9}};
  for (std::uint32_t step = 0; step < steps; ++step) {
    const float rate = step % 2 == 0 ? 0.005f : 0.2f;  // both ways
    std::vector<std::int16_t> first(few), second(few);
    rademacher{}.law_at(1, 1).fill({9, step, 0}, {hash_of("w", 1), {1, few}}, 0, first);
    rademacher{}.law_at(1, 1).fill({9, step, 1}, {hash_of("w", 1), {1, few}}, 0, second);
    for (std::size_t i = 0; i < few; ++i) q.view().set_code(i, int8::code_of(0));
    opt.apply({step, 0, rate, 2}, terms);
    for (std::size_t i = 0; i < few; ++i) {
      const double delta = -double{rate} * (first[i] + 0.5 * second[i]);
      sum[i] += int8::ordinal_of(q.view().code(i));
      wanted[i] += delta;
      variance[i] += std::fabs(delta);
    }
  }
  for (std::size_t i = 0; i < few; ++i) EXPECT_NEAR(sum[i], wanted[i], allowed_standard_errors * std::sqrt(variance[i])) << i;
}

TEST(thrifty, is_one_result_for_any_team) {
  const std::vector<logged_term> terms = {{0, 1.0f}, {1, -0.25f}};
  for (const float rate : {0.003f, 0.4f}) {
    const std::vector<int> one = moves_after(rademacher{}, thrifty{}, terms, rate, 1);
    for (const std::size_t threads : {2u, 7u}) EXPECT_EQ(moves_after(rademacher{}, thrifty{}, terms, rate, threads) == one, true);
  }
}

TEST(thrifty, replays_what_a_run_did) {
  for (const double rate : {0.003, 0.4}) {
    codes live{{40, 300}}, replayed{{40, 300}};
    const auto made = [rate](codes& q) { return optimizer{parameters(parameter("w", q)), rademacher{}, sgd{.rate = rate}, thrifty{}}; };
    auto opt = made(live);
    double loss = 0;
    for (int step = 0; step < 6; ++step) opt.step([&loss] { return loss = 1 - loss; });
    made(replayed).replay(opt.recorded());
    const auto a = live.view().bytes(), b = replayed.view().bytes();
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin())) << rate;
    EXPECT_TRUE(std::any_of(a.begin(), a.end(), [](std::byte x) { return x != std::byte{0}; })) << "codes must have moved";
  }
}

}  // namespace
}  // namespace zolt::test
