#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/layout/block_data.hpp"
#include "support/messages.hpp"
#include "zolt/quantize/layout/microscaling.hpp"
#include "zolt/quantize/layout/nvfp4.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

constexpr float tiny = 0x1p-149f;

// ⌊log₂ 6⌋ − 2 = 0. Ties go to the even code, and −0.25 to −0.
TEST(mxfp4, of_a_block_worked_by_hand) {
  EXPECT_EQ(
      quantized_hex<mxfp4>(sparse_block(
          32, {{0, 6.f}, {1, 3.5f}, {2, 5.f}, {3, 2.5f}, {4, 1.75f}, {16, -6.f}, {17, -3.5f}, {18, 0.25f}, {19, -0.25f}, {20, 0.75f}})),
      "7f f7 e6 06 84 24" + times(11, "00"));
}
// ⌊log₂ 448⌋ − 8 = 0: 448 is 0x7e and what lies above saturates; 2⁻⁹ is the least number, and its half goes to 0.
TEST(mxfp8_e4m3fn, of_a_block_worked_by_hand) {
  EXPECT_EQ(quantized_hex<mxfp8_e4m3fn>(
                sparse_block(32, {{0, 448.f}, {1, -510.f}, {2, 1.f}, {3, 0x1p-9f}, {4, 0x1p-10f}, {5, 0x1.8p-9f}, {31, -1.f}})),
            "7f 7e fe 38 01 00 02" + times(25, "00") + " b8");
}
TEST(mxfp8_e5m2, of_a_block_worked_by_hand) {  // ⌊log₂ 57344⌋ − 15 = 0
  EXPECT_EQ(quantized_hex<mxfp8_e5m2>(sparse_block(32, {{0, 57344.f}, {1, -65535.f}, {2, 1.f}, {3, 0x1p-16f}, {4, 1.125f}, {5, 1.375f}})),
            "7f 7b fb 3c 01 3c 3e" + times(26, "00"));
}
// Codes 0x1f, 0x3f, 0x08, 0x01 make the 24 bits 0x0488ff (0x1f + 0x3f·2⁶ + 0x08·2¹² + 0x01·2¹⁸), lowest byte first.
TEST(mxfp6_e2m3, of_a_block_worked_by_hand) {
  EXPECT_EQ(quantized_hex<mxfp6_e2m3>(sparse_block(32, {{0, 7.5f}, {1, -7.5f}, {2, 1.f}, {3, 0.125f}, {31, 7.5f}})),
            "7f df 8f 04" + times(18, "00") + " 00 00 7c")
      << "⌊log₂ 7.5⌋ − 2 = 0";
}
TEST(mxfp6_e3m2, of_a_block_worked_by_hand) {  // ⌊log₂ 28⌋ − 4 = 0; codes 0x1f, 0x3f, 0x0c, 0x01
  EXPECT_EQ(quantized_hex<mxfp6_e3m2>(sparse_block(32, {{0, 28.f}, {1, -28.f}, {2, 1.f}, {3, 0.0625f}})), "7f df cf 04" + times(21, "00"));
}
TEST(mxint8, of_a_block_worked_by_hand) {  // ⌊log₂ 1.98⌋ = 0: whole 64ths, ties to even, −128 left out
  EXPECT_EQ(quantized_hex<mxint8_block>(
                sparse_block(32, {{0, 127 / 64.f}, {1, -127.9f / 64}, {2, 0.5f / 64}, {3, 1.5f / 64}, {4, -2.5f / 64}, {5, 1.f}})),
            "7f 7f 81 00 02 fe 40" + times(26, "00"));
}

TEST(mx_blocks, scale_by_the_floor_or_by_the_ceiling) {
  using ceil = mx_block<e4m3fn, power_of_two_ceil>;
  EXPECT_EQ(quantized_hex<mxfp8_e4m3fn>(sparse_block(32, {{0, 480.f}})), "7f 7e" + times(31, "00")) << "448";
  EXPECT_EQ(quantized_hex<ceil>(sparse_block(32, {{0, 480.f}})), "80 77" + times(31, "00")) << "240·2";
  EXPECT_EQ(quantized_hex<ceil>(sparse_block(32, {{0, 448.f}})), "7f 7e" + times(31, "00"));
}
TEST(mx_blocks, of_zeros_have_the_least_scale) {
  EXPECT_EQ(quantized_hex<mxfp4>(std::vector<float>(32)), "00" + times(16, "00"));
  EXPECT_EQ(quantized_hex<mxfp8_e4m3fn>(std::vector<float>(32, -0.0f)), "00" + times(32, "80"));
  EXPECT_EQ((quantized_hex<mx_block<mxint8, power_of_two_ceil>>(std::vector<float>(32))), "00" + times(32, "00"));
}
TEST(mx_blocks, reach_from_the_smallest_to_the_largest_floats) {
  EXPECT_EQ(quantized_hex<mxfp8_e5m2>(sparse_block(32, {{0, tiny}, {1, 0x1p-140f}})), "00 00 08" + times(30, "00")) << "2⁻¹⁴⁰ = 2⁻¹³·2⁻¹²⁷";
  constexpr float most = std::numeric_limits<float>::max();
  EXPECT_EQ(quantized_hex<mxfp8_e4m3fn>(sparse_block(32, {{0, most}, {1, 0x1p127f}})), "f6 7e 78" + times(30, "00")) << "2¹²⁷ = 2⁸·2¹¹⁹";
  EXPECT_EQ(
      message_of([&] {
        quantized<mx_block<e4m3fn, power_of_two_ceil>>(sparse_block(32, {{5, most}}));
      }),
      "zolt: w: e8m0 scale of block 0 (row 0) = 1.329228e+36 must be a power of two whose product with the largest element is finite");
}
TEST(mx_blocks, read_mxint8_of_128_below_zero) {
  std::vector<std::byte> block(33);
  block[0] = std::byte{0x7f}, block[1] = std::byte{0x80};
  EXPECT_EQ(dequantized<mxint8_block>(block, 32)[0], -2.0f);
  block[0] = std::byte{0xfd};
  EXPECT_EQ(dequantized<mxint8_block>(block, 32)[0], -0x1p127f);
  block[0] = std::byte{0xfe};
  EXPECT_NE(message_of([&] { check_blocks<mxint8_block>("w", block, {1, 32}); }), "no error") << "−2·2¹²⁷ is no float";
  EXPECT_NE(message_of([&] { quantized<mxint8_block>(sparse_block(32, {{0, 0x1p127f}})); }), "no error");
}
TEST(mx_blocks, with_nan_or_infinity_are_refused) {
  std::vector<std::byte> block(66);
  block[33] = std::byte{0xff};
  EXPECT_EQ(message_of([&] {
              check_blocks<mxfp8_e5m2>("w", block, {2, 32});
            }),
            "zolt: w: e8m0 scale of block 1 (row 1) = nan must be a power of two whose product with the largest element is finite");
  block[33] = std::byte{0xf0};
  EXPECT_EQ(
      message_of([&] {
        check_blocks<mxfp8_e5m2>("w", block, {2, 32});
      }),
      "zolt: w: e8m0 scale of block 1 (row 1) = 1.0384594e+34 must be a power of two whose product with the largest element is finite");
  block[33] = std::byte{0xef}, block[36] = std::byte{0xfc};
  EXPECT_EQ(message_of([&] {
              check_blocks<mxfp8_e5m2>("w", block, {2, 32});
            }),
            "zolt: w: code 2 of block 1 (row 1) = 252 must be a finite number of e5m2");
  block[36] = std::byte{0xfb};
  EXPECT_EQ(message_of([&] { check_blocks<mxfp8_e5m2>("w", block, {2, 32}); }), "no error");
}

template <class Layout>
class mx_blocks_of : public testing::Test {};
using all_mx_blocks = testing::Types<mxfp8_e4m3fn, mxfp8_e5m2, mxfp6_e2m3, mxfp6_e3m2, mxfp4, mxint8_block,
                                     mx_block<e2m1fn, power_of_two_ceil>, mx_block<e4m3fn, power_of_two_ceil>>;
TYPED_TEST_SUITE(mx_blocks_of, all_mx_blocks);

template <class Layout>
struct rule_of;
template <class Format, class Rule>
struct rule_of<mx_block<Format, Rule>> {
  using rule = Rule;
};

// The quantizer of the library and the layout take different ways to the same numbers.
TYPED_TEST(mx_blocks_of, hold_the_numbers_of_the_quantizer) {
  using format = typename TypeParam::format;
  const auto weights = normal_weights(32 * 64, 7);
  const tensor_view<const float> view(weights.data(), {8, 256});
  const auto q = quantizer<format, per_group<32>, typename rule_of<TypeParam>::rule>{}("w", view);
  std::vector<float> expected(weights.size()), out(weights.size());
  q.decode(0, expected);
  const auto bytes = quantize_blocks<TypeParam>("w", view);
  dequantize_blocks<TypeParam>("w", bytes, out);
  EXPECT_EQ(out, expected);
  EXPECT_EQ(bytes.size(), weights.size() / 32 * (1 + 4 * format::bits));
}
TYPED_TEST(mx_blocks_of, keep_what_they_hold) {  // quantizing what was decoded changes nothing
  draws random(8);
  for (int trial = 0; trial < 30; ++trial) {
    const auto bytes = quantized<TypeParam>(normal_weights(64, 100 + static_cast<std::uint64_t>(trial)));
    const auto back = dequantized<TypeParam>(bytes, 64);
    EXPECT_EQ(dequantized<TypeParam>(quantized<TypeParam>(back), 64), back);
  }
}

// max|W| = 448·6 makes S = 1; the blocks have scales 448 and 1, and a third so far below is zeros.
TEST(nvfp4, of_a_tensor_worked_by_hand) {
  auto w =
      sparse_block(48, {{0, 2688.f}, {1, -1344.f}, {8, 100.f}, {16, 6.f}, {17, 5.f}, {18, -0.25f}, {24, 0.75f}, {25, -3.5f}, {40, 0.001f}});
  EXPECT_EQ(quantized_hex<nvfp4>(w), "00 00 80 3f 7e 07 0d" + times(6, "00") + " 38 27 e6 08" + times(5, "00") + " 00" + times(8, "00"));
  const auto back = dequantized<nvfp4>(quantized<nvfp4>(w), 48);
  EXPECT_EQ(back[0], 2688.0f);
  EXPECT_EQ(back[17], 4.0f);
  EXPECT_EQ(back[25], -4.0f);
  EXPECT_EQ(back[40], 0.0f);
}
TEST(nvfp4, holds_the_numbers_of_the_quantizer) {
  const auto weights = normal_weights(32 * 64, 9);
  const tensor_view<const float> view(weights.data(), {8, 256});
  const auto q = quantizer<e2m1fn, per_group<16>, largest_magnitude, nearest_even, nvfp4_scales>{}("w", view);
  std::vector<float> expected(weights.size()), out(weights.size());
  q.decode(0, expected);
  const auto bytes = quantize_blocks<nvfp4>("w", view);
  dequantize_blocks<nvfp4>("w", bytes, out);
  EXPECT_EQ(out, expected);
  EXPECT_EQ(bytes.size(), 4 + weights.size() / 16 * 9);
  EXPECT_EQ(bytes_for<nvfp4>({8, 256}), bytes.size());
  EXPECT_NEAR(relative_rmse(weights, out) / 0.095, 1, 0.03);
}
TEST(nvfp4, of_zeros_has_scale_1) { EXPECT_EQ(quantized_hex<nvfp4>(std::vector<float>(16)), "00 00 80 3f" + times(9, "00")); }
TEST(nvfp4, with_scales_that_are_no_numbers_is_refused) {
  auto bytes = quantized<nvfp4>(sparse_block(32, {{0, 1.f}}));
  const auto message = [&bytes] { return message_of([&] { check_blocks<nvfp4>("w", bytes, {2, 16}); }); };
  EXPECT_EQ(message(), "no error");
  bytes[13] = std::byte{0x7f};
  EXPECT_EQ(
      message(),
      "zolt: w: e4m3 scale of block 1 (row 1) = nan must be a number of E4M3 that is not negative, whose product with 6 / S is finite");
  bytes[13] = std::byte{0xb8};
  EXPECT_EQ(
      message(),
      "zolt: w: e4m3 scale of block 1 (row 1) = -1 must be a number of E4M3 that is not negative, whose product with 6 / S is finite");
  bytes[13] = std::byte{0};
  little_endian::store_float(bytes.data(), 0x1p-149f);
  EXPECT_EQ(
      message(),
      "zolt: w: e4m3 scale of block 0 (row 0) = 448 must be a number of E4M3 that is not negative, whose product with 6 / S is finite");
  for (const float s : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    little_endian::store_float(bytes.data(), s);
    EXPECT_EQ(message(), "zolt: w: tensor scale = " + to_text(s) + " must be positive and finite");
  }
}

}  // namespace
}  // namespace zolt::test
