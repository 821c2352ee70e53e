#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "support/messages.hpp"
#include "support/statistics.hpp"
#include "zolt/direction/pooled.hpp"

namespace zolt::test {
namespace {

static_assert(direction_law<pooled> && direction_with_inputs<pooled> && !sparse_law<pooled_law> && !pooled_law::whole_units);

const auto no_parameters = parameters();

number_pool refreshed(std::uint32_t size, std::uint64_t run) {
  number_pool pool;
  pooled{.size = size}.refresh(pool, no_parameters, {run, 3, 0});
  return pool;
}

TEST(pooled, a_pool_is_pairs_and_a_zero) {
  for (const std::uint32_t size : {2u, 3u, 31u, 256u, 4093u}) {
    const number_pool pool = refreshed(size, 11);
    ASSERT_EQ(pool.numbers.size(), size);
    EXPECT_EQ(pool.bytes(), 2 * size);
    std::vector<std::int16_t> negated(pool.numbers), sorted(pool.numbers);
    for (std::int16_t& x : negated) x = static_cast<std::int16_t>(-x);
    std::sort(negated.begin(), negated.end());
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, negated);
    std::uint64_t squares = 0;
    for (const int x : pool.numbers) {
      squares += static_cast<std::uint64_t>(x * x);
      EXPECT_TRUE(x == 0 || std::abs(x) % 2 == 1) << "odd, as the distribution has them";
      EXPECT_LT(std::abs(x), 1 << pooled_law::bits);
    }
    EXPECT_EQ(std::count(sorted.begin(), sorted.end(), std::int16_t{0}), size % 2);
    EXPECT_EQ(pool.squares, squares);

    const pooled_law law = pooled{.size = size}.law_at(1, 1, pool);
    EXPECT_NEAR(law.amplitude() * law.amplitude() * static_cast<double>(squares) / size, 1, 1e-12);
    EXPECT_EQ(law.spread(), 1);
    EXPECT_NEAR(law.density() * size, size % 2 == 1 ? size - 1 : size, 1e-9);
  }
}

TEST(pooled, numbers_are_uniform_and_their_order_has_no_pattern) {
  const number_pool pool = refreshed(1021, 5);
  const double n = 1021, fourth = std::pow(4096.0, 4) / 5, second = distribution::uniform::second_moment;
  EXPECT_LT(standard_errors(static_cast<double>(pool.squares) / 2, n / 2 * second, n / 2 * (fourth - second * second)),
            allowed_standard_errors);
  // Around the circle the sum at any lag has expectation −Σx²/(n − 1), because all numbers together sum to 0.
  for (std::size_t lag = 1; lag <= 510; ++lag) {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < 1021; ++i) {
      const double product = double{1} * pool.numbers[i] * pool.numbers[(i + lag) % 1021];
      sum += product, squares += product * product;
    }
    EXPECT_LT(standard_errors(sum, -static_cast<double>(pool.squares) / (n - 1), 1.5 * squares), allowed_standard_errors) << lag;
  }
}

TEST(pooled, it_is_drawn_once_per_run) {
  const pooled policy{.size = 101};
  number_pool pool;
  policy.refresh(pool, no_parameters, {1, 0, 0});
  const number_pool first = pool;
  const std::int16_t* const memory = pool.numbers.data();
  for (std::uint32_t step = 1; step < 5; ++step) policy.refresh(pool, no_parameters, {1, step, 0});
  EXPECT_EQ(pool, first);
  EXPECT_EQ(pool.numbers.data(), memory);
  EXPECT_EQ(refreshed(101, 1), first) << "at whatever step it is drawn";
  policy.refresh(pool, no_parameters, {2, 5, 0});
  EXPECT_NE(pool.numbers, first.numbers);
  pooled{.size = 103}.refresh(pool, no_parameters, {2, 6, 0});
  EXPECT_EQ(pool.numbers.size(), 103u);
}

TEST(pooled, any_range_reads_the_pool_from_its_offset) {
  const number_pool pool = refreshed(257, 3);
  for (const shape s : {shape{1, 5}, shape{3, 257}, shape{7, 300}}) {
    const parameter_info info{.id = ~std::uint64_t{0} - 12, .shape = s};
    for (const direction_key key : {direction_key{3, 0, 0}, direction_key{3, 17, 2}, direction_key{3, 4000000000, 3}}) {
      const pooled_law law = pooled{.size = 257}.law_at(1, 4, pool);
      const std::uint64_t direction = (std::uint64_t{key.step} * 4 + key.query) % 257;
      const std::uint64_t offset = ((info.id % 257) + direction * (s.size() % 257)) % 257;
      EXPECT_EQ(law.offset(key, info), offset);
      for (const std::size_t first : {std::size_t{0}, std::size_t{3}, s.size() / 2})
        for (const std::size_t count : {std::size_t{0}, std::size_t{1}, s.size() - first}) {
          if (first + count > s.size()) continue;
          std::vector<std::int16_t> z(count + 1, 7777);
          law.fill(key, info, first, std::span(z).first(count));
          for (std::size_t j = 0; j < count; ++j) ASSERT_EQ(z[j], pool.numbers[(offset + first + j) % 257]) << first + j;
          EXPECT_EQ(z.back(), 7777);
        }
    }
  }
}

TEST(pooled, leftover_numbers_come_first) {
  const number_pool pool = refreshed(31, 8);
  const pooled_law law = pooled{.size = 31}.law_at(1, 2, pool);
  const parameter_info info{.id = 1234567, .shape = {4, 11}};
  std::vector<std::int16_t> z(44), stream_of_numbers;
  for (std::uint32_t step = 0; step < 3; ++step)
    for (std::uint32_t query = 0; query < 2; ++query) {
      law.fill({8, step, query}, info, 0, z);
      stream_of_numbers.insert(stream_of_numbers.end(), z.begin(), z.end());
    }
  for (std::size_t i = 31; i < stream_of_numbers.size(); ++i) ASSERT_EQ(stream_of_numbers[i], stream_of_numbers[i - 31]) << i;
}

TEST(pooled, a_record_is_the_law) {
  const number_pool pool = refreshed(31, 8);
  const pooled_law law = pooled{.size = 31}.law_at(0.1, 6, pool);
  EXPECT_EQ(law.queries, 6u);
  EXPECT_EQ(pooled{.size = 31}.law_of(law.record(), pool), law);
}

TEST(pooled, a_pool_needs_a_pair) {
  EXPECT_EQ(message_of([] { refreshed(1, 1); }), "zolt: pooled: size = 1 must be at least 2, a number and its negative");
  std::vector<problem> problems;
  check_fields(pooled{.size = 0}, problems);
  EXPECT_EQ(problems.size(), 1u);
}

}  // namespace
}  // namespace zolt::test
