#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/core/lanes.hpp"
#include "zolt/direction/sparse.hpp"

namespace zolt {
namespace {

constexpr direction_key some_key{.run = 42, .step = 5, .query = 1};
constexpr parameter_info some_parameter{.id = 99, .shape = {64, 512}};

struct nonzero {
  std::uint64_t index;
  int z;
  std::uint64_t slot;
};
std::vector<nonzero> nonzeros(const sparse_rademacher_law& law, std::uint64_t first, std::uint64_t last,
                              const direction_key& key = some_key) {
  std::vector<nonzero> all;
  law.for_each_nonzero(key, some_parameter, first, last, [&all](std::uint64_t index, int z, std::uint64_t slot) {
    all.push_back({index, z, slot});
  });
  return all;
}
std::vector<std::int16_t> filled(const sparse_rademacher_law& law, std::uint64_t first, std::size_t count) {
  std::vector<std::int16_t> z(count, 77);
  law.fill(some_key, some_parameter, first, z);
  return z;
}
sparse_rademacher_law law_of_density(double density) { return sparse_rademacher{.ratio = 0, .min_density = density}.law_at(1, 1); }

class densities : public testing::TestWithParam<double> {
 public:
  const sparse_rademacher_law law = law_of_density(GetParam());
  const std::uint64_t cell = law.cell();
  const double kept = law.density() * static_cast<double>(cell);  ///< the probability that a cell has its non-zero
};
INSTANTIATE_TEST_SUITE_P(all, densities, testing::Values(1.0, 0.81, 0.5, 0.37, 0.3, 0.09, 0.0025, 0.0007, 0.0004, 0.00003));

TEST_P(densities, law_has_the_density_that_was_asked_for) {
  EXPECT_NEAR(law.density(), GetParam(), 0x1p-32);
  EXPECT_EQ(cell, static_cast<std::uint64_t>(1 / law.density()));
  EXPECT_NEAR(law.amplitude() * law.amplitude() * law.density(), 1, 1e-12) << "amplitude² · E z² = 1";
  EXPECT_LE(kept, 1.0);
}

// A cell has its non-zero with probability `kept`, independently: the number of non-zeros is binomial.
TEST_P(densities, non_zeros_are_as_many_as_the_density_says) {
  const std::uint64_t cells = std::max<std::uint64_t>((1 << 20) / cell, 20000);
  const auto found = static_cast<double>(nonzeros(law, 0, cells * cell).size()), expected = static_cast<double>(cells) * kept;
  EXPECT_LE(std::fabs(found - expected), test::allowed_standard_errors * std::sqrt(expected * (1 - kept)) + 1e-3);
}

TEST_P(densities, signs_are_balanced_and_neighbours_uncorrelated) {
  const std::uint64_t cells = std::max<std::uint64_t>((1 << 20) / cell, 20000);
  const auto all = nonzeros(law, 0, cells * cell);
  double sum = 0;
  for (const nonzero& n : all) {
    ASSERT_EQ(n.z * n.z, 1);
    sum += n.z;
  }
  EXPECT_LT(test::standard_errors(sum, 0, static_cast<double>(all.size())), test::allowed_standard_errors);

  for (const std::size_t lag : {1u, 2u, 16u, 64u}) {  // of non-zeros one after the other
    double products = 0;
    for (std::size_t i = 0; i + lag < all.size(); ++i) products += all[i].z * all[i + lag].z;
    EXPECT_LT(test::standard_errors(products, 0, static_cast<double>(all.size() - lag)), test::allowed_standard_errors) << "lag " << lag;
  }
  const auto z = filled(law, 0, 1 << 20);
  for (const std::size_t lag : {1u, 2u, 3u, 11u, 16u, 64u, 400u})  // of weights
    EXPECT_LT(test::lag_correlation_errors(z, lag), test::allowed_standard_errors) << "lag " << lag;
}

// Of kept cells: thinning by bits that also make the place would show. Counted with the sign, so that a place that favours a sign would
// show too. Cells wider than 500 weights are counted in 500 parts.
TEST_P(densities, place_is_uniform_in_the_cell_for_both_signs) {
  const std::uint64_t parts = std::min<std::uint64_t>(cell, 500), cells = std::max<std::uint64_t>(300 * parts, 20000);
  std::vector<std::size_t> counts(2 * parts);
  std::vector<double> expected(2 * parts);
  const auto all = nonzeros(law, 0, cells * cell);
  for (const nonzero& n : all) ++counts[2 * (n.index % cell * parts / cell) + (n.z > 0)];
  for (std::uint64_t place = 0; place < cell; ++place)
    for (const std::size_t sign : {0u, 1u})
      expected[2 * (place * parts / cell) + sign] += static_cast<double>(all.size()) / static_cast<double>(2 * cell);
  EXPECT_LT(test::chi_square_errors(counts, expected), test::allowed_standard_errors);
}

TEST_P(densities, each_cell_has_at_most_one_and_names_it_by_its_slot) {
  const auto all = nonzeros(law, 0, 50000 * cell);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].slot, all[i].index / cell);
    if (i > 0) {
      ASSERT_LT(all[i - 1].index, all[i].index);
      ASSERT_LT(all[i - 1].slot, all[i].slot);
    }
  }
}

TEST_P(densities, fill_is_the_enumeration_over_any_range) {
  test::draws random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const std::uint64_t first = random.long_word() >> (random.below(2) == 0 ? 50 : 10);
    const std::size_t count = random.between(0, 6000);
    std::vector<std::int16_t> expected(count);
    for (const nonzero& n : nonzeros(law, first, first + count)) {
      ASSERT_GE(n.index, first);
      ASSERT_LT(n.index, first + count);
      expected[static_cast<std::size_t>(n.index - first)] = static_cast<std::int16_t>(n.z);
    }
    ASSERT_EQ(filled(law, first, count), expected) << first << ", " << count;
  }
}

TEST_P(densities, ranges_compose) {
  const auto whole = nonzeros(law, 0, 100000);
  test::draws random(2);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::uint64_t> cuts = {0, 100000};
    for (int i = 0; i < 30; ++i) cuts.push_back(random.below(100000));
    std::sort(cuts.begin(), cuts.end());
    std::size_t at = 0;
    for (std::size_t i = 1; i < cuts.size(); ++i)
      for (const nonzero& n : nonzeros(law, cuts[i - 1], cuts[i])) {
        ASSERT_LT(at, whole.size());
        ASSERT_TRUE(n.index == whole[at].index && n.z == whole[at].z && n.slot == whole[at].slot) << at;
        ++at;
      }
    ASSERT_EQ(at, whole.size());
  }
}

TEST_P(densities, one_word_per_cell_says_all_of_it) {
  const random_stream source(some_key, some_parameter.id, stream::direction);
  const std::uint64_t threshold = (std::uint64_t{law.rho} + 1) * cell / 2;
  std::size_t at = 0;
  const auto all = nonzeros(law, 0, 5000 * cell);
  for (std::uint64_t c = 0; c < 5000; ++c) {
    const std::uint32_t word = source.word(c);
    const std::uint64_t product = (word >> 1) * cell;
    if (product % 0x80000000 >= threshold) continue;
    ASSERT_LT(at, all.size());
    ASSERT_EQ(all[at].slot, c);
    ASSERT_EQ(all[at].index, c * cell + product / 0x80000000);
    ASSERT_EQ(all[at].z, word % 2 == 0 ? 1 : -1);
    ++at;
  }
  EXPECT_EQ(at, all.size());
}

TEST(sparse_rademacher, the_rarest_law_still_has_places) {
  const sparse_rademacher_law law = sparse_rademacher{}.law_of(0);
  EXPECT_EQ(law.density(), 0x1p-32);
  EXPECT_EQ(law.cell(), std::uint64_t{1} << 32);
  const auto all = nonzeros(law, 0, std::uint64_t{100} << 32);
  EXPECT_EQ(all.size(), 100u);
}

TEST(sparse_rademacher, an_empty_range_has_no_non_zeros) {
  const sparse_rademacher_law law = law_of_density(1);
  EXPECT_TRUE(nonzeros(law, 100, 100).empty());
  EXPECT_TRUE(nonzeros(law, 100, 50).empty());
}

TEST(sparse_rademacher, density_follows_the_square_of_the_rate) {
  const sparse_rademacher policy{.ratio = 0.5, .min_density = 1e-3};
  for (const double rate : {0.02, 0.1, 0.3, 0.7, 1.2})
    for (const std::uint32_t queries : {1u, 2u, 8u}) {
      const double expected = 0.5 * rate * rate / queries;
      EXPECT_NEAR(policy.law_at(rate, queries).density(), expected < 1e-3 ? 1e-3 : expected, 0x1p-31) << rate << ", " << queries;
    }
}

TEST(sparse_rademacher, density_stays_between_its_bounds) {
  const sparse_rademacher policy;
  EXPECT_NEAR(policy.law_at(0, 1).density(), policy.min_density, 0x1p-32);
  EXPECT_EQ(policy.law_at(1, 1).density(), 1);
  EXPECT_EQ(policy.law_at(50, 1).density(), 1);
  EXPECT_EQ(policy.law_at(1e200, 1).density(), 1);
  EXPECT_NEAR((sparse_rademacher{.ratio = 0, .min_density = 0.25}.law_at(5, 1).density()), 0.25, 0x1p-32);
  EXPECT_EQ((sparse_rademacher{.ratio = 0, .min_density = 1e-30}.law_at(5, 1).density()), sparse_rademacher::smallest_density);
}

TEST(sparse_rademacher, checks_its_fields) {
  std::vector<problem> problems;
  check_fields(sparse_rademacher{}, problems);
  EXPECT_TRUE(problems.empty());
  check_fields(sparse_rademacher{.ratio = -1, .min_density = 1.5}, problems);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].field, "ratio");
  EXPECT_EQ(problems[1].sentence(), "sparse_rademacher: min_density = 1.5 must be above 0 and at most 1");
}

// Frozen bits. A new hash is a new stream: bump stream_version, then take the hash from the message of the failing test.
std::uint64_t golden_hash(double density) {
  std::vector<std::int16_t> z(tile_size);
  law_of_density(density).fill({.run = 2026, .step = 7, .query = 3}, {hash_of("golden", 6), {1, 1 << 20}}, 12345, z);
  return test::hash_of_tile(std::span<const std::int16_t>(z));
}
TEST(frozen_stream, sparse_tiles_have_the_hashes_of_version_1) {
  ASSERT_EQ(stream_version, 1u);
  EXPECT_EQ(golden_hash(0.81), 2673974949219738221u);
  EXPECT_EQ(golden_hash(0.09), 7279044124543565993u);
  EXPECT_EQ(golden_hash(0.0025), 10011572384126506323u);
}

}  // namespace
}  // namespace zolt
