#include "zolt/direction/temporal_low_rank.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "support/statistics.hpp"

namespace zolt::test {
namespace {

static_assert(direction_law<temporal_low_rank<1>> && direction_law<temporal_low_rank<64>> && law_t<temporal_low_rank<4>>::whole_units);

template <int Rank>
struct factors_of {
  std::vector<std::uint64_t> left, right;
  factors_of(const direction_key& key, const parameter_info& info) : left(info.shape.rows), right(info.shape.columns) {
    const auto law = temporal_low_rank<Rank>{}.law_at(1, 1);
    law.left_signs(key, info, 0, left);
    law.right_signs(key, info, 0, right);
  }
};

template <int Rank>
void expect_product_of_factors() {
  const auto law = temporal_low_rank<Rank>{}.law_at(1, 1);
  for (const shape s : {shape{7, 40}, shape{3, 3000}, shape{900, 5}, shape{1, 600}, shape{600, 1}}) {
    const parameter_info info{.id = 99, .shape = s};
    const direction_key key{42, 57, 3};
    const factors_of<Rank> f(key, info);
    for (const std::size_t first : {std::size_t{0}, std::size_t{13}, s.size() - 41}) {
      std::vector<std::int16_t> z(s.size() - first);
      law.fill(key, info, first, z);
      for (std::size_t j = 0; j < z.size(); ++j) {
        const std::size_t i = first + j;
        ASSERT_EQ(z[j], Rank - 2 * std::popcount(f.left[i / s.columns] ^ f.right[i % s.columns])) << s.text() << " " << i;
      }
    }
  }
}

TEST(temporal_low_rank, any_range_is_the_product_of_the_factors) {
  expect_product_of_factors<1>();
  expect_product_of_factors<6>();
  expect_product_of_factors<40>();
}

TEST(temporal_low_rank, a_run_keeps_its_factors_and_draws_their_signs) {
  const parameter_info info{.id = 7, .shape = {30, 50}};
  constexpr int R = 40;
  const factors_of<R> begin({9, 0, 0}, info);
  for (const direction_key key : {direction_key{9, 0, 0}, {9, 0, 1}, {9, 1, 0}, {9, 4000, 2}}) {
    const factors_of<R> f(key, info);
    EXPECT_EQ(f.right, begin.right);
    const random_stream signs(key, 7, stream::direction), rows({9, 0, 0}, 7, stream::factor_left);
    for (std::size_t i = 0; i < 30; ++i) {
      ASSERT_EQ(std::uint32_t(f.left[i]), rows.word(i / 16 * 32 + i % 16) ^ signs.word(0));
      ASSERT_EQ(f.left[i] >> 32, (rows.word(i / 16 * 32 + 16 + i % 16) ^ signs.word(1)) & 0xffu);
    }
  }
  EXPECT_NE(factors_of<R>({10, 0, 0}, info).right, begin.right) << "another run";
  EXPECT_NE(factors_of<R>({9, 0, 0}, {.id = 8, .shape = info.shape}).right, begin.right) << "another parameter";
}

TEST(temporal_low_rank, a_vector_has_fresh_signs) {
  const auto law = temporal_low_rank<3>{}.law_at(1, 1);
  for (const shape s : {shape{1, 100}, shape{100, 1}}) {
    const parameter_info info{.id = 7, .shape = s};
    std::vector<std::int16_t> z(100), other(100);
    law.fill({9, 5, 0}, info, 0, z);
    for (const direction_key key : {direction_key{9, 6, 0}, direction_key{9, 5, 1}}) {
      law.fill(key, info, 0, other);
      std::size_t agree = 0;  // in magnitude, 1 or 3: three fair signs agree with probability 1/4
      for (std::size_t i = 0; i < 100; ++i) agree += std::abs(z[i]) == std::abs(other[i]);
      EXPECT_LT(standard_errors(static_cast<double>(agree), 100 * 10 / 16.0, 100 * 60 / 256.0), allowed_standard_errors);
    }
  }
}

/// The mean of z zᵀ is Rank times the identity over runs, and Σ_k m_k m_kᵀ over the steps of one, m_k being its matrices of rank one.
TEST(temporal_low_rank, components_are_uncorrelated_over_runs_and_within_one_as_its_matrices_are) {
  constexpr int R = 3, fields = 2000;
  constexpr std::size_t n = 12;
  const parameter_info info{.id = 3, .shape = {3, 4}};
  const auto law = temporal_low_rank<R>{}.law_at(1, 1);
  const factors_of<R> f({17, 0, 0}, info);
  const auto expected_within = [&](std::size_t a, std::size_t b) {  // τ is the same for both and drops out
    const auto signs = [&](std::size_t i) { return f.left[i / 4] ^ f.right[i % 4]; };
    return R - 2 * std::popcount(signs(a) ^ signs(b));
  };
  for (const bool within : {false, true}) {
    std::vector<double> sum(n * n), squares(n * n);
    std::vector<std::int16_t> z(n);
    for (std::uint32_t t = 0; t < fields; ++t) {
      law.fill(within ? direction_key{17, t, 0} : direction_key{100 + t, t % 5, 0}, info, 0, z);
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) {
          const double product = double{1} * z[a] * z[b];
          sum[n * a + b] += product, squares[n * a + b] += product * product;
        }
    }
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b)
        EXPECT_LT(standard_errors(sum[n * a + b],
                                  fields * (within   ? expected_within(a, b)
                                            : a == b ? R
                                                     : 0),
                                  squares[n * a + b]),
                  allowed_standard_errors)
            << a << " " << b << (within ? " within" : " over runs");
  }
}

TEST(temporal_low_rank, a_record_is_the_law) {
  const auto law = temporal_low_rank<4>{}.law_at(0.3, 5);
  EXPECT_EQ(temporal_low_rank<4>{}.law_of(law.record()), law);
}

}  // namespace
}  // namespace zolt::test
