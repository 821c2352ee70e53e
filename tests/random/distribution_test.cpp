#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt {
namespace {

template <class Distribution>
class distributions : public testing::Test {
 public:
  static std::vector<std::int16_t> tile(std::uint64_t first, std::size_t count) {
    std::vector<std::int16_t> z(count);
    distribution::fill<Distribution>(random_stream({.run = 42, .step = 1}, 7, stream::direction), first, z);
    return z;
  }

  /// How often each value occurs when a word takes every value of its lower half (its upper half is the same): the distribution itself.
  static std::map<int, std::size_t> exact_counts() {
    std::map<int, std::size_t> counts;
    std::vector<std::int16_t> z(Distribution::elements_per_row);
    for (std::uint32_t half = 0; half < 0x10000; half += lane_count) {
      std::uint32_t row[lane_count];
      for (std::uint32_t lane = 0; lane < lane_count; ++lane) row[lane] = (half + lane) * 0x10001u;
      distribution::expand<Distribution>(row, z.data());
      for (const std::int16_t value : z) ++counts[value];
    }
    return counts;
  }

  /// E zⁿ
  static double exact_moment(int n) {
    double sum = 0, total = 0;
    for (const auto& [value, count] : exact_counts()) {
      sum += std::pow(value, n) * static_cast<double>(count);
      total += static_cast<double>(count);
    }
    return sum / total;
  }
};
using all_distributions = testing::Types<distribution::rademacher, distribution::gaussian, distribution::uniform>;
TYPED_TEST_SUITE(distributions, all_distributions);

TYPED_TEST(distributions, fill_of_any_range_is_a_part_of_one_fill) {
  constexpr std::size_t size = 5000;
  test::draws random(2);
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{1000}, (std::uint64_t{1} << 38) - 1234}) {
    const auto whole = this->tile(start, size);
    for (int trial = 0; trial < 300; ++trial) {
      const std::size_t first = random.below(size), count = random.between(0, std::min<std::size_t>(size - first, 1200));
      const auto part = this->tile(start + first, count);
      ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)))
          << start + first << ", " << count;
    }
  }
}

TYPED_TEST(distributions, exact_moments_are_the_documented_ones) {
  EXPECT_EQ(this->exact_moment(1), 0);
  EXPECT_EQ(this->exact_moment(3), 0);
  EXPECT_EQ(this->exact_moment(2), TypeParam::second_moment);
}

TYPED_TEST(distributions, values_are_symmetric_and_fit_the_bits) {
  const auto counts = this->exact_counts();
  for (const auto& [value, count] : counts) {
    EXPECT_LT(std::abs(value), 1 << TypeParam::bits);
    ASSERT_TRUE(counts.contains(-value)) << value;
    EXPECT_EQ(counts.at(-value), count) << value;
  }
}

TYPED_TEST(distributions, values_occur_as_often_as_they_should) {
  constexpr std::size_t size = 1 << 20;
  const auto exact = this->exact_counts();
  std::map<int, std::size_t> found;
  for (const std::int16_t value : this->tile(0, size)) ++found[value];
  double total = 0;
  for (const auto& [value, count] : exact) total += static_cast<double>(count);
  std::vector<std::size_t> counts = {0};  // first all values too rare for a statistic of their own
  std::vector<double> expected = {0};
  for (const auto& [value, count] : exact) {
    const double mean = static_cast<double>(count) / total * size;
    if (mean < 50) {
      counts[0] += found[value], expected[0] += mean;
    } else {
      counts.push_back(found[value]), expected.push_back(mean);
    }
    found.erase(value);
  }
  if (expected[0] == 0) counts.erase(counts.begin()), expected.erase(expected.begin());
  EXPECT_TRUE(found.empty()) << "a value that cannot occur: " << found.begin()->first;
  EXPECT_LT(test::chi_square_errors(counts, expected), test::allowed_standard_errors);
}

TYPED_TEST(distributions, sample_moments_lie_within_their_standard_errors) {
  constexpr std::size_t size = 1 << 20;
  double sums[5] = {};
  for (const std::int16_t value : this->tile(0, size))
    for (int n = 1; n <= 4; ++n) sums[n] += std::pow(value, n);
  for (int n = 1; n <= 4; ++n) {
    const double mean = this->exact_moment(n), variance = this->exact_moment(2 * n) - mean * mean;
    if (variance == 0)
      EXPECT_EQ(sums[n], size * mean) << n;
    else
      EXPECT_LT(test::standard_errors(sums[n], size * mean, size * variance), test::allowed_standard_errors) << "moment " << n;
  }
}

// Elements that share a word are 16 apart, rows are 32 or 512, groups 64 words: correlations would show at these lags.
TYPED_TEST(distributions, elements_are_uncorrelated) {
  const auto z = this->tile(0, 1 << 20);
  for (const std::size_t lag : {1u, 2u, 3u, 15u, 16u, 17u, 31u, 32u, 48u, 64u, 128u, 256u, 512u, 1024u, 2048u})
    EXPECT_LT(test::lag_correlation_errors(z, lag), test::allowed_standard_errors) << "lag " << lag;
}

TEST(rademacher, element_is_the_documented_bit) {
  const random_stream source({.run = 3}, 5, stream::direction);
  std::vector<std::int16_t> z(2000);
  distribution::fill<distribution::rademacher>(source, 0, z);
  for (std::size_t i = 0; i < z.size(); ++i) ASSERT_EQ(z[i], source.word(16 * (i / 512) + i % 16) >> (i % 512 / 16) & 1 ? -1 : 1) << i;
}

TEST(gaussian, element_is_the_documented_sum) {
  constexpr int level[8] = {1, 4, 6, 8, 10, 15, 17, 31};
  const random_stream source({.run = 3}, 5, stream::direction);
  std::vector<std::int16_t> z(2000);
  distribution::fill<distribution::gaussian>(source, 0, z);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const std::uint32_t half = source.word(16 * (i / 32) + i % 16) >> (i % 32 / 16 * 16);
    int sum = 0;
    for (int nibble = 0; nibble < 4; ++nibble) sum += (half >> (4 * nibble + 3) & 1 ? -1 : 1) * level[half >> 4 * nibble & 7];
    ASSERT_EQ(z[i], sum) << i;
  }
}

TEST(gaussian, has_the_kurtosis_and_the_range_of_its_documentation) {
  using tests = distributions<distribution::gaussian>;
  EXPECT_NEAR(tests::exact_moment(4) / (846.0 * 846.0), 2.9998, 0.00005);
  EXPECT_EQ(tests::exact_counts().rbegin()->first, 124);
  EXPECT_NEAR(124 / std::sqrt(846.0), 4.26, 0.005);
}

TEST(uniform, element_is_the_documented_odd_integer) {
  const random_stream source({.run = 3}, 5, stream::direction);
  std::vector<std::int16_t> z(2000);
  distribution::fill<distribution::uniform>(source, 0, z);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const std::uint32_t half = source.word(16 * (i / 32) + i % 16) >> (i % 32 / 16 * 16);
    ASSERT_EQ(z[i], static_cast<int>(half >> 4 & 0xfff) * 2 - 4095) << i;
  }
}

// Frozen bits. A new hash is a new stream: bump stream_version, then take the hash from the message of the failing test.
template <class Distribution>
std::uint64_t golden_hash() {
  std::vector<std::int16_t> z(tile_size);
  distribution::fill<Distribution>(random_stream({.run = 2026, .step = 7, .query = 3}, hash_of("golden", 6), stream::direction), 12345, z);
  return test::hash_of_tile(std::span<const std::int16_t>(z));
}
TEST(frozen_stream, tiles_have_the_hashes_of_version_1) {
  ASSERT_EQ(stream_version, 1u);
  EXPECT_EQ(golden_hash<distribution::rademacher>(), 4773820389078895217u);
  EXPECT_EQ(golden_hash<distribution::gaussian>(), 9900750163224163615u);
  EXPECT_EQ(golden_hash<distribution::uniform>(), 4360522838585097196u);
}

}  // namespace
}  // namespace zolt
