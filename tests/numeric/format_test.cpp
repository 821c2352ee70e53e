#include <gtest/gtest.h>

#include <string_view>

#include "numeric/codec_checks.hpp"

namespace zolt {
namespace {

float float_of(const test::conversion& c) { return std::bit_cast<float>(c.bits); }

/// One test calls its check for every format, because a test that is a process of its own costs more than a format does.
template <class... Formats>
struct each_of {
  template <class Check>
  static void run(const Check& check) {
    (run_one<Formats>(check), ...);
  }
  template <class Format, class Check>
  static void run_one(const Check& check) {
    static_assert(number_format<Format>);
    SCOPED_TRACE(Format::name);
    check.template operator()<Format>();
  }
};
using unusual = minifloat<4, 3, 11, minifloat_kind::finite>;
/// Those whose range is its own mirror image, and the others.
using symmetric_formats = each_of<int2, int3, int4, int5, int6, int7, int8, mxint8, e4m3fn, e5m2, e4m3fnuz, e5m2fnuz, e4m3b11fnuz, e4m3,
                                  e3m4, e3m2fn, e2m3fn, e2m1fn, unusual, fp4_bnb>;
using lopsided_formats =
    each_of<full_integer<2>, full_integer<3>, full_integer<4>, full_integer<5>, full_integer<6>, full_integer<7>, full_integer<8>, uint2,
            uint3, uint4, unsigned_integer<5>, unsigned_integer<6>, unsigned_integer<7>, uint8, nf4, iq4_nl>;
template <class Check>
void check_all_formats(const Check& check) {
  symmetric_formats::run(check);
  lopsided_formats::run(check);
}

TEST(formats, ordinals_are_the_numbers_in_order_each_once) {
  check_all_formats([]<class Format>() {
    const auto grid = test::grid_of<Format>();
    ASSERT_EQ(static_cast<std::size_t>(Format::highest - Format::lowest + 1), grid.size());
    for (int o = Format::lowest; o <= Format::highest; ++o) {
      const test::grid_number& number = grid[static_cast<std::size_t>(o - Format::lowest)];
      EXPECT_TRUE(test::exact::of(std::bit_cast<std::uint32_t>(Format::value_of(o))) == number.value) << o;
      EXPECT_EQ(Format::code_of(o), number.code) << o;
      EXPECT_EQ(Format::ordinal_of(Format::code_of(o)), o);
    }
    const float zero = Format::value_of(0);
    EXPECT_TRUE(zero == 0 || (std::same_as<Format, iq4_nl> && zero == 1));
    // Zero alone may have two codes.
    int other_codes = 0;
    for (int c = 0; c < 1 << Format::bits; ++c)
      if (const auto b = static_cast<code>(c); Format::has_ordinal(b) && Format::code_of(Format::ordinal_of(b)) != b) {
        EXPECT_EQ(Format::ordinal_of(b), 0) << c;
        ++other_codes;
      }
    const bool has_minus_zero = (Format::name.starts_with('e') && !Format::name.ends_with("fnuz")) || Format::name == "fp4_bnb";
    EXPECT_EQ(other_codes, has_minus_zero ? 1 : 0);
  });
}

TEST(formats, encode_gives_the_ordinal_and_says_whether_it_clamped) {
  check_all_formats([]<class Format>() {
    for (const test::conversion& c : test::conversions_of<Format>()) {
      const encoded result = encode<Format>(float_of(c), nearest_even{});
      const code saturated = encode_code<Format>(float_of(c), nearest_even{});
      ASSERT_EQ(result.clamped, c.beyond) << float_of(c);
      ASSERT_EQ(result.ordinal, Format::ordinal_of(saturated)) << float_of(c);
    }
  });
}

TEST(formats, a_number_of_the_format_never_moves) {
  check_all_formats([]<class Format>() {
    for (int o = Format::lowest; o <= Format::highest; ++o) {
      const float x = Format::value_of(o);
      ASSERT_EQ(locate<Format>(x).below, o);
      ASSERT_EQ(locate<Format>(x).fraction, 0u) << o;
      ASSERT_EQ(encode<Format>(x, nearest_even{}).ordinal, o);
      for (const std::uint32_t word : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu})
        ASSERT_EQ(encode<Format>(x, stochastic_rounding{}, word).ordinal, o) << word;
    }
  });
}

TEST(formats, round_oddly_for_one_word_where_they_are_symmetric) {
  symmetric_formats::run([]<class Format>() {
    std::uint64_t seed = 2;
    for (const test::conversion& c : test::conversions_of<Format>()) {
      const float x = float_of(c), minus_x = std::bit_cast<float>(c.bits ^ 0x80000000);
      ASSERT_EQ(encode<Format>(minus_x, nearest_even{}).ordinal, -encode<Format>(x, nearest_even{}).ordinal) << x;
      const auto chance = static_cast<std::uint32_t>(c.way.fraction >> 32), any = static_cast<std::uint32_t>(test::next_word(seed));
      for (const std::uint32_t word : {0u, chance - 1, chance, any, 0xffffffffu})
        ASSERT_EQ(encode<Format>(minus_x, stochastic_rounding{}, word).ordinal, -encode<Format>(x, stochastic_rounding{}, word).ordinal)
            << x << ", " << word;
    }
  });
}

/// The table of the published formats.
struct parameters {
  std::string_view name;
  float greatest, least_normal, least_subnormal;
  int finite, nan, infinite;
  code greatest_code;
};

template <class Format>
void expect_parameters(const parameters& expected) {
  int finite = 0, nan = 0, infinite = 0;
  for (int c = 0; c < 256 >> (8 - Format::bits); ++c) {
    const auto magnitude = std::bit_cast<std::uint32_t>(decode_code<Format>(static_cast<code>(c))) & 0x7fffffff;
    ++(magnitude < 0x7f800000 ? finite : magnitude == 0x7f800000 ? infinite : nan);
  }
  EXPECT_EQ(Format::name, expected.name);
  EXPECT_EQ(Format::value_of(Format::highest), expected.greatest) << expected.name;
  EXPECT_EQ(Format::code_of(Format::highest), expected.greatest_code) << expected.name;
  EXPECT_EQ(Format::value_of(Format::smallest_normal), expected.least_normal) << expected.name;
  EXPECT_EQ(Format::value_of(1), expected.least_subnormal) << expected.name;
  EXPECT_EQ(finite, expected.finite) << expected.name;
  EXPECT_EQ(nan, expected.nan) << expected.name;
  EXPECT_EQ(infinite, expected.infinite) << expected.name;
}

TEST(minifloats, have_the_published_parameters) {
  expect_parameters<e4m3fn>({"e4m3fn", 448, 0x1p-6f, 0x1p-9f, 254, 2, 0, 0x7e});
  expect_parameters<e5m2>({"e5m2", 57344, 0x1p-14f, 0x1p-16f, 248, 6, 2, 0x7b});
  expect_parameters<e4m3fnuz>({"e4m3fnuz", 240, 0x1p-7f, 0x1p-10f, 255, 1, 0, 0x7f});
  expect_parameters<e5m2fnuz>({"e5m2fnuz", 57344, 0x1p-15f, 0x1p-17f, 255, 1, 0, 0x7f});
  expect_parameters<e4m3b11fnuz>({"e4m3b11fnuz", 30, 0x1p-10f, 0x1p-13f, 255, 1, 0, 0x7f});
  expect_parameters<e4m3>({"e4m3", 240, 0x1p-6f, 0x1p-9f, 240, 14, 2, 0x77});
  expect_parameters<e3m4>({"e3m4", 15.5f, 0.25f, 0x1p-6f, 224, 30, 2, 0x6f});
  expect_parameters<e3m2fn>({"e3m2fn", 28, 0.25f, 0x1p-4f, 64, 0, 0, 0x1f});
  expect_parameters<e2m3fn>({"e2m3fn", 7.5f, 1, 0.125f, 64, 0, 0, 0x1f});
  expect_parameters<e2m1fn>({"e2m1fn", 6, 1, 0.5f, 16, 0, 0, 0x07});
}

TEST(integers, have_the_usual_ranges_and_names) {
  EXPECT_EQ(int4::lowest, -7);
  EXPECT_EQ(full_integer<4>::lowest, -8);
  EXPECT_EQ(full_integer<4>::highest, 7);
  EXPECT_EQ(uint4::lowest, 0);
  EXPECT_EQ(uint4::highest, 15);
  EXPECT_EQ(mxint8::value_of(mxint8::highest), 1.984375f);
  EXPECT_EQ(mxint8::value_of(mxint8::lowest), -1.984375f);
  EXPECT_EQ(int4::name, "int4");
  EXPECT_EQ(full_integer<4>::name, "int4_full");
  EXPECT_EQ(uint4::name, "uint4");
  EXPECT_EQ(mxint8::name, "mxint8");
  EXPECT_EQ((integer<8, integer_range::full, 6>::name), "fixed8_full");
}

}  // namespace
}  // namespace zolt
