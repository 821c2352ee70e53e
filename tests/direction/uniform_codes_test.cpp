#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/direction/uniform_codes.hpp"

namespace zolt::test {
namespace {

constexpr direction_key some_key{.run = 42, .step = 5, .query = 1};
constexpr parameter_info some_parameter{.id = 99, .shape = {64, 512}};

template <class Policy>
class uniform_codes_of : public testing::Test {};
template <int M>
struct largest {
  static constexpr int value = M;
};
using largest_codes = testing::Types<largest<1>, largest<2>, largest<3>, largest<7>, largest<127>>;
TYPED_TEST_SUITE(uniform_codes_of, largest_codes);

static_assert(direction_law<uniform_codes<1>> && uniform_codes_law<1>::whole_units && !sparse_law<uniform_codes_law<1>>);
static_assert(uniform_codes_law<1>::bits == 1 && uniform_codes_law<3>::bits == 2 && uniform_codes_law<4>::bits == 3);

template <int M>
std::vector<std::int16_t> tile(std::uint64_t first, std::size_t count) {
  std::vector<std::int16_t> z(count, 77);
  uniform_codes<M>{}.law_at(1, 1).fill(some_key, some_parameter, first, z);
  return z;
}

TYPED_TEST(uniform_codes_of, every_half_word_has_its_number_and_the_constants_count_them) {
  constexpr int M = TypeParam::value;
  using integers = distribution::uniform_integers<M>;
  std::vector<int> counts(2 * M + 1);
  double squares = 0;
  for (std::uint32_t half = 0; half < 1u << 16; half += 32) {
    std::uint32_t row[16];
    std::int16_t z[32];
    for (std::uint32_t lane = 0; lane < 16; ++lane) row[lane] = (half + 16 + lane) << 16 | (half + lane);
    distribution::expand<integers>(row, z);
    for (const std::int16_t value : z) {
      ASSERT_LE(std::abs(value), M);
      ++counts[static_cast<std::size_t>(value + M)];
      squares += double{1} * value * value;
    }
  }
  for (int z = -M; z <= M; ++z) {
    EXPECT_EQ(counts[static_cast<std::size_t>(M + z)], counts[static_cast<std::size_t>(M - z)]) << z;
    EXPECT_NEAR(counts[static_cast<std::size_t>(M + z)], 65536.0 / (2 * M + 1), 2) << z;
  }
  const auto law = uniform_codes<M>{}.law_at(1, 1);
  EXPECT_EQ(integers::second_moment, squares / 65536);
  EXPECT_NEAR(integers::second_moment, M * (M + 1) / 3.0, 2e-4 * M * M);
  EXPECT_EQ(law.density(), 1 - counts[static_cast<std::size_t>(M)] / 65536.0);
  EXPECT_NEAR(law.spread() * law.spread(), squares / 65536, 1e-9 * squares);
  EXPECT_NEAR(law.spread() * law.amplitude(), 1, 1e-15);
}

TYPED_TEST(uniform_codes_of, an_element_is_its_half_of_its_word) {
  constexpr int M = TypeParam::value;
  const random_stream source(some_key, some_parameter.id, stream::direction);
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1001}, (std::uint64_t{1} << 40) + 5}) {
    const auto z = tile<M>(first, 300);
    for (std::size_t j = 0; j < z.size(); ++j) {
      const std::uint64_t i = first + j;
      const std::uint32_t half = source.word(i / 32 * 16 + i % 16) >> (i % 32 / 16 * 16) & 0xffff;
      const auto size = static_cast<int>(distribution::uniform_integers<M>::magnitude(half & 0x7fff));
      ASSERT_EQ(z[j], half >> 15 ? -size : size) << i;
    }
  }
}

TYPED_TEST(uniform_codes_of, components_are_uniform_and_uncorrelated) {
  constexpr int M = TypeParam::value;
  const auto z = tile<M>(0, 1 << 16);
  std::vector<std::size_t> counts(2 * M + 1);
  for (const std::int16_t value : z) ++counts[static_cast<std::size_t>(value + M)];
  EXPECT_LT(chi_square_errors(counts), allowed_standard_errors);
  for (const std::size_t lag : {1u, 2u, 15u, 16u, 32u, 64u}) EXPECT_LT(lag_correlation_errors(z, lag), allowed_standard_errors) << lag;
}

}  // namespace
}  // namespace zolt::test
