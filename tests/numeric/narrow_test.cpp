#include "zolt/numeric/narrow.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "zolt/numeric/half.hpp"

namespace zolt {
namespace {

static_assert(narrow_format<binary16> && narrow_format<bfloat16> && narrow_format<fixed16>);

constexpr double infinite = std::numeric_limits<double>::infinity();

/// What a word means, by the definition of its format in double.
double defined(const binary16&, int word) {
  const int magnitude = word & 0x7fff, mantissa = magnitude % 1024, exponent = magnitude / 1024;
  const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return word & 0x8000 ? -size : size;
}
double defined(const bfloat16&, int word) {
  const int magnitude = word & 0x7fff, mantissa = magnitude % 128, exponent = magnitude / 128;
  const double size = exponent == 0 ? std::ldexp(mantissa, -133) : std::ldexp(128 + mantissa, exponent - 134);
  return word & 0x8000 ? -size : size;
}
double defined(const fixed16& f, int word) { return static_cast<float>((word < 0x8000 ? word : word - 0x10000) * double{f.scale}); }

/// f(format) for the formats, fixed point with scales whose multiples are exact, rounded, and subnormal.
template <class F>
void for_each_format(F&& f) {
  f(binary16{}), f(bfloat16{});
  for (const float scale : {0x1p-12f, 1.0f / 3, 0.0007f, 1e-43f, 1e33f}) f(fixed16{scale});
}
template <class Format>
double at(const Format& f, int ordinal) {
  return f.value_of(Format::word_of(ordinal, false));
}

TEST(narrow_format, every_word_has_the_value_of_the_definition_and_returns_from_it) {
  for_each_format([]<class Format>(const Format& f) {
    SCOPED_TRACE(text_of(f));
    int numbers = 0;
    for (int w = 0; w < 0x10000; ++w) {
      const auto word = static_cast<std::uint16_t>(w);
      const double value = f.value_of(word);
      if (!std::isfinite(value)) continue;
      ++numbers;
      ASSERT_EQ(value, defined(f, w)) << w;
      const encoded_word nearest = encode_word(f, value, nearest_even{});
      ASSERT_TRUE(nearest.word == word && !nearest.clamped) << w;
      ASSERT_EQ(encode_word(f, value, stochastic_rounding{}, 0).word, word) << w << ": a number never moves";
      ASSERT_EQ(Format::word_of(Format::ordinal_of(word), std::signbit(value)), word);
    }
    EXPECT_EQ(numbers, Format::highest - Format::lowest + 1 + (Format::word_of(0, true) != 0));
  });
}

// The nearest number, a tie to the even word, checked on both sides of every midpoint by comparisons in double.
TEST(narrow_format, nearest_is_the_nearest_number_and_a_tie_goes_to_the_even_one) {
  for_each_format([]<class Format>(const Format& f) {
    SCOPED_TRACE(text_of(f));
    for (int ordinal = Format::lowest; ordinal < Format::highest; ++ordinal) {
      const double low = at(f, ordinal), high = at(f, ordinal + 1), tie = (low + high) / 2;  // exact: both are floats, and neighbours
      ASSERT_LT(low, high);
      const auto ordinal_at = [&](double x) { return Format::ordinal_of(encode_word(f, x, nearest_even{}).word); };
      ASSERT_EQ(ordinal_at(tie), ordinal + (ordinal & 1)) << ordinal;
      ASSERT_EQ(ordinal_at(tie + (low - tie) * 0x1p-30), ordinal);
      ASSERT_EQ(ordinal_at(tie + (high - tie) * 0x1p-30), ordinal + 1);
    }
  });
}

TEST(narrow_format, binary16_agrees_with_half_wherever_half_is_finite) {
  for (std::uint32_t u = 0; u < 0xff000000u; u += 40009) {
    const auto x = std::bit_cast<float>(u);
    const half reference = half::from(x);
    if (!std::isfinite(reference.value())) continue;
    ASSERT_EQ(encode_word(binary16{}, x, nearest_even{}).word, reference.bits) << u;
  }
}

// P(away) = fraction to 2⁻³²: the comparison turns at the random word that the fraction's first 32 bits are.
TEST(narrow_format, stochastic_rounding_is_exact_in_probability) {
  for_each_format([]<class Format>(const Format& f) {
    SCOPED_TRACE(text_of(f));
    for (int ordinal = Format::lowest; ordinal < Format::highest; ordinal += 1 + (ordinal & 15)) {
      const double low = at(f, ordinal), high = at(f, ordinal + 1);
      for (const double part : {0x1p-32, 0.25, 0x1p-1, 0.75, 1 - 0x1p-20, 3 * 0x1p-11}) {
        const double x = low + (high - low) * part;  // exact where the step is a power of two
        const double fraction = (x - low) / (high - low), away = ordinal >= 0 ? fraction : 1 - fraction;
        const auto threshold = static_cast<std::uint64_t>(away * 0x1p32);
        const int near = ordinal >= 0 ? ordinal : ordinal + 1, far = ordinal >= 0 ? ordinal + 1 : ordinal;
        const auto lands = [&](std::uint64_t word) {
          return Format::ordinal_of(encode_word(f, x, stochastic_rounding{}, static_cast<std::uint32_t>(word)).word);
        };
        if (threshold > 1) {
          ASSERT_EQ(lands(threshold - 2), far) << ordinal << " + " << part;
        }
        if (threshold < 0xfffffffe) {
          ASSERT_EQ(lands(threshold + 1), near) << ordinal << " + " << part;
        }
      }
    }
  });
}

TEST(narrow_format, what_lies_beyond_the_range_goes_to_its_end_and_is_counted) {
  for_each_format([]<class Format>(const Format& f) {
    SCOPED_TRACE(text_of(f));
    const double top = at(f, Format::highest), bottom = at(f, Format::lowest), step = top - at(f, Format::highest - 1);
    for (const double x : {top + step, 2 * top, 1e300, infinite}) {
      const encoded_word e = encode_word(f, x, nearest_even{});
      EXPECT_TRUE(e.clamped && f.value_of(e.word) == static_cast<float>(top)) << x;
    }
    for (const double x : {bottom - step, 3 * bottom, -1e300, -infinite}) {
      const encoded_word e = encode_word(f, x, stochastic_rounding{}, 77);
      EXPECT_TRUE(e.clamped && f.value_of(e.word) == static_cast<float>(bottom)) << x;
    }
    EXPECT_FALSE(encode_word(f, top + step / 4, nearest_even{}).clamped);
  });
}

TEST(narrow_format, smallest_numbers_round_to_a_zero_of_their_sign) {
  EXPECT_EQ(encode_word(binary16{}, 0x1p-25, nearest_even{}).word, 0);
  EXPECT_EQ(encode_word(binary16{}, -0x1p-25, nearest_even{}).word, 0x8000);
  EXPECT_EQ(encode_word(binary16{}, 0x1.0000000001p-25, nearest_even{}).word, 1);
  EXPECT_EQ(encode_word(bfloat16{}, -0x1p-900, nearest_even{}).word, 0x8000);
  EXPECT_EQ(encode_word(bfloat16{}, 0x1p-149, stochastic_rounding{}, 0x10000).word, 0) << "2⁻¹⁶ of a step";
  EXPECT_EQ(encode_word(bfloat16{}, 0x1p-149, stochastic_rounding{}, 0xffff).word, 1);
  EXPECT_EQ(encode_word(fixed16{0.1f}, -0.0, nearest_even{}).word, 0);
}

TEST(narrow_format, bounds_become_the_ordinals_between_them) {
  const auto expect = [](const auto& f, float low, float high) {
    using format = std::remove_cvref_t<decltype(f)>;
    const ordinal_range range = ordinals_within(f, low, high);
    EXPECT_TRUE(at(f, range.lowest) >= low && at(f, range.highest) <= high);
    EXPECT_TRUE(range.lowest == format::lowest || at(f, range.lowest - 1) < low);
    EXPECT_TRUE(range.highest == format::highest || at(f, range.highest + 1) > high);
  };
  for_each_format([&](const auto& f) {
    const auto some = [&](int ordinal, double part) {
      return static_cast<float>(at(f, ordinal) + part * (at(f, ordinal + 1) - at(f, ordinal)));
    };
    expect(f, some(-700, 0.3), some(900, 0.7));
    expect(f, some(-700, 0), some(-60, 0.5));
    expect(f, some(5, 0.5), some(60, 0));
    expect(f, -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity());
  });
}

TEST(narrow_format, is_named_with_its_fields) {
  EXPECT_EQ(text_of(binary16{}), "binary16");
  EXPECT_EQ(text_of(fixed16{0.25f}), "fixed16:scale=0.25");
}

}  // namespace
}  // namespace zolt
