#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "quantize/layout/block_data.hpp"
#include "support/messages.hpp"
#include "zolt/parameter/storage.hpp"
#include "zolt/quantize/layout/bitsandbytes.hpp"

namespace zolt::test {
namespace {

static_assert(coded_storage<bitsandbytes_view<nf4>> && coded_storage<bitsandbytes_view<fp4_bnb, 32>>);
static_assert(coded_storage<bitsandbytes_view<nf4, 64, std::byte, double_quantized_scales::grids>>);
static_assert(!coded_storage<bitsandbytes_view<nf4, 64, const std::byte>>);

struct packed {
  std::vector<std::byte> bytes;
  std::vector<float> absmax;
};
template <class Format, std::size_t Block = 64>
packed packed_of(const std::vector<float>& w) {
  packed p{std::vector<std::byte>((w.size() + 1) / 2), std::vector<float>((w.size() + Block - 1) / Block)};
  quantize_bitsandbytes<Format, Block>("w", w, p.bytes, p.absmax);
  return p;
}
template <class Format, std::size_t Block = 64>
std::vector<float> unpacked(const packed& p, std::size_t count) {
  std::vector<float> w(count);
  dequantize_bitsandbytes<Format, Block>("w", p.bytes, scale_view(p.absmax), w);
  return w;
}

TEST(bitsandbytes, puts_the_first_of_two_codes_into_the_high_nibble) {
  const auto p = packed_of<nf4>({2, -2, 0, 0.7f, -1.3f});
  EXPECT_EQ(hex(p.bytes), "f0 7b 17") << "1, −1 | 0, .35 | −.65 and the code of 0 as filling";
  EXPECT_EQ(p.absmax, (std::vector<float>{2}));
  EXPECT_EQ(unpacked<nf4>(p, 5), (std::vector<float>{2, -2, 0, 2 * nf4_table::values[11], 2 * nf4_table::values[1]}));
}
// The order of FP4's codes: 0, 1/192, 2/3, 1, 1/3, 1/2, 1/6, 1/4; negative numbers below the least have the second zero.
TEST(bitsandbytes, of_fp4) {
  const auto p = packed_of<fp4_bnb>({12, 8, 6, 4, 3, 2, 0.0625f, 0, -12, -0.01f, -3, -0.f});
  EXPECT_EQ(hex(p.bytes), "32 54 76 10 b8 f0");
  EXPECT_EQ(unpacked<fp4_bnb>(p, 12)[9], 0.0f);
}
TEST(bitsandbytes, of_nf4_takes_ties_down) {
  for (std::size_t c = 0; c + 1 < 16; ++c) {
    const auto middle = static_cast<float>((double{nf4_table::values[c]} + double{nf4_table::values[c + 1]}) / 2);
    const auto p = packed_of<nf4>({1, middle, std::nextafter(middle, 2.0f), std::nextafter(middle, -2.0f)});
    EXPECT_EQ(bitsandbytes_codes::load(p.bytes.data(), 1), c);
    EXPECT_EQ(bitsandbytes_codes::load(p.bytes.data(), 2), c + 1);
    EXPECT_EQ(bitsandbytes_codes::load(p.bytes.data(), 3), c);
  }
}
TEST(bitsandbytes, multiplies_with_the_reciprocal) {  // as the reference, which differs from a division in the last bit
  draws random(1);
  const auto w = normal_weights(6400, 2);
  const auto p = packed_of<nf4>(w);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float v = w[i] * (1.0f / p.absmax[i / 64]);
    unsigned expected = 0;
    for (std::size_t c = 0; c + 1 < 16; ++c)
      expected += v > static_cast<float>((double{nf4_table::values[c]} + double{nf4_table::values[c + 1]}) / 2);
    ASSERT_EQ(bitsandbytes_codes::load(p.bytes.data(), i), expected) << i;
  }
  EXPECT_NEAR(relative_rmse(w, unpacked<nf4>(p, w.size())) / 0.093, 1, 0.04) << "quantization.md §15";
  EXPECT_NEAR(relative_rmse(w, unpacked<fp4_bnb>(packed_of<fp4_bnb>(w), w.size())) / 0.122, 1, 0.04);
}
TEST(bitsandbytes, of_zeros_and_of_the_smallest_floats) {
  EXPECT_EQ(hex(packed_of<nf4>(std::vector<float>(4)).bytes), "77 77");
  const auto p = packed_of<nf4>({0x1p-149f, -0x1p-149f});
  EXPECT_EQ(hex(p.bytes), "77") << "x·10³⁸ is far below 1";
  EXPECT_EQ(unpacked<nf4>(p, 2), (std::vector<float>{0, 0}));
}

TEST(bitsandbytes_view, decodes_any_range_over_the_ends_of_rows) {
  const auto w = normal_weights(5 * 77, 3);
  auto p = packed_of<nf4, 32>(w);
  const bitsandbytes_view<nf4, 32> view("w", p.bytes, p.absmax, {5, 77});
  EXPECT_EQ(view.bytes().size(), 193u);
  EXPECT_EQ(view.scale_end(31), 32u);
  EXPECT_EQ(view.scale_end(384), 385u) << "the last block is shorter";
  draws random(4);
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t first = random.below(w.size()), count = random.between(0, w.size() - first);
    std::vector<float> out(count);
    view.decode(first, out);
    for (std::size_t j = 0; j < count; ++j) ASSERT_EQ(out[j], view.grid(first + j)(nf4::value_of(nf4::ordinal_of(view.code(first + j)))));
  }
  const auto before = unpacked<nf4, 32>(p, w.size());
  view.set_code(100, 3);
  const auto after = unpacked<nf4, 32>(p, w.size());
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(after[i], i == 100 ? nf4_table::values[3] * p.absmax[3] : before[i]);
}
TEST(bitsandbytes_view, reads_double_quantized_absmax) {
  const auto w = normal_weights(64 * 600, 5);
  const auto p = packed_of<nf4>(w);
  std::vector<scaled> absmax(p.absmax.size());
  for (std::size_t k = 0; k < absmax.size(); ++k) absmax[k] = {p.absmax[k]};
  double_quantized_scales twice(absmax.size());
  twice.keep(absmax);

  const float offset = twice.offset();
  const auto grids = absmax_of_bytes("w", twice.codes(), twice.block_scales(), &offset);
  const bitsandbytes_view<nf4, 64, const std::byte, double_quantized_scales::grids> view("w", p.bytes, grids, {600, 64});
  for (const std::size_t k : {0u, 255u, 256u, 599u}) {
    EXPECT_EQ(view.scale(64 * k), dynamic_map()[twice.codes()[k]] * twice.block_scales()[k / 256] + offset);
    EXPECT_NEAR(view.scale(64 * k), p.absmax[k], 0.02f);
  }
  std::vector<float> out(w.size());
  dequantize_bitsandbytes<nf4, 64>("w", p.bytes, grids, out);
  EXPECT_LT(relative_rmse(w, out), 0.0985);
  EXPECT_EQ(message_of([&] { absmax_of_bytes("w", twice.codes(), twice.block_scales().first(2), &offset); }),
            "zolt: w: nested absmax = 2 must be at least 3");
}

TEST(bitsandbytes, refuses_what_does_not_fit) {
  std::vector<std::byte> bytes(50);
  std::vector<float> absmax(2);
  const auto view = [&](std::size_t b, std::size_t a, shape s) {
    return message_of([&] { bitsandbytes_view<nf4>("w", std::span(bytes).first(b), scale_view(std::span(absmax).first(a)), s); });
  };
  EXPECT_EQ(view(50, 2, {1, 100}), "no error");
  EXPECT_EQ(view(49, 2, {1, 99}), "zolt: w: bytes = 49 must be at least 50 for shape 1x99 of nf4");
  EXPECT_EQ(view(50, 1, {4, 25}), "zolt: w: absmax = 1 must be at least 2 for shape 4x25 in blocks of 64");
  EXPECT_EQ(view(50, 2, {0, 25}), "zolt: w: shape = 0x25 must have at least one element");
  absmax[1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(view(50, 2, {1, 100}), "zolt: w: absmax of block 1 = inf must be finite");
  EXPECT_EQ(view(32, 1, {1, 64}), "no error");

  std::vector<float> w(100, 1.0f);
  const auto quantize = [&](std::size_t b, std::size_t a) {
    return message_of([&] { quantize_bitsandbytes<nf4>("w", w, std::span(bytes).first(b), std::span(absmax).first(a)); });
  };
  EXPECT_EQ(quantize(49, 2), "zolt: w: bytes = 49 must be at least 50");
  EXPECT_EQ(quantize(50, 1), "zolt: w: absmax = 1 must be at least 2");
  w[70] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(quantize(50, 2), "zolt: w: weight 70 (block 1) = -inf must be finite");
  EXPECT_EQ(hex(bytes), hex(std::vector<std::byte>(50))) << "nothing is half written";
  w.clear();
  EXPECT_EQ(quantize(50, 2), "zolt: w: weights = 0 must be at least 1");
}

}  // namespace
}  // namespace zolt::test
