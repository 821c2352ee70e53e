#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/quantize/block_formats.hpp"

namespace zolt::test {
namespace {

static_assert(scale_storage<float_scales> && scale_storage<affine_scales> && scale_storage<half_scales> && scale_storage<e8m0_scales> &&
              scale_storage<nvfp4_scales> && scale_storage<double_quantized_scales>);
static_assert(coded_storage<storage_t<nvfp4_quantizer::tensor_type>> && coded_storage<storage_t<quantized_tensor<uint4>>>);

tensor<float> normal_tensor(shape s, std::uint64_t seed, float scale = 1) {
  tensor<float> t(s);
  draws d(seed);
  for (float& v : t.flat()) v = scale * d.normal();
  return t;
}

template <class Weights>
std::vector<float> decoded(const Weights& w) {
  std::vector<float> out(w.shape().size());
  w.decode(0, out);
  return out;
}

TEST(affine_weights, are_scale_times_code_minus_zero) {
  const auto w = normal_tensor({4, 64}, 1);
  const auto q = quantize<uint4, per_group<16>>("w", w);
  ASSERT_EQ(q.scales().size(), 16u);
  ASSERT_EQ(q.zeros().size(), 16u);
  const auto out = decoded(q);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float expected = (static_cast<float>(q.view().code(i)) - q.zeros()[i / 16]) * q.scales()[i / 16];
    EXPECT_EQ(out[i], expected);
    EXPECT_NEAR(out[i], w.data()[i], 0.5001f * q.scales()[i / 16]);
  }
  EXPECT_EQ(q.memory(), 4u * 64 / 2 + 16 * 8);
}

TEST(affine_weights, round_before_the_zero_point_is_added) {
  const affine odd{1, 5};
  EXPECT_EQ(encode_weight<uint4>(odd, 2.5f, nearest_even{}).ordinal, 7) << "a tie goes to the even quotient, not to the even code";
  EXPECT_EQ(encode_weight<uint4>(odd, -5.6f, nearest_even{}).ordinal, 0);
  EXPECT_TRUE(encode_weight<uint4>(odd, -5.6f, nearest_even{}).clamped);
  EXPECT_EQ(encode_weight<uint4>(affine{1, 5.25f}, 2.5f, nearest_even{}).ordinal, 8)
      << "a fractional zero point takes part in the rounding";
}

TEST(views, wrap_the_buffers_of_an_owner) {
  std::vector<std::byte> bytes(packing<4>::bytes_for(64));
  std::vector<float> scales = {0.5f, 2}, zeros = {8, 3};
  const coded_view<uint4, per_group<32>> view(bytes, affine_view(scales, zeros), {1, 64});
  view.set_code(40, 9);
  std::array<float, 64> out;
  view.decode(0, out);
  EXPECT_EQ(out[0], -4.0f);
  EXPECT_EQ(out[40], 12.0f);
  zeros.pop_back();
  EXPECT_EQ(message_of([&] { affine_view(scales, zeros); }), "zolt: affine_view: zeros = 1 must be as many as the scales, 2");
}

TEST(blocks, share_a_scale_in_both_dimensions) {
  tensor<float> w({6, 8});
  for (std::size_t r = 0; r < 6; ++r)
    for (std::size_t c = 0; c < 8; ++c) w(r, c) = static_cast<float>((r / 3 + 1) * (c / 4 + 1));
  const auto q = quantize<int8, per_block<3, 4>>("w", w);
  ASSERT_EQ(q.scales().size(), 4u);
  EXPECT_EQ(q.scales()[0] * 127, 1.0f);
  EXPECT_EQ(q.scales()[3] * 127, 4.0f);
  EXPECT_EQ(decoded(q), std::vector<float>(w.flat().begin(), w.flat().end()));
  EXPECT_EQ(message_of([&] { quantize<int8, per_block<4, 4>>("w", w); }), "zolt: w: rows = 6 must be divided by the block of 4 rows");
  EXPECT_EQ(message_of([&] { quantize<int8, per_block<3, 5>>("w", w); }), "zolt: w: columns = 8 must be divided by the group of 5");
  EXPECT_EQ((quantize<int8, per_block<4, 5, last_group::shorter>>("w", w).scales().size()), 4u);
}

TEST(half_scales, are_rounded_before_the_codes) {
  const auto w = normal_tensor({4, 64}, 2, 0.01f);
  const auto q = quantizer<int4, per_group<32>, absmax, nearest_even, half_scales>{}("w", w);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float scale = q.view().scale(i);
    EXPECT_EQ(half::from(scale).value(), scale);
    EXPECT_EQ(int4::ordinal_of(q.view().code(i)), (encode<int4>(w.data()[i] / scale, nearest_even{}).ordinal));
  }
  EXPECT_EQ(q.memory(), 4u * 32 + 8 * 2);
}

TEST(half_scales, name_a_group_beyond_their_range) {
  tensor<float> w({2, 32});
  w(0, 1) = 1;
  w(1, 0) = 1e6f;
  const quantizer<int4, per_group<32>, absmax, nearest_even, half_scales> q;
  EXPECT_EQ(message_of([&] { q("w", w); }),
            "zolt: w: scale of group 1 (row 1) = inf must be positive and finite as it is stored: rescale the weights");
  w(1, 0) = 1e-9f;
  EXPECT_EQ(message_of([&] { q("w", w); }),
            "zolt: w: scale of group 1 (row 1) = 0 must be positive and finite as it is stored: rescale the weights");
}

TEST(microscaling, is_a_power_of_two_times_an_element) {
  const auto w = normal_tensor({3, 96}, 3);
  const auto q = mxfp4_quantizer{}("w", w);
  EXPECT_EQ(q.memory(), 3u * 96 / 2 + 9);
  const auto out = decoded(q);
  for (std::size_t k = 0; k < 9; ++k) {
    float largest = 0;
    for (std::size_t j = 0; j < 32; ++j) largest = std::max(largest, std::fabs(w.data()[k * 32 + j]));
    const int exponent = static_cast<int>(std::floor(std::log2(largest))) - 2;
    EXPECT_EQ(q.kept_scales().codes()[k], exponent + 127);
    for (std::size_t j = k * 32; j < k * 32 + 32; ++j)
      EXPECT_EQ(out[j], decode_code<e2m1fn>(q.view().code(j)) * std::ldexp(1.0f, exponent));
  }
}

TEST(nvfp4, follows_its_two_levels_to_the_last_bit) {
  auto w = normal_tensor({2, 64}, 4, 0.02f);
  for (std::size_t j = 16; j < 32; ++j) w(1, j) *= 1e-6f;  // so small that its scale rounds to 0
  for (std::size_t j = 32; j < 48; ++j) w(0, j) = 0;
  quantization_events events;
  const auto q = nvfp4_quantizer{}("w", w, &events);
  float all = 0;
  for (const float v : w.flat()) all = std::max(all, std::fabs(v));
  const float s = 2688.0f / all;
  EXPECT_EQ(q.kept_scales().tensor_scale(), s);
  const auto out = decoded(q);
  for (std::size_t k = 0; k < 8; ++k) {
    float largest = 0;
    for (std::size_t j = 0; j < 16; ++j) largest = std::max(largest, std::fabs(w.data()[k * 16 + j]));
    const float block = decode_code<e4m3fn>(encode_code<e4m3fn>(largest * (s * (1.0f / 6)), nearest_even{}));
    for (std::size_t j = k * 16; j < k * 16 + 16; ++j) {
      const float value = block > 0 ? decode_code<e2m1fn>(encode_code<e2m1fn>(w.data()[j] * (s / block), nearest_even{})) : 0.0f;
      EXPECT_EQ(out[j], value * (block / s)) << j;
    }
  }
  EXPECT_EQ(events.zero_groups, 2u) << "one was zeros, one is by its scale";
  EXPECT_EQ(out[64 + 20], 0.0f);
}

TEST(dynamic_map, is_the_signed_8_bit_type) {
  const auto& map = dynamic_map();
  EXPECT_EQ(map.front(), static_cast<float>(-0.99296875));
  EXPECT_EQ(map.back(), 1.0f);
  EXPECT_TRUE(std::is_sorted(map.begin(), map.end()));
  EXPECT_EQ(map[double_quantized_scales::nearest(0)], 0.0f);
  for (std::size_t c = 0; c < map.size(); ++c) EXPECT_EQ(double_quantized_scales::nearest(map[c]), c);
  EXPECT_EQ(double_quantized_scales::nearest(5), 255);
  EXPECT_EQ(double_quantized_scales::nearest(-5), 0);
}

TEST(double_quantization, costs_an_eighth_of_a_bit_and_little_precision) {
  const auto w = normal_tensor({64, 1024}, 5);
  const auto plain = nf4_quantizer{}("w", w);
  const auto twice = nf4_double_quantizer{}("w", w);
  EXPECT_NEAR(8.0 * static_cast<double>(twice.memory()) / 65536, 4.127, 0.001);
  double worst = 0;
  for (std::size_t i = 0; i < w.size(); i += 64)
    worst = std::max(worst, std::fabs(double{twice.view().scale(i)} / double{plain.view().scale(i)} - 1));
  EXPECT_LT(worst, 0.02);
  EXPECT_GT(worst, 0);
}

TEST(zero_groups, take_the_usual_scale_of_their_neighbours_and_are_counted) {
  tensor<float> w({3, 32});
  for (std::size_t j = 0; j < 32; ++j) w(0, j) = 1, w(2, j) = -3;
  quantization_events events;
  const auto q = quantizer<int8>{}("w", w, &events);
  EXPECT_EQ(events.zero_groups, 1u);
  EXPECT_FLOAT_EQ(q.scales()[1], 2.0f / 127);
  const auto a = quantizer<uint4>{}("w", w);
  EXPECT_EQ(a.zeros()[1], 8.0f) << "it can move both ways";
  EXPECT_EQ(decoded(a)[40], 0.0f);
  EXPECT_EQ(quantize<int8>("zero", tensor<float>({2, 4})).scales()[1], 1.0f);
}

TEST(views, outlive_a_move_of_what_owns_the_weights) {
  const auto w = normal_tensor({4, 64}, 6);
  const auto expect_alive = [](auto q) {
    const auto view = q.view();
    const float before = view.scale(70);
    const auto moved = std::move(q);
    EXPECT_EQ(view.scale(70), before);
  };
  expect_alive(nvfp4_quantizer{}("w", w));
  expect_alive(nf4_double_quantizer{}("w", w));
  expect_alive(mxfp4_quantizer{}("w", w));
  expect_alive(quantize<uint4>("w", w));
  static_assert(!std::is_constructible_v<scale_view, std::vector<float>> && std::is_constructible_v<scale_view, std::vector<float>&>);
}

TEST(double_quantization, keeps_small_scales_positive_among_large_ones) {
  auto w = normal_tensor({256, 64}, 7);
  for (std::size_t r = 0; r < 256; ++r)
    for (float& v : w.view().row(r)) v *= std::exp(2.0f * static_cast<float>(r % 16) / 4 - 4);
  const auto q = nf4_double_quantizer{}("w", w);
  for (std::size_t r = 0; r < 256; ++r) EXPECT_GT(q.view().scale(r * 64), 0.0f);
}

TEST(half_affine_scales, hold_whole_zero_points_exactly) {
  const auto w = normal_tensor({4, 64}, 8);
  const auto q = quantizer<uint4, per_group<32>, absmax, nearest_even, half_affine_scales>{}("w", w);
  const auto full = quantize<uint4, per_group<32>>("w", w);
  for (std::size_t i = 0; i < w.size(); i += 32) {
    EXPECT_EQ(q.view().grid(i).zero, full.zeros()[i / 32]);
    EXPECT_NEAR(q.view().scale(i) / full.scales()[i / 32], 1, 0x1p-11);
  }
  EXPECT_EQ(q.memory(), 4u * 32 + 8 * 4);
}

}  // namespace
}  // namespace zolt::test
