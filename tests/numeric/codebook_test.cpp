#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>

#include "zolt/numeric/codebook.hpp"

namespace zolt {
namespace {

template <class Format>
int nearest_code(float x) {
  return encode_code<Format>(x, nearest_even{});
}
constexpr float infinity = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();

// The floats nearest to the means of neighbouring values, a tie of two floats going to the even one.
TEST(nf4, has_float_midpoints_as_boundaries_that_belong_to_the_lower_value) {
  constexpr std::array<float, 15> boundaries = {-0x1.b239b0p-1f, -0x1.38a4e0p-1f, -0x1.d70900p-2f, -0x1.5bd4ecp-2f, -0x1.e079d8p-3f,
                                                -0x1.1a7178p-3f, -0x1.74f0e2p-5f, 0x1.45f5fep-5f,  0x1.ec90c4p-4f,  0x1.a0cfc0p-3f,
                                                0x1.2b05a8p-2f,  0x1.8ea7f2p-2f,  0x1.00da08p-1f,  0x1.491b5ep-1f,  0x1.b913b4p-1f};
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    const int below = static_cast<int>(i);
    EXPECT_EQ(nearest_code<nf4>(std::nextafterf(boundaries[i], -2)), below);
    EXPECT_EQ(nearest_code<nf4>(boundaries[i]), below);
    EXPECT_EQ(nearest_code<nf4>(std::nextafterf(boundaries[i], 2)), below + 1);
  }
}

TEST(fp4_bnb, has_the_published_boundaries_that_belong_to_the_smaller_magnitude) {
  constexpr std::array<float, 7> boundaries = {0.00260417f, 0.0859375f, 0.20833333f, 0.29166667f, 0.4166667f, 0.583333f, 0.8333333f};
  constexpr std::array<int, 8> codes = {0, 1, 6, 7, 4, 5, 2, 3};
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    EXPECT_EQ(nearest_code<fp4_bnb>(std::nextafterf(boundaries[i], 0)), codes[i]);
    EXPECT_EQ(nearest_code<fp4_bnb>(boundaries[i]), codes[i]);
    EXPECT_EQ(nearest_code<fp4_bnb>(std::nextafterf(boundaries[i], 2)), codes[i + 1]);
    EXPECT_EQ(nearest_code<fp4_bnb>(-boundaries[i]), i == 0 ? 0 : codes[i] | 8) << "zero has one code in use";
    EXPECT_EQ(nearest_code<fp4_bnb>(std::nextafterf(-boundaries[i], -2)), codes[i + 1] | 8);
  }
}

TEST(codebooks, put_everything_beyond_the_range_to_its_end) {
  EXPECT_EQ(nearest_code<nf4>(2), 15);
  EXPECT_EQ(nearest_code<nf4>(-infinity), 0);
  EXPECT_EQ(nearest_code<fp4_bnb>(infinity), 3);
  EXPECT_EQ(nearest_code<fp4_bnb>(-2), 11);
  EXPECT_EQ(nearest_code<iq4_nl>(infinity), 15);
  EXPECT_EQ(nearest_code<iq4_nl>(-1000), 0);
  for (const float nan : {not_a_number, -not_a_number}) {
    EXPECT_EQ(nearest_code<nf4>(nan), 15) << "no code is NaN, so it is the largest number";
    EXPECT_EQ(nearest_code<fp4_bnb>(nan), 3);
    EXPECT_EQ(nearest_code<iq4_nl>(nan), 15);
  }
}

/// In no order, with a value twice and two codes out of use.
struct untidy_table {
  static constexpr std::string_view name = "untidy";
  static constexpr std::array<float, 8> values = {2.0f, -1.0f, not_a_number, 0.5f, 2.0f, -4.0f, not_a_number, -0.25f};
};
using untidy = codebook<untidy_table>;

TEST(codebooks, sort_their_table) {
  EXPECT_EQ(untidy::name, "untidy");
  EXPECT_EQ(untidy::bits, 3);
  ASSERT_EQ(untidy::lowest, -3);
  ASSERT_EQ(untidy::highest, 1);
  constexpr std::array<float, 5> ascending = {-4, -1, -0.25f, 0.5f, 2};
  constexpr std::array<int, 5> codes = {5, 1, 7, 3, 0};
  for (int o = -3; o <= 1; ++o) {
    EXPECT_EQ(untidy::value_of(o), ascending[static_cast<std::size_t>(o + 3)]);
    EXPECT_EQ(untidy::code_of(o), codes[static_cast<std::size_t>(o + 3)]);
    EXPECT_EQ(untidy::ordinal_of(untidy::code_of(o)), o);
  }
}

TEST(codebooks, share_an_ordinal_between_equal_values_and_have_codes_out_of_use) {
  EXPECT_TRUE(untidy::has_ordinal(4));
  EXPECT_EQ(untidy::ordinal_of(4), untidy::ordinal_of(0));
  EXPECT_EQ(untidy::code_of(untidy::ordinal_of(4)), 0) << "the first of them";
  EXPECT_EQ(decode_code<untidy>(4), 2);
  for (const code unused : {code{2}, code{6}}) {
    EXPECT_FALSE(untidy::has_ordinal(unused));
    EXPECT_TRUE(std::isnan(decode_code<untidy>(unused)));
  }
}

TEST(codebooks, split_a_gap_at_its_mean_which_belongs_to_the_lower_value) {
  EXPECT_EQ(nearest_code<untidy>(1.25f), 3);
  EXPECT_EQ(nearest_code<untidy>(std::nextafterf(1.25f, 2)), 0);
  EXPECT_EQ(nearest_code<untidy>(-2.5f), 5);
  EXPECT_EQ(nearest_code<untidy>(std::nextafterf(-2.5f, 0)), 1);
}

}  // namespace
}  // namespace zolt
