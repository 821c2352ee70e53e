#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>

#include "support/number_model.hpp"
#include "support/weights.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace zolt {
namespace {

constexpr std::uint64_t half = std::uint64_t{1} << 63;

TEST(nearest_even, decides_by_half_and_by_parity) {
  constexpr nearest_even round;
  EXPECT_EQ(round({2, 1, half - 1}), 2);
  EXPECT_EQ(round({2, 1, half}), 2);
  EXPECT_EQ(round({2, 1, half + 1}), 3);
  EXPECT_EQ(round({3, 1, half}), 4);
  EXPECT_EQ(round({-3, -1, half}), -4);
  EXPECT_EQ(round({-2, -1, half}), -2);
  EXPECT_EQ(round({5, 1, 0}), 5);
}

TEST(stochastic_rounding, compares_the_word_with_the_fraction) {
  constexpr stochastic_rounding round;
  EXPECT_EQ(round({2, 1, half}, 0x7fffffff), 3);
  EXPECT_EQ(round({2, 1, half}, 0x80000000), 2);
  EXPECT_EQ(round({-2, -1, half}, 0x7fffffff), -3);
  EXPECT_EQ(round({2, 1, 0}, 0), 2);
  EXPECT_EQ(round({2, 1, ~std::uint64_t{0}}, 0xfffffffe), 3);
}

TEST(fraction_of, keeps_what_lies_below_as_a_last_one) {
  EXPECT_EQ(fraction_of(0, 0), 0u);
  EXPECT_EQ(fraction_of(1, 1), half);
  EXPECT_EQ(fraction_of(0x800000, 24), half);
  EXPECT_EQ(fraction_of(1, 64), 1u);
  EXPECT_EQ(fraction_of(0b110, 65), 0b11u);
  EXPECT_EQ(fraction_of(0b101, 65), 0b11u) << "the lost bit sets the last one";
  EXPECT_EQ(fraction_of(0b100, 65), 0b10u);
  EXPECT_EQ(fraction_of(0xffffff, 88), 1u);
  EXPECT_EQ(fraction_of(0xffffff, 200), 1u);
  EXPECT_EQ(fraction_of(0, 200), 0u);
}

TEST(float_parts, are_the_float) {
  test::draws random(1);
  for (int trial = 0; trial < 10000; ++trial) {
    const auto x = std::bit_cast<float>(random.word());
    if (!std::isfinite(x)) continue;
    const float_parts parts(x);
    ASSERT_EQ(parts.away * std::ldexp(static_cast<double>(parts.significand), parts.exponent - 23), x);
  }
}

// floor and the difference from it are exact in double for every float.
TEST(locate_on_integers, is_the_integer_part_and_the_exact_rest) {
  test::draws random(2);
  for (int trial = 0; trial < 50000; ++trial) {
    const float x = trial % 2 == 0 ? random.real(-1000, 1000) : std::bit_cast<float>(random.word());
    if (!(std::fabs(x) <= 0x1p30f)) continue;
    const grid_position at = locate_on_integers(x);
    const double magnitude = std::fabs(double{x}), whole = std::floor(magnitude), scaled = (magnitude - whole) * 0x1p64;
    ASSERT_EQ(at.below, static_cast<int>(std::copysign(whole, x))) << x;
    ASSERT_EQ(at.away, std::signbit(x) ? -1 : 1) << x;
    const auto expected = static_cast<std::uint64_t>(scaled);
    ASSERT_EQ(at.fraction, expected | (static_cast<double>(expected) != scaled)) << std::hexfloat << x;
  }
}

TEST(locate_on_integers, stops_at_2_to_the_30) {
  for (const float x : {0x1p30f, 0x1.8p30f, FLT_MAX}) {
    EXPECT_EQ(locate_on_integers(x).below, 1 << 30);
    EXPECT_EQ(locate_on_integers(-x).below, -(1 << 30));
    EXPECT_EQ(locate_on_integers(x).fraction, 0u);
  }
  EXPECT_EQ(locate_on_integers(0x1.fffffep29f).below, 0x3fffffc0);
}

#if defined(__x86_64__)
/// Flush to zero and denormals are zero, until the end of the scope.
class flushed_subnormals {
 public:
  flushed_subnormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~flushed_subnormals() { _mm_setcsr(before_); }
  flushed_subnormals(const flushed_subnormals&) = delete;
  flushed_subnormals& operator=(const flushed_subnormals&) = delete;

 private:
  unsigned before_;
};

template <class Format>
void expect_the_same_codes_with_flushed_subnormals() {
  const auto grid = test::grid_of<Format>();
  const std::vector<float> inputs = test::critical_floats(grid);
  const auto all_codes = [&inputs] {
    std::vector<int> results;
    for (const float x : inputs) {
      results.push_back(encode<Format>(x, nearest_even{}).ordinal);
      for (const std::uint32_t word : {0u, 0x40000000u, 0xffffffffu})
        results.push_back(encode<Format>(x, stochastic_rounding{}, word).ordinal);
    }
    for (int o = Format::lowest; o <= Format::highest; ++o) results.push_back(std::bit_cast<int>(Format::value_of(o)));
    return results;
  };
  const std::vector<int> expected = all_codes();
  std::vector<int> flushed;
  {
    const flushed_subnormals scope;
    volatile float smallest = FLT_MIN;
    ASSERT_EQ(smallest / 2, 0.0f) << "the mode is on";
    flushed = all_codes();
  }
  EXPECT_EQ(flushed, expected) << Format::name;
}

TEST(flushed_subnormals, change_no_code) {
  expect_the_same_codes_with_flushed_subnormals<int8>();
  expect_the_same_codes_with_flushed_subnormals<e4m3fn>();
  expect_the_same_codes_with_flushed_subnormals<e5m2>();
  expect_the_same_codes_with_flushed_subnormals<minifloat<2, 1, 1, minifloat_kind::finite>>();
}
#endif

}  // namespace
}  // namespace zolt
