#include "zolt/direction/orthogonal_low_rank.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <span>
#include <vector>

#include "support/statistics.hpp"

namespace zolt::test {
namespace {

static_assert(direction_law<orthogonal_low_rank<1>> && direction_law<orthogonal_low_rank<16>> && orthogonal_low_rank_law<3>::whole_units);
static_assert(orthogonal_low_rank_law<1>::bits == 1 && orthogonal_low_rank_law<3>::bits == 4 && orthogonal_low_rank_law<16>::bits == 9);

int sign(std::uint64_t signs, int k) { return (signs >> k & 1) != 0 ? -1 : 1; }

template <int Rank>
struct factors_of {
  std::vector<std::uint64_t> left, right;
  std::array<std::uint64_t, std::size_t{Rank}> core;
  factors_of(const orthogonal_low_rank_law<Rank>& law, const direction_key& key, const parameter_info& info)
      : left(info.shape.rows), right(info.shape.columns), core(law.core_signs(key, info)) {
    law.left_signs(key, info, 0, left);
    law.right_signs(key, info, 0, right);
  }
  int product(std::size_t i, std::size_t j) const {
    int sum = 0;
    for (int k = 0; k < Rank; ++k)
      for (int l = 0; l < Rank; ++l) sum += sign(left[i], k) * sign(core[std::size_t(l)], k) * sign(right[j], l);
    return sum;
  }
};

constexpr direction_key some_key{.run = 42, .step = 57, .query = 3};

template <class Rank>
class orthogonal_low_rank_of : public testing::Test {};
template <int Rank>
struct rank_is {
  static constexpr int value = Rank;
};
using ranks = testing::Types<rank_is<1>, rank_is<2>, rank_is<3>, rank_is<8>, rank_is<11>, rank_is<16>>;
TYPED_TEST_SUITE(orthogonal_low_rank_of, ranks);

TYPED_TEST(orthogonal_low_rank_of, any_range_is_the_product_of_the_factors) {
  constexpr int R = TypeParam::value;
  const auto law = orthogonal_low_rank<R>{.refresh = 10}.law_at(1, 1);
  for (const shape s : {shape{7, 40}, shape{2, 2100}, shape{450, 2}, shape{4, 512}}) {
    const parameter_info info{.id = 99, .shape = s};
    const factors_of<R> f(law, some_key, info);
    std::vector<std::int16_t> expected(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) expected[i] = static_cast<std::int16_t>(f.product(i / s.columns, i % s.columns));
    for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, s.size()}, {13, 1}, {17, 200}, {39, 2049}, {31, 0}}) {
      const std::size_t length = std::min(count, s.size() - first);
      std::vector<std::int16_t> z(length + 1, 777);
      law.fill(some_key, info, first, std::span(z).first(length));
      EXPECT_TRUE(std::equal(z.begin(), z.end() - 1, expected.begin() + static_cast<std::ptrdiff_t>(first)))
          << s.text() << " from " << first;
      EXPECT_EQ(z.back(), 777) << "nothing behind the range is written";
    }
  }
}

TYPED_TEST(orthogonal_low_rank_of, columns_are_orthogonal_over_every_block) {
  constexpr int R = TypeParam::value;
  constexpr std::size_t block = std::bit_ceil(unsigned(R));
  const parameter_info info{.id = 99, .shape = {5000, 5000}};
  const auto law = orthogonal_low_rank<R>{}.law_at(1, 1);
  std::vector<std::uint64_t> rows(block * 100), columns(block * 100);
  law.left_signs(some_key, info, 3 * block, rows);
  law.right_signs(some_key, info, 3 * block, columns);
  EXPECT_NE(rows, columns);
  for (const auto& factor : {rows, columns})
    for (std::size_t from = 0; from < factor.size(); from += block)
      for (int a = 0; a < R; ++a)
        for (int b = 0; b <= a; ++b) {
          int product = 0;
          for (std::size_t i = from; i < from + block; ++i) product += sign(factor[i], a) * sign(factor[i], b);
          ASSERT_EQ(product, a == b ? int(block) : 0) << from << " " << a << " " << b;
        }
}

TYPED_TEST(orthogonal_low_rank_of, signs_are_the_documented_bits) {
  constexpr int R = TypeParam::value;
  constexpr std::uint64_t block = std::bit_ceil(unsigned(R)), first = 1001;
  const parameter_info info{.id = 99, .shape = {5000, 5000}};
  const auto law = orthogonal_low_rank<R>{.refresh = 10}.law_at(1, 1);
  const random_stream left({42, 50, 0}, 99, stream::factor_left), right({42, 50, 0}, 99, stream::factor_right);
  std::vector<std::uint64_t> rows(100), columns(100);
  law.left_signs(some_key, info, first, rows);
  law.right_signs(some_key, info, first, columns);
  for (std::size_t j = 0; j < rows.size(); ++j) {
    const std::uint64_t i = first + j;
    const auto signs = [&](const random_stream& source) {
      const std::uint32_t word = source.word(i / 16);
      std::uint64_t all = 0;
      for (std::uint64_t k = 0; k < R; ++k) {
        const auto odd = static_cast<unsigned>(std::popcount((i % block) & k));
        all |= std::uint64_t{(word >> i % 16 ^ word >> (16 + i % 16 / block * block + k) ^ odd) & 1} << k;
      }
      return all;
    };
    ASSERT_EQ(rows[j], signs(left)) << i;
    ASSERT_EQ(columns[j], signs(right)) << i;
  }
}

TYPED_TEST(orthogonal_low_rank_of, moments_are_those_of_a_sum_of_signs) {
  constexpr int R = TypeParam::value, fields = 300;
  const auto law = orthogonal_low_rank<R>{}.law_at(1, 1);
  EXPECT_NEAR(law.amplitude() * R, 1, 1e-15);
  EXPECT_EQ(law.spread(), R);
  EXPECT_LT(R * R, 1 << law.bits);
  // Components of one field share factors, so fields are the independent samples.
  const parameter_info info{.id = 5, .shape = {16, 32}};
  double sum = 0, sum_of_squares = 0, zeros = 0, zeros_squared = 0;
  std::vector<std::int16_t> z(info.shape.size());
  for (std::uint32_t t = 0; t < fields; ++t) {
    law.fill({1, 500 * t, 0}, info, 0, z);
    double mean = 0, zero = 0;
    for (const std::int16_t x : z) mean += double{1} * x * x, zero += x == 0;
    // ‖U C Vᵀ‖² = 16·32·‖C‖² exactly, since both sides have whole blocks.
    ASSERT_EQ(mean, 512.0 * R * R);
    mean = 0;
    for (const std::int16_t x : z) mean += x;
    zero /= 512;
    sum += mean, sum_of_squares += mean * mean, zeros += zero, zeros_squared += zero * zero;
  }
  EXPECT_LT(standard_errors(sum, 0, sum_of_squares), allowed_standard_errors);
  if (R % 2 != 0) {
    EXPECT_EQ(zeros, 0);
  } else {
    EXPECT_LT(standard_errors(zeros, fields * (1 - law.density()), zeros_squared - zeros * zeros / fields + 1e-3), allowed_standard_errors);
  }
}

TEST(orthogonal_low_rank, factors_are_held_and_cores_are_fresh) {
  const parameter_info info{.id = 7, .shape = {40, 60}};
  const auto law = orthogonal_low_rank<4>{.refresh = 4}.law_at(1, 3);
  const auto at = [&](std::uint32_t step, std::uint32_t query) { return factors_of<4>(law, {9, step, query}, info); };
  for (std::uint32_t step = 0; step < 12; ++step)
    for (std::uint32_t query = 0; query < 3; ++query) {
      const auto f = at(step, query), window = at(step / 4 * 4, 0);
      EXPECT_TRUE(f.left == window.left && f.right == window.right) << step;
      if (step % 4 == 3) {
        EXPECT_TRUE(f.left != at(step + 1, 0).left && f.right != at(step + 1, 0).right) << step;
      }
      EXPECT_TRUE(f.core != at(step + 1, query).core && f.core != at(step, query + 1).core) << step;
    }
  for (const std::uint32_t refresh : {0u, 1u}) {
    const auto fresh = orthogonal_low_rank<4>{}.law_of(refresh);
    EXPECT_NE(factors_of<4>(fresh, {9, 5, 0}, info).left, factors_of<4>(fresh, {9, 5, 1}, info).left) << "nothing is held";
  }
}

TEST(orthogonal_low_rank, a_vector_has_fresh_signs) {
  const auto law = orthogonal_low_rank<5>{}.law_at(1, 1);
  for (const shape s : {shape{1, 3000}, shape{3000, 1}}) {
    const parameter_info info{.id = 7, .shape = s};
    std::vector<std::int16_t> z(3000), next(3000), part(100);
    law.fill({9, 5, 0}, info, 0, z);
    law.fill({9, 6, 0}, info, 0, next);
    law.fill({9, 5, 0}, info, 2001, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), z.begin() + 2001));
    int agree = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      ASSERT_EQ(std::abs(z[i]), 5);
      agree += z[i] == next[i];
    }
    EXPECT_LT(standard_errors(agree, 1500, 750), allowed_standard_errors);
  }
}

/// Over windows the mean of z zᵀ is Rank² times the identity; within one it is (U Uᵀ) ⊗ (V Vᵀ).
TEST(orthogonal_low_rank, components_are_uncorrelated_over_windows_and_within_one_a_projection) {
  constexpr int R = 2, fields = 3000;
  constexpr std::size_t n = 12;
  constexpr std::uint32_t refresh = 4000;
  const auto law = orthogonal_low_rank<R>{.refresh = refresh}.law_at(1, 2);
  const parameter_info info{.id = 3, .shape = {3, 4}};  // the last block of rows is cut
  const factors_of<R> f(law, {17, 0, 0}, info);
  const auto of_rows = [&](std::size_t a, std::size_t b) { return R - 2 * std::popcount(f.left[a] ^ f.left[b]); };
  const auto of_columns = [&](std::size_t a, std::size_t b) { return R - 2 * std::popcount(f.right[a] ^ f.right[b]); };
  for (const bool within : {false, true}) {
    std::vector<double> sum(n * n), squares(n * n);
    std::vector<std::int16_t> z(n);
    for (std::uint32_t t = 0; t < fields; ++t) {
      law.fill({17, within ? t : t * refresh + t % 7, t % 2}, info, 0, z);
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) {
          const double product = double{1} * z[a] * z[b];
          sum[n * a + b] += product, squares[n * a + b] += product * product;
        }
    }
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b) {
        const int expected = within ? of_rows(a / 4, b / 4) * of_columns(a % 4, b % 4) : a == b ? R * R : 0;
        EXPECT_LT(standard_errors(sum[n * a + b], fields * expected, squares[n * a + b]), allowed_standard_errors)
            << a << " " << b << (within ? " within" : " over windows");
      }
  }
}

TEST(orthogonal_low_rank, a_record_is_the_law_and_fields_have_bounds) {
  const auto law = orthogonal_low_rank<4>{.refresh = 7}.law_at(0.3, 5);
  EXPECT_EQ(orthogonal_low_rank<4>{}.law_of(law.record()), law);
  std::vector<problem> problems;
  check_fields(orthogonal_low_rank<4>{}, problems);
  EXPECT_TRUE(problems.empty());
  check_fields(orthogonal_low_rank<4>{.refresh = 0}, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].field, "refresh");
}

}  // namespace
}  // namespace zolt::test
