#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/sparse.hpp"

namespace zolt {
namespace {

constexpr direction_key some_key{.run = 42, .step = 5, .query = 1};
constexpr parameter_info some_parameter{.id = 99, .shape = {64, 512}};

template <class Policy>
class directions : public testing::Test {
 public:
  static auto law() { return Policy{}.law_at(0.5, 1); }
  static std::vector<std::int16_t> tile(std::uint64_t first, std::size_t count, const direction_key& key = some_key,
                                        const parameter_info& info = some_parameter) {
    std::vector<std::int16_t> z(count, 77);
    law().fill(key, info, first, z);
    return z;
  }
};
using all_directions = testing::Types<rademacher, gaussian, block_gaussian, uniform, sparse_rademacher>;
TYPED_TEST_SUITE(directions, all_directions);

TYPED_TEST(directions, a_component_depends_on_no_range_and_no_order) {
  constexpr std::size_t size = 20000;
  const auto whole = this->tile(0, size);
  test::draws random(1);
  std::vector<std::int16_t> pieces(size, 77);
  std::vector<std::size_t> cuts = {0, size};
  for (int i = 0; i < 60; ++i) cuts.push_back(random.below(size));
  std::sort(cuts.begin(), cuts.end());
  for (std::size_t i = cuts.size(); i-- > 1;) {  // from the last piece to the first
    const auto piece = this->tile(cuts[i - 1], cuts[i] - cuts[i - 1]);
    std::copy(piece.begin(), piece.end(), pieces.begin() + static_cast<std::ptrdiff_t>(cuts[i - 1]));
  }
  EXPECT_EQ(pieces, whole);
}

TYPED_TEST(directions, key_and_identity_matter_and_the_shape_does_not) {
  const auto z = this->tile(0, 4096);
  const auto with_id = [](std::uint64_t id, shape s) { return parameter_info{id, s}; };
  EXPECT_EQ(this->tile(0, 4096, some_key, with_id(99, {1, 32768})), z);
  EXPECT_NE(this->tile(0, 4096, some_key, with_id(98, {64, 512})), z);
  EXPECT_NE(this->tile(0, 4096, {43, 5, 1}), z);
  EXPECT_NE(this->tile(0, 4096, {42, 6, 1}), z);
  EXPECT_NE(this->tile(0, 4096, {42, 5, 2}), z);
}

TYPED_TEST(directions, a_law_comes_back_from_its_record) {
  const auto law = this->law(), back = TypeParam{}.law_of(law.record());
  EXPECT_EQ(back.record(), law.record());
  EXPECT_EQ(back.density(), law.density());
  std::vector<std::int16_t> z(4096);
  back.fill(some_key, some_parameter, 0, z);
  EXPECT_EQ(z, this->tile(0, 4096));
}

TYPED_TEST(directions, moments_and_density_are_those_of_the_law) {
  constexpr std::size_t size = 1 << 20;
  const auto law = this->law();
  double sum = 0, squares = 0, fourths = 0, touched = 0;
  int largest = 0;
  for (const std::int16_t z : this->tile(0, size)) {
    const double square = double{1} * z * z;
    sum += z, squares += square, fourths += square * square, touched += z != 0;
    largest = std::max(largest, std::abs(z));
  }
  const double second = 1 / (law.amplitude() * law.amplitude()), variance_of_square = fourths / size - std::pow(squares / size, 2);
  EXPECT_LT(test::standard_errors(sum, 0, size * second), test::allowed_standard_errors);
  EXPECT_LE(std::fabs(squares - size * second), test::allowed_standard_errors * std::sqrt(size * variance_of_square) + 1e-9 * squares);
  EXPECT_LT(largest, 1 << law.bits);
  if (law.bits > 1 && law.bits < 12) return;  // gaussian: a few of its components are zero, and count as touched
  EXPECT_LE(std::fabs(touched - size * law.density()),
            test::allowed_standard_errors * std::sqrt(size * law.density() * (1 - law.density())));
}

TYPED_TEST(directions, queries_are_uncorrelated) {
  constexpr std::size_t size = 1 << 18;
  const auto first = this->tile(0, size), second = this->tile(0, size, {42, 5, 2});
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double product = double{1} * first[i] * second[i];
    sum += product, squares += product * product;
  }
  EXPECT_LT(test::standard_errors(sum, 0, squares), test::allowed_standard_errors);
}

}  // namespace
}  // namespace zolt
