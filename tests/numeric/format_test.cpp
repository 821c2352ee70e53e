#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <string_view>

#include "support/number_model.hpp"
#include "support/weights.hpp"

namespace zolt {
namespace {

template <class Format>
class formats : public testing::Test {
 public:
  const std::vector<test::grid_point> grid = test::grid_of<Format>();
  const std::vector<float> critical = test::critical_floats(grid);

  static double value(int ordinal) { return Format::value_of(ordinal); }
  static int nearest(float x) { return encode<Format>(x, nearest_even{}).ordinal; }
  static int stochastic(float x, std::uint32_t word) { return encode<Format>(x, stochastic_rounding{}, word).ordinal; }

  /// Floats strictly between neighbours of the grid: near both ends, near and on the tie, and elsewhere.
  std::vector<float> floats_between() const {
    std::vector<float> all;
    for (std::size_t i = 1; i < grid.size(); ++i)
      for (const double share : {0.0, 0x1p-20, 0.1, 1.0 / 3, 0.5, 0.77, 1 - 0x1p-15, 1.0}) {
        const auto low = static_cast<float>(grid[i - 1].value), high = static_cast<float>(grid[i].value);
        auto x = static_cast<float>(low + share * (high - low));
        if (x <= low) x = std::nextafterf(low, high);
        if (x >= high) x = std::nextafterf(high, low);
        all.push_back(x);
      }
    return all;
  }
};
using all_formats = testing::Types<integer<2>, integer<3>, int4, integer<5>, integer<6>, integer<7>, int8, e4m3fn, e5m2,
                                   minifloat<2, 1, 1, minifloat_kind::finite>, minifloat<2, 3, 1, minifloat_kind::finite>,
                                   minifloat<3, 2, 3, minifloat_kind::finite>, minifloat<3, 4, 3, minifloat_kind::ieee>,
                                   minifloat<4, 3, 7, minifloat_kind::ieee>, minifloat<4, 3, 11, minifloat_kind::finite>>;
TYPED_TEST_SUITE(formats, all_formats);

TYPED_TEST(formats, every_code_has_the_value_of_the_definition) {
  for (int c = 0; c < 1 << TypeParam::bits; ++c) {
    const auto expected = test::definition<TypeParam>::value(c);
    ASSERT_EQ(TypeParam::has_ordinal(static_cast<code>(c)), expected.has_value()) << c;
    if (expected) {
      EXPECT_EQ(this->value(TypeParam::ordinal_of(static_cast<code>(c))), *expected) << c;
    }
  }
}

TYPED_TEST(formats, ordinals_are_the_numbers_in_order) {
  ASSERT_EQ(static_cast<std::size_t>(TypeParam::highest - TypeParam::lowest + 1), this->grid.size());
  for (int o = TypeParam::lowest; o <= TypeParam::highest; ++o)
    EXPECT_EQ(this->value(o), this->grid[static_cast<std::size_t>(o - TypeParam::lowest)].value) << o;
  EXPECT_EQ(TypeParam::value_of(0), 0.0f);
}

TYPED_TEST(formats, code_of_is_the_canonical_inverse) {
  for (int o = TypeParam::lowest; o <= TypeParam::highest; ++o) {
    const code c = TypeParam::code_of(o);
    EXPECT_LT(c, 1 << TypeParam::bits) << "a code stands in the low bits of its byte";
    EXPECT_TRUE(TypeParam::has_ordinal(c)) << o;
    EXPECT_EQ(TypeParam::ordinal_of(c), o);
  }
  int other_codes = 0;  // those with the ordinal of another code
  for (int c = 0; c < 1 << TypeParam::bits; ++c)
    if (const auto b = static_cast<code>(c); TypeParam::has_ordinal(b) && TypeParam::code_of(TypeParam::ordinal_of(b)) != b) {
      EXPECT_EQ(TypeParam::ordinal_of(b), 0) << c;
      ++other_codes;
    }
  EXPECT_EQ(other_codes, TypeParam::name.starts_with("int") ? 0 : 1) << "−0 is the only number with two codes";
}

TYPED_TEST(formats, nearest_is_that_of_the_exact_model) {
  for (const float x : this->critical) {
    EXPECT_EQ(this->value(this->nearest(x)), test::nearest_of(this->grid, x)) << std::hexfloat << x;
    EXPECT_EQ(encode<TypeParam>(x, nearest_even{}).clamped, std::fabs(x) > this->grid.back().value) << x;
  }
}

TYPED_TEST(formats, nearest_of_random_floats_is_that_of_the_exact_model) {
  test::draws random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    const float inside = random.real(this->grid.front().value, this->grid.back().value), any = std::bit_cast<float>(random.word());
    ASSERT_EQ(this->value(this->nearest(inside)), test::nearest_of(this->grid, inside)) << inside;
    if (std::isfinite(any)) {
      ASSERT_EQ(this->value(this->nearest(any)), test::nearest_of(this->grid, any)) << any;
    }
  }
}

// x goes to the neighbour farther from zero for the words below fraction · 2³², and for no other: the switch is found by bisection.
TYPED_TEST(formats, stochastic_rounding_switches_at_the_exact_probability) {
  for (const float x : this->floats_between()) {
    const auto [near, far, share] = test::neighbours_of(this->grid, x);
    std::uint64_t low = 0, high = std::uint64_t{1} << 32;  // the first word that stays near
    while (low < high) {
      const std::uint64_t middle = (low + high) / 2;
      const double landed = this->value(this->stochastic(x, static_cast<std::uint32_t>(middle)));
      ASSERT_TRUE(landed == near.value || landed == far.value) << x;
      if (landed == near.value)
        high = middle;
      else
        low = middle + 1;
    }
    ASSERT_EQ(low, static_cast<std::uint64_t>(share * 0x1p32)) << std::hexfloat << x;
  }
}

TYPED_TEST(formats, rounding_is_odd_for_one_word) {
  test::draws random(2);
  auto floats = this->floats_between();
  floats.insert(floats.end(), this->critical.begin(), this->critical.end());
  for (const float x : floats) {
    EXPECT_EQ(this->nearest(-x), -this->nearest(x)) << x;
    for (const std::uint32_t word : {0u, random.word(), random.word(), 0xffffffffu})
      ASSERT_EQ(this->stochastic(-x, word), -this->stochastic(x, word)) << x << ", " << word;
  }
}

TYPED_TEST(formats, a_grid_point_never_moves) {
  for (int o = TypeParam::lowest; o <= TypeParam::highest; ++o) {
    EXPECT_EQ(this->nearest(TypeParam::value_of(o)), o);
    for (const std::uint32_t word : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu})
      EXPECT_EQ(this->stochastic(TypeParam::value_of(o), word), o);
  }
  for (const std::uint32_t word : {0u, 0xffffffffu}) EXPECT_EQ(this->stochastic(-0.0f, word), 0);
}

// Over words in equal steps the mean is exact to one step of the gap: no statistical error is left.
TYPED_TEST(formats, stochastic_rounding_is_unbiased) {
  constexpr std::uint32_t strata = 1024;
  for (const float x : this->floats_between()) {
    const auto [near, far, share] = test::neighbours_of(this->grid, x);
    double sum = 0;
    for (std::uint32_t k = 0; k < strata; ++k) sum += this->value(this->stochastic(x, (2 * k + 1) << 21));
    ASSERT_NEAR(sum / strata, x, std::fabs(far.value - near.value) / strata) << x;
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

TYPED_TEST(formats, bisection_finds_the_position_that_the_format_knows) {
  auto floats = this->floats_between();
  floats.insert(floats.end(), this->critical.begin(), this->critical.end());
  for (const float x : floats) {
    if (std::fabs(x) > this->grid.back().value) continue;
    const grid_position own = locate<TypeParam>(x), found = locate<without_locate<TypeParam>>(x);
    if (own.fraction != 0) {
      ASSERT_EQ(found.below, own.below) << std::hexfloat << x;
      ASSERT_EQ(found.away, own.away) << x;
      ASSERT_EQ(found.fraction, own.fraction >> 11 << 11) << "53 bits of it";
    } else {
      ASSERT_EQ(found.fraction, 0u) << std::hexfloat << x;
      ASSERT_EQ(found.below, own.below) << x;
    }
  }
}

/// Sixteen numbers in no regular distance, with or without a mirror image.
template <bool Symmetric>
struct codebook {
  static constexpr std::string_view name = "codebook";
  static constexpr int bits = 4, lowest = -7, highest = Symmetric ? 7 : 8;
  static constexpr std::array<float, 9> positive = {0, 0.0796f, 0.1609f, 0.2461f, 0.3379f, 0.4407f, 0.5626f, 0.7230f, 1.0f};
  static constexpr std::array<float, 8> negative = {0, 0.0911f, 0.1848f, 0.2844f, 0.3949f, 0.5251f, 0.6962f, 1.0f};
  static constexpr bool has_ordinal(code c) { return c != 0 || !Symmetric; }
  static constexpr int ordinal_of(code c) { return c - 7 - Symmetric; }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal + 7 + Symmetric); }
  static constexpr float value_of(int ordinal) {
    const auto i = static_cast<std::size_t>(ordinal < 0 ? -ordinal : ordinal);
    return ordinal >= 0 ? positive[i] : Symmetric ? -positive[i] : -negative[i];
  }
};

TEST(codebook, bisection_places_a_float_between_its_neighbours) {
  using format = codebook<false>;
  test::draws random(3);
  for (int trial = 0; trial < 50000; ++trial) {
    const float x = random.real(-1, 1);
    const grid_position at = locate<format>(x);
    ASSERT_EQ(at.away, x < 0 ? -1 : 1);
    const double from = format::value_of(at.below), to = at.fraction == 0 ? from : format::value_of(at.below + at.away);
    ASSERT_GE(std::fabs(x), std::fabs(from));
    // The fraction has 53 bits and two roundings.
    ASSERT_NEAR(from + static_cast<double>(at.fraction) * 0x1p-64 * (to - from), x, 4 * 0x1p-53);
  }
}

TEST(codebook, grid_points_and_range_ends_are_found) {
  using format = codebook<false>;
  for (int o = format::lowest; o <= format::highest; ++o)
    for (const std::uint32_t word : {0u, 0xffffffffu})
      EXPECT_EQ((encode<format>(format::value_of(o), stochastic_rounding{}, word).ordinal), o);
  EXPECT_EQ((encode<format>(1.1f, nearest_even{}).ordinal), 8);
  EXPECT_EQ((encode<format>(-1.1f, nearest_even{}).ordinal), -7);
  EXPECT_TRUE((encode<format>(-1.1f, nearest_even{}).clamped));
}

TEST(codebook, bisection_is_odd_to_the_last_bit) {
  using format = codebook<true>;
  test::draws random(4);
  for (int trial = 0; trial < 50000; ++trial) {
    const float x = random.real(0, 0.723);
    const grid_position plus = locate<format>(x), minus = locate<format>(-x);
    ASSERT_EQ(minus.below, -plus.below) << x;
    ASSERT_EQ(minus.fraction, plus.fraction) << x;
  }
}

}  // namespace
}  // namespace zolt
