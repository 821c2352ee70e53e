#include "zolt/direction/spherical.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"

namespace zolt::test {
namespace {

static_assert(direction_law<spherical> && !spherical_law::whole_units && exact::coefficient_bits(spherical_law::bits) == 12);

std::vector<std::int16_t> whole(const direction_key& key, std::size_t size) {
  std::vector<std::int16_t> z(size);
  spherical{}.law_at(1, 1).fill(key, {.id = 99, .shape = {1, size}}, 0, z);
  return z;
}

double length_of(std::span<const std::int16_t> z) {
  double squares = 0;
  for (const std::int16_t x : z) squares += double{1} * x * x;
  return std::sqrt(squares);
}

TEST(spherical, blocks_have_one_length) {
  double blocks = 0, errors = 0;
  for (const std::size_t size : {1u, 2u, 3u, 17u, 300u, 2047u, 2048u, 2049u, 7000u})
    for (std::uint32_t step = 0; step < 40; ++step) {
      const auto z = whole({42, step, 1}, size);
      for (std::size_t from = 0; from < size; from += tile_size) {
        const std::size_t n = std::min(tile_size, size - from);
        const double relative = length_of(std::span(z).subspan(from, n)) / (spherical_law::rms * std::sqrt(double(n)));
        EXPECT_NEAR(relative, 1, 1e-3) << size << " from " << from;
        if (n == tile_size) ++blocks, errors += (relative - 1) * (relative - 1);
      }
      for (const std::int16_t x : z) ASSERT_LT(std::abs(x), 1 << spherical_law::bits);
    }
  EXPECT_LT(std::sqrt(errors / blocks), 1e-4);
}

TEST(spherical, a_block_is_the_gaussian_one_scaled) {
  const auto z = whole({42, 5, 1}, 5000);
  std::vector<std::int16_t> g(5000);
  gaussian{}.law_at(1, 1).fill({42, 5, 1}, {.id = 99, .shape = {1, 5000}}, 0, g);
  for (std::size_t from = 0; from < 5000; from += tile_size) {
    const std::size_t n = std::min(tile_size, 5000 - from);
    const double scale = spherical_law::rms * std::sqrt(double(n)) / length_of(std::span(g).subspan(from, n));
    for (std::size_t j = from; j < from + n; ++j) ASSERT_NEAR(z[j], scale * g[j], 0.501) << j;
  }
}

TEST(spherical, a_component_depends_on_no_range_and_no_order) {
  constexpr std::size_t size = 7000;
  const auto all = whole({42, 5, 1}, size);
  draws random(1);
  std::vector<std::size_t> cuts = {0, size};
  for (int i = 0; i < 30; ++i) cuts.push_back(random.below(size));
  std::sort(cuts.begin(), cuts.end());
  std::vector<std::int16_t> pieces(size, 7777);
  for (std::size_t i = cuts.size(); i-- > 1;)
    spherical{}.law_of(0).fill({42, 5, 1}, {.id = 99, .shape = {70, 100}}, cuts[i - 1],
                               std::span(pieces).subspan(cuts[i - 1], cuts[i] - cuts[i - 1]));
  EXPECT_EQ(pieces, all);
}

TEST(spherical, a_block_of_zeros_takes_fair_signs) {
  int zeros = 0, sum = 0;
  for (std::uint32_t step = 0; step < 8000; ++step) {
    const parameter_info info{.id = 4, .shape = {1, 1}};
    std::int16_t g, z;
    gaussian{}.law_at(1, 1).fill({1, step, 0}, info, 0, std::span(&g, 1));
    spherical{}.law_at(1, 1).fill({1, step, 0}, info, 0, std::span(&z, 1));
    ASSERT_EQ(std::abs(z), spherical_law::rms);
    if (g == 0) {
      ++zeros, sum += z / spherical_law::rms;
    } else {
      ASSERT_EQ(z < 0, g < 0);
    }
  }
  ASSERT_GT(zeros, 50);
  EXPECT_LT(standard_errors(sum, 0, zeros), allowed_standard_errors);
}

/// Of three weights: mean 0, E z_a z_b = rms² δ_ab, and E z_a⁴ = 3 rms⁴·n/(n + 2), which is less than a Gaussian's.
TEST(spherical, moments_are_those_of_a_sphere) {
  constexpr int fields = 6000;
  constexpr std::size_t n = 3;
  const double square = double{1} * spherical_law::rms * spherical_law::rms;
  double sum[n] = {}, sums[n][n] = {}, squares[n][n] = {}, fourths = 0;
  for (std::uint32_t t = 0; t < fields; ++t) {
    const auto z = whole({17, t, t % 3}, n);
    for (std::size_t a = 0; a < n; ++a) {
      sum[a] += z[a], fourths += std::pow(double{1} * z[a], 4) / (square * square);
      for (std::size_t b = 0; b < n; ++b) sums[a][b] += double{1} * z[a] * z[b], squares[a][b] += std::pow(double{1} * z[a] * z[b], 2);
    }
  }
  for (std::size_t a = 0; a < n; ++a) {
    EXPECT_LT(standard_errors(sum[a], 0, fields * square), allowed_standard_errors) << a;
    for (std::size_t b = 0; b < n; ++b) {
      const double expected = a == b ? fields * square : 0;
      EXPECT_LT(standard_errors(sums[a][b], expected, squares[a][b] - expected * expected / fields), allowed_standard_errors)
          << a << " " << b;
    }
  }
  EXPECT_NEAR(fourths / fields / n, 3.0 * n / (n + 2), 0.06);
}

TEST(spherical, the_estimate_of_a_linear_loss_is_unbiased) {
  constexpr int fields = 4000;
  constexpr std::size_t n = 24;
  const auto gradient = normal_weights(n, 4);
  const double amplitude = spherical{}.law_at(1, 1).amplitude();
  std::vector<double> sum(n), squares(n);
  for (std::uint32_t t = 0; t < fields; ++t) {
    const auto z = whole({23, t, 0}, n);
    double slope = 0;
    for (std::size_t j = 0; j < n; ++j) slope += amplitude * z[j] * double{gradient[j]};
    for (std::size_t j = 0; j < n; ++j) {
      const double estimate = slope * amplitude * z[j];
      sum[j] += estimate, squares[j] += estimate * estimate;
    }
  }
  for (std::size_t j = 0; j < n; ++j)
    EXPECT_LT(standard_errors(sum[j], fields * double{gradient[j]}, squares[j] - sum[j] * sum[j] / fields), allowed_standard_errors) << j;
}

}  // namespace
}  // namespace zolt::test
