#include "zolt/estimator/integer_cross_entropy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"

namespace zolt::test {
namespace {

/// A whole number of 32-bit digits, lowest first, for powers that no type holds.
using whole_number = std::vector<std::uint32_t>;

whole_number times(const whole_number& a, const whole_number& b) {
  whole_number product(a.size() + b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.size() || carry != 0; ++j) {
      carry += product[i + j] + std::uint64_t{a[i]} * (j < b.size() ? b[j] : 0);
      product[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  return product;
}
/// Whether x³² < 2^exponent.
bool power_32_is_below(std::uint64_t x, std::size_t exponent) {
  whole_number power = {static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(x >> 32)};
  for (int i = 0; i < 5; ++i) power = times(power, power);
  for (std::size_t digit = exponent / 32; digit < power.size(); ++digit)
    if (power[digit] >> (digit == exponent / 32 ? exponent % 32 : 0) != 0) return false;
  return true;
}

TEST(integer_cross_entropy, tables_are_those_of_exact_powers) {
  for (std::size_t k = 0; k < 256; ++k) {  // 2p − 1 < 2·2^(8 + k/16) < 2p + 1
    const auto twice = 2 * static_cast<std::uint64_t>(detail::sixteenths.power[k]);
    EXPECT_TRUE(power_32_is_below(twice - 1, 32 * 9 + 2 * k)) << k;
    EXPECT_FALSE(power_32_is_below(twice + 1, 32 * 9 + 2 * k)) << k;
  }
  for (std::size_t j = 0; j < 16; ++j) {
    EXPECT_FALSE(power_32_is_below(detail::sixteenths.rounds_up[j], 32 * 40 + 2 * j + 1)) << j;
    EXPECT_TRUE(power_32_is_below(detail::sixteenths.rounds_up[j] - 1, 32 * 40 + 2 * j + 1)) << j;
  }
  static_assert(detail::sixteenths.power[0] == 256 && detail::sixteenths.power[240] == 256 << 15);
  static_assert(detail::log2_in_sixteenths(1) == 0 && detail::log2_in_sixteenths(2) == 16 && detail::log2_in_sixteenths(3) == 25);
}

double in_double(std::span<const std::int8_t> logits, std::size_t label) {
  double sum = 0;
  for (const std::int8_t x : logits) sum += std::exp2((x - logits[label]) / 16.0);
  return 16 * std::log2(sum);
}

TEST(integer_cross_entropy, is_within_its_bound_and_monotone_on_every_pair) {
  for (int own = -128; own < 128; ++own)
    for (int other = -128; other < 128; ++other) {
      const std::int8_t logits[] = {static_cast<std::int8_t>(own), static_cast<std::int8_t>(other)};
      const std::int32_t loss = cross_entropy_in_sixteenths(logits, 0);
      ASSERT_NEAR(loss, in_double(logits, 0), 0.54);
      ASSERT_GE(loss, 0);
      if (own == other) {
        ASSERT_EQ(loss, 16) << "one bit";
      }
      if (own < 127) {
        const std::int8_t more[] = {static_cast<std::int8_t>(own + 1), static_cast<std::int8_t>(other)};
        ASSERT_LE(cross_entropy_in_sixteenths(more, 0), loss);
        ASSERT_GE(cross_entropy_in_sixteenths(more, 1), cross_entropy_in_sixteenths(logits, 1));
      }
    }
}

TEST(integer_cross_entropy, is_within_its_bound_for_many_classes) {
  draws random(1);
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<std::int8_t> logits(1 + random.below(1 + (std::size_t{1} << random.below(11))));
    const std::size_t spread = 1 + random.below(128);
    for (std::int8_t& x : logits) x = static_cast<std::int8_t>(static_cast<int>(random.below(2 * spread)) - static_cast<int>(spread));
    const std::size_t label = random.below(logits.size());
    EXPECT_NEAR(cross_entropy_in_sixteenths(logits, label), in_double(logits, label), 0.54);
  }
  for (const int x : {-128, 0, 127}) {
    const std::vector<std::int8_t> equal(most_integer_classes, static_cast<std::int8_t>(x));
    EXPECT_EQ(cross_entropy_in_sixteenths(equal, 65535), 16 * 16) << "the largest sum there is";
  }
  EXPECT_EQ(cross_entropy_in_sixteenths(std::vector<std::int8_t>(10, 5), 3), 53) << "16 log2 10 = 53.15";
  EXPECT_EQ(cross_entropy_in_sixteenths(std::vector<std::int8_t>{-128, 127}, 0), 255);
  EXPECT_EQ(cross_entropy_in_sixteenths(std::vector<std::int8_t>{-7}, 0), 0);
}

TEST(integer_cross_entropy, a_batch_is_the_sum_of_its_examples) {
  const std::vector<std::int8_t> logits = {5, 5, -128, 127, 127, -128};
  const std::vector<std::uint8_t> labels = {1, 0, 0};
  EXPECT_EQ(integer_cross_entropy{labels}.sum({logits.data(), {3, 2}}), 16 + 255 + 0);
}

TEST(integer_cross_entropy, float_outputs_become_logits) {
  const std::vector<int> labels = {0, 2, -1};
  const integer_cross_entropy loss{labels};
  const std::vector<float> outputs = {1, -2, 0.5f};
  double sum = 0;
  for (const float o : outputs) sum += std::exp(double{o} - double{outputs[0]});
  EXPECT_NEAR(loss.loss(0, outputs), 16 * std::log2(sum), 0.54 + 1) << "each logit is off by at most a half";
  const integer_cross_entropy unscaled{labels, 1};
  EXPECT_EQ(unscaled.loss(0, std::vector<float>{1e30f, -1e30f}), 0);
  EXPECT_EQ(unscaled.loss(0, std::vector<float>{-1e30f, 1e30f}), 255);
  EXPECT_TRUE(std::isnan(loss.loss(0, std::vector<float>{0, std::numeric_limits<float>::infinity()})));
  EXPECT_TRUE(std::isnan(loss.loss(1, std::vector<float>{0, 0}))) << "a label beyond the classes";
  EXPECT_TRUE(std::isnan(loss.loss(2, outputs)));
  EXPECT_TRUE(std::isnan(loss.loss(3, outputs)));
}

TEST(integer_cross_entropy, wrong_input_is_named) {
  const std::vector<std::int8_t> logits = {1, 2};
  EXPECT_EQ(message_of([&] { cross_entropy_in_sixteenths(logits, 2); }),
            "zolt: cross_entropy_in_sixteenths: label = 2 must be below 2, the classes");
  EXPECT_EQ(message_of([&] { cross_entropy_in_sixteenths({}, 0); }),
            "zolt: cross_entropy_in_sixteenths: classes = 0 must be at least 1 and at most 65536");
  EXPECT_EQ(message_of([&] { cross_entropy_in_sixteenths(std::vector<std::int8_t>(65537), 0); }),
            "zolt: cross_entropy_in_sixteenths: classes = 65537 must be at least 1 and at most 65536");
  const std::vector<int> labels = {-1};
  EXPECT_EQ(message_of([&] { integer_cross_entropy{labels}.loss(0, std::span<const std::int8_t>(logits)); }),
            "zolt: integer_cross_entropy: label = -1 must be not negative");
  EXPECT_EQ(message_of([&] { integer_cross_entropy{labels}.loss(1, std::span<const std::int8_t>(logits)); }),
            "zolt: integer_cross_entropy: example = 1 must be below 1, the labels");
}

}  // namespace
}  // namespace zolt::test
