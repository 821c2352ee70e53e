#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "support/statistics.hpp"
#include "zolt/direction/low_rank.hpp"

namespace zolt::test {
namespace {

static_assert(direction_law<low_rank<1>> && direction_law<low_rank<64>> && !sparse_law<low_rank_law<2>> && low_rank_law<2>::whole_units);
static_assert(low_rank_law<1>::bits == 1 && low_rank_law<3>::bits == 2 && low_rank_law<4>::bits == 3 && low_rank_law<64>::bits == 7);

constexpr direction_key some_key{.run = 42, .step = 57, .query = 3};

template <int Rank>
struct factors_of {
  std::vector<std::uint64_t> left, right;
  factors_of(const low_rank_law<Rank>& law, const direction_key& key, const parameter_info& info)
      : left(info.shape.rows), right(info.shape.columns) {
    law.left_signs(key, info, 0, left);
    law.right_signs(key, info, 0, right);
  }
  friend bool operator==(const factors_of&, const factors_of&) = default;
};

template <class Rank>
class low_rank_of : public testing::Test {};
template <int Rank>
struct rank_is {
  static constexpr int value = Rank;
};
using ranks = testing::Types<rank_is<1>, rank_is<2>, rank_is<3>, rank_is<4>, rank_is<8>, rank_is<16>, rank_is<31>, rank_is<32>, rank_is<33>,
                             rank_is<64>>;
TYPED_TEST_SUITE(low_rank_of, ranks);

TYPED_TEST(low_rank_of, any_range_is_the_product_of_the_factors) {
  constexpr int R = TypeParam::value;
  for (const shape s : {shape{7, 40}, shape{3, 3000}, shape{900, 5}, shape{1, 2500}, shape{2500, 1}, shape{64, 512}, shape{3, 2048}}) {
    const parameter_info info{.id = 99, .shape = s};
    const auto law = low_rank<R>{.refresh = 10}.law_at(1, 1);
    const factors_of<R> f(law, some_key, info);
    std::vector<std::int16_t> expected(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      const std::uint64_t u = f.left[i / s.columns], v = f.right[i % s.columns];
      int sum = 0;
      for (int k = 0; k < R; ++k) sum += (u >> k & 1) == (v >> k & 1) ? 1 : -1;
      if constexpr (R < 64) {
        ASSERT_EQ(u >> R, 0u);
        ASSERT_EQ(v >> R, 0u);
      }
      expected[i] = static_cast<std::int16_t>(sum);
    }
    for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, s.size()}, {0, 1}, {13, 1}, {17, 200}, {39, 241}, {31, 0}}) {
      const std::size_t length = std::min(count, s.size() - first);
      std::vector<std::int16_t> z(length + 1, 77);
      law.fill(some_key, info, first, std::span(z).first(length));
      EXPECT_EQ(std::vector<std::int16_t>(z.begin(), z.end() - 1),
                std::vector<std::int16_t>(expected.begin() + static_cast<std::ptrdiff_t>(first),
                                          expected.begin() + static_cast<std::ptrdiff_t>(first + length)))
          << s.text() << " from " << first;
      EXPECT_EQ(z.back(), 77) << "nothing behind the range is written";
    }
  }
}

TYPED_TEST(low_rank_of, signs_are_the_documented_bits) {
  constexpr int R = TypeParam::value;
  const parameter_info info{.id = 99, .shape = {5000, 5000}};
  const auto law = low_rank<R>{.refresh = 10}.law_at(1, 1);
  const random_stream left(some_key, 99, stream::factor_left), right({42, 50, 0}, 99, stream::factor_right);
  for (const std::uint64_t first : {0u, 1001u, 4000u}) {
    std::vector<std::uint64_t> rows(700), columns(700);
    law.left_signs(some_key, info, first, rows);
    law.right_signs(some_key, info, first, columns);
    for (std::size_t j = 0; j < rows.size(); ++j) {
      const std::uint64_t i = first + j;
      const auto signs = [i](const random_stream& source) -> std::uint64_t {
        if (R > 32) {
          const std::uint64_t all = source.word(i / 16 * 32 + i % 16) | std::uint64_t{source.word(i / 16 * 32 + 16 + i % 16)} << 32;
          return R == 64 ? all : all & ((std::uint64_t{1} << (R % 64)) - 1);
        }
        const std::uint64_t width = std::bit_ceil(static_cast<unsigned>(R)), per_row = 512 / width;
        return source.word(i / per_row * 16 + i % 16) >> (i % per_row / 16 * width) & ((std::uint64_t{1} << (R % 64)) - 1);
      };
      ASSERT_EQ(rows[j], signs(left)) << i;
      ASSERT_EQ(columns[j], signs(right)) << i;
    }
  }
}

TYPED_TEST(low_rank_of, moments_are_those_of_a_sum_of_signs) {
  constexpr int R = TypeParam::value;
  double probability = std::pow(2.0, -R), total = 0, second = 0, nonzero = 0;  // of R − 2m, binomial in m
  for (int m = 0; m <= R; ++m) {
    const int z = R - 2 * m;
    total += probability, second += probability * z * z, nonzero += z != 0 ? probability : 0;
    probability *= double(R - m) / (m + 1);
  }
  const auto law = low_rank<R>{}.law_at(1, 1);
  EXPECT_NEAR(total, 1, 1e-12);
  EXPECT_NEAR(law.amplitude() * law.amplitude() * second, 1, 1e-12);
  EXPECT_NEAR(law.spread() * law.amplitude(), 1, 1e-15);
  EXPECT_NEAR(law.density(), nonzero, 1e-12);
  EXPECT_LT(R, 1 << law.bits);

  // Components of one field share factors, so fields are the independent samples.
  constexpr int fields = 400;
  const parameter_info info{.id = 5, .shape = {16, 24}};
  double sum = 0, squares = 0, zeros = 0, zeros_squared = 0;
  std::vector<std::int16_t> z(info.shape.size());
  for (std::uint32_t t = 0; t < fields; ++t) {
    law.fill({1, 50 * t, 0}, info, 0, z);
    double mean = 0, zero = 0;
    for (const std::int16_t x : z) mean += x * x / double(R), zero += x == 0;
    mean /= double(z.size()), zero /= double(z.size());
    sum += mean, squares += mean * mean, zeros += zero, zeros_squared += zero * zero;
  }
  if (R == 1) {
    EXPECT_EQ(sum, fields);
  } else {
    EXPECT_LT(standard_errors(sum, fields, squares - sum * sum / fields), allowed_standard_errors);
  }
  if (R % 2 != 0) {
    EXPECT_EQ(zeros, 0);
  } else {
    EXPECT_LT(standard_errors(zeros, fields * (1 - law.density()), zeros_squared - zeros * zeros / fields), allowed_standard_errors);
  }
}

TEST(low_rank, right_factors_are_held_and_left_ones_are_fresh) {
  const parameter_info info{.id = 7, .shape = {40, 60}};
  const auto law = low_rank<2>{.refresh = 4}.law_at(1, 3);
  const auto at = [&](std::uint32_t step, std::uint32_t query) { return factors_of<2>(law, {9, step, query}, info); };
  for (std::uint32_t step = 0; step < 12; ++step)
    for (std::uint32_t query = 0; query < 3; ++query) {
      const auto f = at(step, query);
      EXPECT_EQ(f.right, at(step / 4 * 4, 0).right) << step;
      if (step % 4 == 0 && step != 0) {
        EXPECT_NE(f.right, at(step - 1, query).right) << step;
      }
      EXPECT_NE(f.left, at(step + 1, query).left) << step;
      EXPECT_NE(f.left, at(step, query + 1).left) << step;
    }
  EXPECT_NE(at(0, 0).right, factors_of<2>(law, {10, 0, 0}, info).right) << "another run";
  EXPECT_NE(at(0, 0).right, factors_of<2>(law, {9, 0, 0}, {.id = 8, .shape = info.shape}).right) << "another parameter";
}

TEST(low_rank, nothing_is_held_for_one_step_or_for_a_vector) {
  const auto fresh = low_rank<3>{.refresh = 1}.law_at(1, 2);
  const auto held = low_rank<3>{.refresh = 1000}.law_at(1, 2);
  const auto differ = [](const auto& law, shape s) {
    const parameter_info info{.id = 7, .shape = s};
    const factors_of<3> here(law, {9, 5, 0}, info), next(law, {9, 6, 0}, info), other(law, {9, 5, 1}, info);
    return here.left != next.left && here.left != other.left && here.right != next.right && here.right != other.right;
  };
  EXPECT_TRUE(differ(fresh, {30, 40}));
  EXPECT_FALSE(differ(held, {30, 40}));
  std::vector<std::int16_t> z(100), other(100);
  for (const shape s : {shape{1, 100}, shape{100, 1}}) {
    held.fill({9, 5, 0}, {.id = 7, .shape = s}, 0, z);
    for (const direction_key key : {direction_key{9, 6, 0}, direction_key{9, 5, 1}}) {
      held.fill(key, {.id = 7, .shape = s}, 0, other);
      EXPECT_NE(z, other);
      for (std::int16_t& x : other) x = static_cast<std::int16_t>(-x);
      EXPECT_NE(z, other) << "not even up to sign";
    }
  }
}

/// The matrix E z_a z_b over windows is Rank times the identity, and a held factor couples the columns of a row within one.
TEST(low_rank, components_are_uncorrelated_over_windows) {
  constexpr int R = 2, fields = 3000;
  constexpr std::uint32_t refresh = 3;
  const auto law = low_rank<R>{.refresh = refresh}.law_at(1, 2);
  for (const shape s : {shape{3, 4}, shape{1, 12}, shape{12, 1}}) {
    const parameter_info info{.id = 3, .shape = s};
    std::vector<double> sum(144), squares(144);
    std::vector<std::int16_t> z(12);
    for (std::uint32_t t = 0; t < fields; ++t) {
      law.fill({17, t * refresh + t % refresh, t % 2}, info, 0, z);
      for (std::size_t a = 0; a < 12; ++a)
        for (std::size_t b = 0; b < 12; ++b) {
          const double product = double{1} * z[a] * z[b];
          sum[12 * a + b] += product, squares[12 * a + b] += product * product;
        }
    }
    for (std::size_t a = 0; a < 12; ++a)
      for (std::size_t b = 0; b < 12; ++b)
        EXPECT_LT(standard_errors(sum[12 * a + b], a == b ? R * fields : 0, squares[12 * a + b]), allowed_standard_errors)
            << s.text() << " " << a << " " << b;
  }
}

TEST(low_rank, a_record_is_the_law) {
  const low_rank<4> policy{.refresh = 7};
  const auto law = policy.law_at(0.3, 5);
  EXPECT_EQ(policy.law_of(law.record()), law);
  EXPECT_EQ(low_rank<4>{}.law_of(law.record()), law);
}

TEST(low_rank, fields_have_bounds) {
  std::vector<problem> problems;
  check_fields(low_rank<4>{}, problems);
  EXPECT_TRUE(problems.empty());
  check_fields(low_rank<4>{.refresh = 0}, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].field, "refresh");
}

}  // namespace
}  // namespace zolt::test
