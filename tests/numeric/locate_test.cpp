#include <gtest/gtest.h>

#include <array>
#include <cfloat>
#include <string_view>

#include "numeric/codec_checks.hpp"

namespace zolt {
namespace {

/// Powers of two with a sign, and zero: a format that says nothing but its values.
struct logarithmic {
  static constexpr std::string_view name = "logarithmic";
  static constexpr int bits = 4, lowest = -7, highest = 7;
  static constexpr bool has_ordinal(code c) { return c != 8; }
  static constexpr int ordinal_of(code c) { return c > 8 ? 8 - c : c; }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal < 0 ? 8 - ordinal : ordinal); }
  static constexpr float value_of(int ordinal) {
    const auto exponent = static_cast<std::uint32_t>(120 + (ordinal < 0 ? -ordinal : ordinal));
    return ordinal == 0 ? 0 : std::bit_cast<float>((ordinal < 0 ? 0x80000000u : 0u) | exponent << 23);
  }
};
struct two_signs_table {
  static constexpr std::string_view name = "two_signs";
  static constexpr std::array<float, 4> values = {-3, -1, 1, 3};
};
using two_signs = codebook<two_signs_table>;  // zero lies half way between two values
struct lopsided_table {
  static constexpr std::string_view name = "lopsided";
  static constexpr std::array<float, 2> values = {-0.75f, 100.3f};
};
using lopsided = codebook<lopsided_table>;

}  // namespace

template <class Table>
struct listed_definition {
  static constexpr bool overflows = false;
  static test::meaning of(int c) { return test::listed_values<Table::values.size()>{Table::values}.of(c); }
};
template <>
struct test::definition<two_signs> : listed_definition<two_signs_table> {};
template <>
struct test::definition<lopsided> : listed_definition<lopsided_table> {};
template <>
struct test::definition<logarithmic> {
  static constexpr bool overflows = false;
  static test::meaning of(int c) {
    if (c == 8) return {};
    const test::exact magnitude = c % 8 == 0 ? test::exact() : test::exact(1, c % 8 - 7);
    return {test::meaning::number, c > 8, c > 8 ? -magnitude : magnitude};
  }
};

namespace {

/// Where the model has a float: the values of both neighbours, and how far it is from the first.
template <class Format>
struct place {
  test::exact near, far;
  test::share way;

  explicit place(const test::conversion& c)
      : near(test::definition<Format>::of(c.near).value), far(test::definition<Format>::of(c.far).value), way(c.way) {}
};

test::exact exact_value(float x) { return test::exact::of(std::bit_cast<std::uint32_t>(x)); }
int exponent_of(float x) { return float_parts(x).exponent; }

template <class Format>
class tables : public testing::Test {};
using all_tables = testing::Types<nf4, fp4_bnb, iq4_nl, logarithmic, two_signs, lopsided>;
TYPED_TEST_SUITE(tables, all_tables);

TYPED_TEST(tables, a_float_lies_where_the_exact_model_has_it) {
  for (const test::conversion& c : test::conversions_of<TypeParam>()) {
    if (c.beyond) continue;
    const place<TypeParam> expected(c);
    const float x = std::bit_cast<float>(c.bits);
    const grid_position at = locate<TypeParam>(x);
    ASSERT_TRUE(exact_value(TypeParam::value_of(at.below)) == expected.near) << std::hexfloat << x;
    if (expected.way.fraction == 0 && expected.way.whole) {
      ASSERT_EQ(at.fraction, 0u) << std::hexfloat << x;
      continue;
    }
    const float far = TypeParam::value_of(at.below + at.away);
    ASSERT_TRUE(exact_value(far) == expected.far) << std::hexfloat << x;
    const std::uint64_t fraction = expected.way.fraction | !expected.way.whole;
    if (exponent_of(far) - exponent_of(x) <= 32 || exact_value(x) == test::exact()) {
      ASSERT_EQ(at.fraction, fraction) << std::hexfloat << x;
    } else {  // bits of x are lost: 2^−55 of the far value, and the last bit tells of them
      ASSERT_LE(fraction - (at.fraction & ~std::uint64_t{1}), 1024u) << std::hexfloat << x;
      ASSERT_TRUE(expected.way.whole || at.fraction % 2 != 0) << std::hexfloat << x;
    }
  }
}

template <class Format>
class mirrored_tables : public testing::Test {};
using all_mirrored_tables = testing::Types<fp4_bnb, logarithmic, two_signs>;
TYPED_TEST_SUITE(mirrored_tables, all_mirrored_tables);

TYPED_TEST(mirrored_tables, the_place_of_minus_x_is_the_mirror_image_to_the_last_bit) {
  for (const test::conversion& c : test::conversions_of<TypeParam>()) {
    if (c.beyond) continue;
    const float x = std::bit_cast<float>(c.bits), minus_x = std::bit_cast<float>(c.bits ^ 0x80000000);
    const grid_position plus = locate<TypeParam>(x), minus = locate<TypeParam>(minus_x);
    ASSERT_EQ(TypeParam::value_of(minus.below), -TypeParam::value_of(plus.below)) << std::hexfloat << x;
    ASSERT_EQ(minus.fraction, plus.fraction) << std::hexfloat << x;
    if (plus.fraction != 0) {
      ASSERT_EQ(minus.away, -plus.away) << std::hexfloat << x;
    }
  }
}

/// A format that leaves it to the bisection where a float lies.
template <class Format>
struct without_locate {
  static constexpr std::string_view name = "without_locate";
  static constexpr int bits = Format::bits, lowest = Format::lowest, highest = Format::highest;
  static constexpr bool has_ordinal(code c) { return Format::has_ordinal(c); }
  static constexpr int ordinal_of(code c) { return Format::ordinal_of(c); }
  static constexpr code code_of(int ordinal) { return Format::code_of(ordinal); }
  static constexpr float value_of(int ordinal) { return Format::value_of(ordinal); }
};

template <class Format>
void expect_the_place_that_bisection_finds() {
  for (const test::conversion& c : test::conversions_of<Format>()) {
    const float x = std::bit_cast<float>(c.bits);
    if (c.beyond || exponent_of(Format::value_of(1)) - exponent_of(x) > 32) continue;
    const grid_position own = locate<Format>(x), found = locate<without_locate<Format>>(x);
    ASSERT_EQ(found.below, own.below) << Format::name << std::hexfloat << ' ' << x;
    ASSERT_EQ(found.fraction, own.fraction) << Format::name << std::hexfloat << ' ' << x;
    if (own.fraction != 0) {
      ASSERT_EQ(found.away, own.away) << Format::name << std::hexfloat << ' ' << x;
    }
  }
}

TEST(tables_of_two_signs, have_names) {
  EXPECT_EQ(two_signs::name, "two_signs");
  EXPECT_EQ(lopsided::name, "lopsided");
}

TEST(locate, gives_the_place_that_bisection_finds) {
  expect_the_place_that_bisection_finds<int3>();
  expect_the_place_that_bisection_finds<int8>();
  expect_the_place_that_bisection_finds<full_integer<4>>();
  expect_the_place_that_bisection_finds<uint4>();
  expect_the_place_that_bisection_finds<mxint8>();
  expect_the_place_that_bisection_finds<e4m3fn>();
  expect_the_place_that_bisection_finds<e5m2fnuz>();
  expect_the_place_that_bisection_finds<e3m4>();
  expect_the_place_that_bisection_finds<e2m1fn>();
}

TEST(locate_between, keeps_to_its_ends) {
  EXPECT_EQ(locate_between(3, 1.0f, 2.0f, 1.0f), (grid_position{3, 1, 0}));
  EXPECT_EQ(locate_between(3, 1.0f, 2.0f, 2.0f), (grid_position{4, 1, 0}));
  EXPECT_EQ(locate_between(3, 1.0f, 2.0f, 5.0f), (grid_position{4, 1, 0}));
  EXPECT_EQ(locate_between(3, 1.0f, 2.0f, -5.0f), (grid_position{3, 1, 0}));
  EXPECT_EQ(locate_between(0, 0.0f, FLT_TRUE_MIN, -0.0f), (grid_position{0, 1, 0}));
}

TEST(locate_between, divides_the_largest_and_the_smallest_gaps) {
  const std::uint64_t quarter = std::uint64_t{1} << 62;
  EXPECT_EQ(locate_between(0, 0.0f, 4 * FLT_TRUE_MIN, FLT_TRUE_MIN), (grid_position{0, 1, quarter}));
  EXPECT_EQ(locate_between(0, -0x1p127f, 0x1p127f, 0x1p126f), (grid_position{1, -1, quarter}));
  EXPECT_EQ(locate_between(0, -0x1p127f, 0x1p127f, -0x1p126f), (grid_position{0, 1, quarter}));
  const std::uint64_t nearly_half = locate_between(0, -FLT_MAX, FLT_MAX, FLT_TRUE_MIN).fraction;
  EXPECT_LT(nearly_half, 2 * quarter);
  EXPECT_GT(nearly_half, 2 * quarter - 1024);
}

}  // namespace
}  // namespace zolt
