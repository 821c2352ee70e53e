#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt {
namespace {

using int4_view = coded_view<int4, per_group<32>>;

TEST(coded_view, wraps_buffers_of_the_caller) {
  std::vector<std::byte> bytes(packing<4>::bytes_for(2 * 64));
  std::vector<float> scales = {1, 2, 3, 4};
  const int4_view view(bytes, scales, {2, 64});
  view.set_code(96, int4::code_of(-5));
  EXPECT_EQ(view.code(96), int4::code_of(-5));
  EXPECT_EQ(view.scale(96), 4);
  EXPECT_EQ(view.scale(95), 3);
  EXPECT_EQ(view.scale_end(40), 64u);
  EXPECT_EQ(view.bytes().data(), bytes.data());
  EXPECT_EQ(view.bytes().size(), bytes.size());
  EXPECT_EQ(view.scales().size(), 4u);
  std::vector<float> out(2);
  view.decode(95, out);
  EXPECT_EQ(out, (std::vector<float>{0, -20}));
}

TEST(coded_view, of_larger_buffers_is_as_large_as_its_shape) {
  std::vector<std::byte> bytes(1000);
  std::vector<float> scales(100);
  const int4_view view(bytes, scales, {2, 64});
  EXPECT_EQ(view.bytes().size(), 64u);
  EXPECT_EQ(view.scales().size(), 4u);
}

TEST(coded_view, refuses_buffers_that_are_too_small) {
  std::vector<std::byte> bytes(64);
  std::vector<float> scales(4);
  const auto message = [](std::span<std::byte> b, std::span<const float> s, shape size) -> std::string {
    try {
      static_cast<void>(int4_view(b, s, size));
    } catch (const error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(message(bytes, scales, {2, 64}), "no error");
  EXPECT_EQ(message(std::span(bytes).first(63), scales, {2, 64}),
            "zolt: coded_view: bytes of codes = 63 must be at least 64 for shape 2x64");
  EXPECT_EQ(message(bytes, std::span(scales).first(3), {2, 64}), "zolt: coded_view: scales = 3 must be at least 4 for shape 2x64");
  EXPECT_EQ(message(bytes, scales, {2, 60}), "zolt: coded_view: columns = 60 must be divided by the group of 32");
  EXPECT_EQ(message(bytes, scales, {0, 64}), "zolt: coded_view: shape = 0x64 must have at least one element");
}

TEST(quantized_tensor, is_as_large_as_its_codes_and_scales) {
  const quantized_tensor<int4, per_group<32>> q({16, 96});
  EXPECT_EQ(q.memory(), 16 * 96 / 2 + 16 * 3 * sizeof(float));
  EXPECT_EQ(q.scales().size(), 48u);
  EXPECT_EQ(quantized_tensor<int8>({16, 96}).memory(), 16 * 96 + 16 * sizeof(float));
}

TEST(quantized_tensor, starts_with_zeros_of_scale_1) {
  const quantized_tensor<int8, per_tensor> q({3, 5});
  std::vector<float> out(15, -1.0f);
  q.decode(0, out);
  EXPECT_EQ(out, std::vector<float>(15));
  EXPECT_EQ(q.view().scale(7), 1.0f);
}

TEST(quantized_tensor, decodes_any_range) {
  tensor<float> weights({6, 70});
  const auto numbers = test::normal_weights(420, 1);
  std::copy(numbers.begin(), numbers.end(), weights.data());
  const auto q = quantize<int4, per_group<32, last_group::shorter>>("w", weights);
  test::draws random(2);
  for (int trial = 0; trial < 500; ++trial) {
    const std::size_t first = random.below(420), count = random.between(0, 420 - first);
    std::vector<float> out(count);
    q.decode(first, out);
    for (std::size_t j = 0; j < count; ++j)
      ASSERT_EQ(out[j], int4::value_of(int4::ordinal_of(q.view().code(first + j))) * q.view().scale(first + j)) << first << " + " << j;
  }
}

TEST(quantized_tensor, scales_may_be_moved) {
  quantized_tensor<int8> q({1, 4});
  q.view().set_code(2, 10);
  q.scales()[0] = 0.5f;
  std::vector<float> out(4);
  q.decode(0, out);
  EXPECT_EQ(out, (std::vector<float>{0, 0, 5, 0}));
}

TEST(unit_of, is_the_scale_of_an_integer_tensor) {
  quantized_tensor<int8, per_channel> q({3, 10});
  q.scales()[0] = 0.1f, q.scales()[1] = 0.4f, q.scales()[2] = 0.2f;
  EXPECT_EQ(unit_of(q), 0.2f) << "the median of 0.1, 0.2 and 0.4";
}

TEST(unit_of, is_the_median_step_between_codes_of_a_minifloat) {
  quantized_tensor<e4m3fn, per_tensor> q({1, 3});
  q.scales()[0] = 0.5f;
  for (std::size_t i = 0; i < 3; ++i) q.view().set_code(i, e4m3fn::code_of(e4m3fn::ordinal_of(0x38) + static_cast<int>(8 * i)));  // 1, 2, 4
  EXPECT_EQ(unit_of(q), 0.25 * 0.5) << "the steps above 1, 2 and 4 are 1/8, 1/4 and 1/2";
  for (std::size_t i = 0; i < 3; ++i) q.view().set_code(i, e4m3fn::code_of(e4m3fn::highest));
  EXPECT_EQ(unit_of(q), 32 * 0.5) << "the highest code has a neighbour below alone";
}

}  // namespace
}  // namespace zolt
