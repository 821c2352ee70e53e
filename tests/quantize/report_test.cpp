#include <gtest/gtest.h>

#include "support/messages.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/quantize/report.hpp"

namespace zolt::test {
namespace {

/// A user's range policy that leaves weights outside.
struct unit_scale {
  template <number_format Format>
  scaled fit(std::span<const float>) const {
    return {1};
  }
};

TEST(quantization_report, counts_what_happened_to_a_tensor) {
  tensor<float> w({2, 4});
  std::copy_n(std::begin({1.25f, -9.0f, 7.0f, 8.0f, 0.25f, 0.0f, -0.25f, 0.1f}), 8, w.data());
  const auto q = quantizer<int4, per_group<4>, unit_scale>{}("w", w);
  const tensor_report r = report_on("w", "int4", w, q);
  EXPECT_EQ(r.shape, (shape{2, 4}));
  EXPECT_EQ(r.clipped, 2u) << "beyond ±7.5";
  EXPECT_EQ(r.clip_rate(), 0.25);
  EXPECT_EQ(r.groups, 2u);
  EXPECT_EQ(r.zero_groups, 1u);
  const double error = 0.25 * 0.25 + 4 + 1 + 2 * 0.0625 + 0.01;
  const double squares = 1.25 * 1.25 + 81 + 49 + 64 + 2 * 0.0625 + 0.01;
  EXPECT_NEAR(r.relative_rmse(), std::sqrt(error / squares), 1e-7);
  EXPECT_EQ(r.bits_per_weight(), 8.0 * (16 + 8) / 8) << "a block of 32 codes is padded";
}

TEST(quantization_report, counts_a_block_of_rows_once) {
  tensor<float> w({4, 32});
  w(3, 5) = 1;
  const tensor_report r = report_on("w", "int4", w, quantize<int4, per_block<2, 16>>("w", w));
  EXPECT_EQ(r.groups, 4u);
  EXPECT_EQ(r.zero_groups, 3u);
  EXPECT_EQ(quantization_report{}.total().bits_per_weight(), 0.0);
}

TEST(quantization_report, sums_up_a_model) {
  tensor<float> w({4, 32});
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i % 11) - 5;
  quantization_report model;
  model.tensors.push_back(report_on("a", "int4", w, quantize<int4>("a", w)));
  model.tensors.push_back(report_on("b", "int8", w, quantize<int8>("b", w)));
  const tensor_report all = model.total();
  EXPECT_EQ(all.method, "mixed");
  EXPECT_EQ(all.shape.size(), 256u);
  EXPECT_EQ(all.groups, 8u);
  EXPECT_DOUBLE_EQ(all.bits_per_weight(), (model.tensors[0].bits_per_weight() + model.tensors[1].bits_per_weight()) / 2);
  EXPECT_DOUBLE_EQ(all.squared_error, model.tensors[0].squared_error + model.tensors[1].squared_error);
  model.tensors.pop_back();
  EXPECT_EQ(model.total().method, "int4");
}

TEST(quantization_report, wants_the_original_of_the_weights) {
  tensor<float> w({4, 32}), other({32, 4});
  EXPECT_EQ(message_of([&] { report_on("w", "int8", other, quantize<int8>("w", w)); }),
            "zolt: w: shape = 4x32 must be 32x4, as the original");
}

}  // namespace
}  // namespace zolt::test
