#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/update/write_back.hpp"

namespace zolt::test {
namespace {

/// Words that stand evenly over all 2³²: a mean over them is the expectation to within one part in `even_words`.
constexpr std::uint32_t even_words = 4096;
std::uint32_t even_word(std::uint32_t i) { return i * (0xffffffffu / even_words + 1) + 12345; }

/// Where an update of `delta` codes lands.
template <class WriteBack, class Format>
landing landed(int ordinal, int residual_before, float delta, std::uint32_t word) {
  return land<WriteBack>(ordinal, residual_before, rounded_move<WriteBack>(delta, word), Format::lowest, Format::highest);
}

/// E of code + residual·2⁻ᵏ after landing.
template <class WriteBack>
double expected_landing(int ordinal, int residual, float delta) {
  double sum = 0;
  for (std::uint32_t i = 0; i < even_words; ++i) {
    const landing at = landed<WriteBack, int8>(ordinal, residual, delta, even_word(i));
    sum += at.ordinal + std::ldexp(at.residual, -WriteBack::residual_bits);
  }
  return sum / even_words;
}

template <class WriteBack>
void expect_unbiased() {
  constexpr int unit = 1 << WriteBack::residual_bits;
  for (const int ordinal : {-100, -1, 0, 1, 57})
    for (const int residual : {-unit / 2, 0, unit / 2 - 1})
      for (const float delta : {0.0f, 0.01f, 0.3f, 0.5f, 0.77f, 1.0f, 2.4f, 11.9f})
        for (const float sign : {1.0f, -1.0f}) {
          const double before = ordinal + std::ldexp(residual, -WriteBack::residual_bits);
          EXPECT_NEAR(expected_landing<WriteBack>(ordinal, residual, sign * delta), before + double{sign} * double{delta}, 1.0 / even_words)
              << ordinal << " + " << residual << "/" << unit << " + " << sign * delta;
        }
}

TEST(write_back, stochastic_is_unbiased) {
  for (const int ordinal : {-100, 0, 57})
    for (const float delta : {0.0f, 0.01f, -0.3f, 0.5f, -0.5f, 0.77f, 1.0f, -2.4f})
      EXPECT_NEAR(expected_landing<stochastic>(ordinal, 0, delta), ordinal + double{delta}, 1.0 / even_words);
}

TEST(write_back, residuals_are_unbiased) {
  expect_unbiased<residual<1>>();
  expect_unbiased<residual<2>>();
  expect_unbiased<residual<3>>();
  expect_unbiased<residual<4>>();
  expect_unbiased<residual<8>>();
  expect_unbiased<residual<12>>();
  expect_unbiased<residual<16>>();
}

TEST(write_back, nearest_is_blind_below_half_a_code) {
  const auto from_ten = [](float delta) { return landed<nearest, int8>(10, 0, delta, 0).ordinal; };
  EXPECT_EQ(from_ten(0.49f), 10);
  EXPECT_EQ(from_ten(-0.49f), 10);
  EXPECT_EQ(from_ten(0.51f), 11);
  EXPECT_EQ(from_ten(-0.51f), 9);
  EXPECT_EQ(from_ten(0.5f), 10) << "a tie goes to the even move";
  EXPECT_EQ(from_ten(1.5f), 12);
  EXPECT_EQ(from_ten(-3.0f), 7);
}

template <class WriteBack>
void expect_in_range() {
  constexpr int half = (1 << WriteBack::residual_bits) / 2;
  draws d(3);
  int ordinal = 0, residual = 0;
  std::vector<bool> seen(static_cast<std::size_t>(2 * half));
  for (int step = 0; step < 20000; ++step) {
    const landing at = landed<WriteBack, int4>(ordinal, residual, 0.7f * d.normal(), d.word());
    ASSERT_GE(at.residual, -half);
    ASSERT_LT(at.residual, half);
    ASSERT_GE(at.ordinal, int4::lowest);
    ASSERT_LE(at.ordinal, int4::highest);
    // The stored number stays between the ends, too: at an end the residual points inwards only.
    ASSERT_LE(std::abs(at.ordinal * 2 * half + at.residual), int4::highest * 2 * half);
    ordinal = at.ordinal, residual = at.residual;
    seen[static_cast<std::size_t>(residual + half)] = true;
  }
  for (const bool used : seen) EXPECT_TRUE(used);
}

TEST(write_back, a_residual_uses_its_whole_range_and_no_more) {
  expect_in_range<residual<1>>();
  expect_in_range<residual<2>>();
  expect_in_range<residual<4>>();
  expect_in_range<residual<8>>();
}

TEST(write_back, what_a_residual_keeps_adds_up) {
  // A quarter of a code, four times, is one code, for every word: the grid of residual<2> holds quarters exactly.
  int ordinal = 3, residual_now = 0;
  draws d(4);
  for (int step = 1; step <= 40; ++step) {
    const landing at = landed<residual<2>, int8>(ordinal, residual_now, -0.25f, d.word());
    ordinal = at.ordinal, residual_now = at.residual;
    EXPECT_EQ(4 * ordinal + residual_now, 12 - step);
  }
}

template <class WriteBack>
void expect_clamped_at_the_ends() {
  for (const int sign : {1, -1}) {
    const int end = sign * e4m3fn::highest;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::uint32_t word = even_word(64 * i);
      const landing over = landed<WriteBack, e4m3fn>(end, 0, static_cast<float>(1.3 * sign), word);
      EXPECT_EQ(over.ordinal, end);
      EXPECT_EQ(over.residual, 0);
      EXPECT_TRUE(over.clamped);
      const landing inwards = landed<WriteBack, e4m3fn>(end, 0, static_cast<float>(-2 * sign), word);
      EXPECT_EQ(inwards.ordinal, end - 2 * sign);
      EXPECT_FALSE(inwards.clamped);
      const landing far = landed<WriteBack, e4m3fn>(-end, 0, std::numeric_limits<float>::max() * static_cast<float>(sign), word);
      EXPECT_EQ(far.ordinal, end);
      EXPECT_TRUE(far.clamped);
    }
  }
}

TEST(write_back, updates_beyond_the_range_are_clamped_and_say_so) {
  expect_clamped_at_the_ends<nearest>();
  expect_clamped_at_the_ends<stochastic>();
  expect_clamped_at_the_ends<residual<1>>();
  expect_clamped_at_the_ends<residual<4>>();
  expect_clamped_at_the_ends<residual<8>>();
  expect_clamped_at_the_ends<residual<16>>();
}

TEST(write_back, always_one_code_moves_what_is_touched) {
  const auto move_of = [](float delta) { return landed<always_one_code, int8>(10, 0, delta, 0).ordinal - 10; };
  for (const auto& [delta, move] :
       {std::pair{0.0f, 0}, {1e-30f, 1}, {0.5f, 1}, {0.999f, 1}, {1.0f, 1}, {1.999f, 1}, {2.0f, 2}, {7.3f, 7}}) {
    EXPECT_EQ(move_of(delta), move) << delta;
    EXPECT_EQ(move_of(-delta), -move) << delta;
  }
}

TEST(write_back, sixteen_bits_keep_what_eight_round) {
  // 2⁻¹² of a code lies on the grid of 16 bits: it adds up without a random word. On that of 8 it lands every sixteenth time.
  int ordinal = 3, kept = 0, landed_at_once = 0;
  draws d(5);
  for (int step = 1; step <= 6000; ++step) {
    const landing at = landed<residual<16>, int8>(ordinal, kept, 0x1p-12f, d.word());
    ordinal = at.ordinal, kept = at.residual;
    ASSERT_EQ(ordinal * 65536 + kept, 3 * 65536 + 16 * step);
    landed_at_once += landed<residual<8>, int8>(0, 0, 0x1p-12f, d.word()).residual != 0;
  }
  EXPECT_NEAR(landed_at_once, 6000 / 16, 4.5 * std::sqrt(6000 / 16));
}

TEST(write_back, roundings_are_odd) {
  draws d(6);
  for (int i = 0; i < 2000; ++i) {
    const float delta = 2 * d.normal();
    const std::uint32_t word = d.word();
    EXPECT_EQ((landed<stochastic, int8>(0, 0, delta, word).ordinal), -(landed<stochastic, int8>(0, 0, -delta, word).ordinal));
  }
}

template <int Bits>
void expect_fields() {
  using field = residual_field<Bits>;
  constexpr std::size_t count = 100;
  std::vector<std::uint8_t> bytes(field::bytes_for(count));
  draws d(7);
  std::vector<int> expected(count);
  for (int round = 0; round < 20; ++round)
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = d.below(count);
      expected[at] = static_cast<int>(d.below(1u << Bits)) - (1 << (Bits - 1));
      field::store(bytes.data(), at, expected[at]);
    }
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(field::load(bytes.data(), i), expected[i]);
}

TEST(write_back, residual_fields_hold_what_is_stored) {
  expect_fields<1>();
  expect_fields<2>();
  expect_fields<3>();
  expect_fields<4>();
  expect_fields<7>();
  expect_fields<8>();
  expect_fields<9>();
  expect_fields<16>();
}

}  // namespace
}  // namespace zolt::test
