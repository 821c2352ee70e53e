#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "quantize/layout/block_data.hpp"
#include "support/messages.hpp"
#include "zolt/optimizer/probe_view.hpp"
#include "zolt/quantize/layout/ggml.hpp"
#include "zolt/quantize/layout/microscaling.hpp"
#include "zolt/quantize/layout/nvfp4.hpp"

namespace zolt::test {
namespace {

template <class L>
constexpr bool read_and_written_and_trained =
    quantizable_block_layout<L>&& trainable_block_layout<L>&& coded_storage<block_view<L>> &&
    !coded_storage<block_view<L, const std::byte>> && readable_weights<block_view<L>> && readable_weights<block_view<L, const std::byte>>;
static_assert(read_and_written_and_trained<ggml_q4_0> && read_and_written_and_trained<ggml_q4_1> &&
              read_and_written_and_trained<ggml_q5_0> && read_and_written_and_trained<ggml_q5_1> &&
              read_and_written_and_trained<ggml_q8_0> && read_and_written_and_trained<ggml_mxfp4>);
static_assert(read_and_written_and_trained<mxfp8_e4m3fn> && read_and_written_and_trained<mxfp8_e5m2> &&
              read_and_written_and_trained<mxfp6_e2m3> && read_and_written_and_trained<mxfp6_e3m2> && read_and_written_and_trained<mxfp4> &&
              read_and_written_and_trained<mxint8_block> && read_and_written_and_trained<nvfp4>);
static_assert(trainable_block_layout<ggml_iq4_nl> && !quantizable_block_layout<ggml_iq4_nl> && coded_storage<block_view<ggml_iq4_nl>>);
static_assert(block_layout<ggml_q4_k> && !trainable_block_layout<ggml_q4_k> && readable_weights<block_reader<ggml_q4_k>>);
static_assert(block_layout<ggml_q6_k> && !trainable_block_layout<ggml_q6_k> && readable_weights<block_reader<ggml_q6_k>>);
static_assert(number_format<offset_integer<4>> && offset_integer<4>::name == "offset_int4" && offset_integer<5>::name == "offset_int5");
static_assert(std::is_trivially_copyable_v<block_view<ggml_q4_0>> && std::is_trivially_copyable_v<block_view<nvfp4>>);

template <class Layout>
class block_views : public testing::Test {};
using all_layouts = testing::Types<ggml_q4_0, ggml_q4_1, ggml_q5_0, ggml_q5_1, ggml_q8_0, ggml_iq4_nl, ggml_mxfp4, mxfp8_e4m3fn, mxfp8_e5m2,
                                   mxfp6_e2m3, mxfp6_e3m2, mxfp4, mxint8_block, nvfp4>;
TYPED_TEST_SUITE(block_views, all_layouts);

template <class L>
std::vector<std::byte> some_bytes(const shape& s) {
  const auto weights = normal_weights(s.size(), 1);
  if constexpr (quantizable_block_layout<L>) {
    return quantize_blocks<L>("w", {weights.data(), s});
  } else {
    auto bytes = quantize_blocks<ggml_q4_0>("w", {weights.data(), s});  // the same places
    EXPECT_EQ(bytes.size(), bytes_for<L>(s));
    return bytes;
  }
}
bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

TYPED_TEST(block_views, decode_any_range_to_the_bits_of_the_grid) {
  using format = typename TypeParam::format;
  const shape s{3, 96};
  auto bytes = some_bytes<TypeParam>(s);
  const block_view<TypeParam> view("w", bytes, s);
  draws random(2);
  for (std::size_t i = 0; i < s.size(); i += 3)  // all codes that are numbers
    if (const auto c = static_cast<code>(random.word() & ((1u << format::bits) - 1)); format::has_ordinal(c)) view.set_code(i, c);
  for (int trial = 0; trial < 60; ++trial) {
    const std::size_t first = random.below(s.size()), count = random.between(0, s.size() - first);
    std::vector<float> out(count + 1, -12345.0f);
    view.decode(first, std::span(out).first(count));
    for (std::size_t j = 0; j < count; ++j)
      ASSERT_TRUE(same_bits(out[j], view.grid(first + j)(format::value_of(format::ordinal_of(view.code(first + j)))))) << first + j;
    ASSERT_EQ(out[count], -12345.0f);
  }
  EXPECT_EQ(view.shape(), s);
  EXPECT_EQ(view.bytes().data(), bytes.data());
  EXPECT_EQ(view.bytes().size(), bytes.size());
  EXPECT_EQ(view.scale(40), view.grid(40).scale);
}
TYPED_TEST(block_views, move_one_code_and_no_other) {
  using format = typename TypeParam::format;
  const shape s{2, 64};
  auto bytes = some_bytes<TypeParam>(s);
  const block_view<TypeParam> view("w", bytes, s);
  std::vector<code> codes(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) codes[i] = view.code(i);
  draws random(3);
  for (int trial = 0; trial < 100; ++trial) {
    const std::size_t i = random.below(s.size());
    codes[i] =
        format::code_of(static_cast<int>(random.between(0, static_cast<std::size_t>(format::highest - format::lowest))) + format::lowest);
    view.set_code(i, codes[i]);
    for (std::size_t j = 0; j < s.size(); ++j) ASSERT_EQ(view.code(j), codes[j]) << i << " moved " << j;
  }
  for (std::size_t i = 0; i < s.size(); ++i)
    for (std::size_t j = i; j < view.scale_end(i); ++j) ASSERT_EQ(view.scale(j), view.scale(i));
}
TYPED_TEST(block_views, of_constant_bytes_read_the_same) {
  const shape s{2, 64};
  const auto bytes = some_bytes<TypeParam>(s);
  const block_view<TypeParam, const std::byte> view("w", bytes, s);
  const block_reader<TypeParam> reader("w", bytes, s);
  std::vector<float> a(s.size()), b(s.size()), c(s.size());
  view.decode(0, a), reader.decode(0, b), dequantize_blocks<TypeParam>("w", bytes, c);
  EXPECT_EQ(a, b);
  EXPECT_EQ(a, c);
  std::vector<float> through_probe(s.size());
  probe_view{}.read(view, 0, through_probe);
  EXPECT_EQ(a, through_probe);
}
// Weights may begin anywhere in a file.
TYPED_TEST(block_views, need_no_alignment) {
  const shape s{1, 64};
  const auto bytes = some_bytes<TypeParam>(s);
  std::vector<float> expected(s.size()), out(s.size());
  dequantize_blocks<TypeParam>("w", bytes, expected);
  for (std::size_t shift = 1; shift < 4; ++shift) {
    std::vector<std::byte> moved(bytes.size() + shift);
    std::copy(bytes.begin(), bytes.end(), moved.begin() + static_cast<std::ptrdiff_t>(shift));
    block_view<TypeParam>("w", std::span(moved).subspan(shift), s).decode(0, out);
    EXPECT_EQ(out, expected);
  }
}
TYPED_TEST(block_views, of_too_few_bytes_or_of_a_broken_shape_are_refused) {
  const std::string name(TypeParam::name), block = to_text(TypeParam::weights);
  auto bytes = some_bytes<TypeParam>({2, 64});
  const auto message = [&bytes](std::size_t count, shape s) {
    return message_of([&] { block_view<TypeParam>("w", std::span(bytes).first(count), s); });
  };
  const std::string needed = to_text(bytes.size());
  EXPECT_EQ(message(bytes.size(), {2, 64}), "no error");
  EXPECT_EQ(message(bytes.size() - 1, {2, 64}),
            "zolt: w: bytes = " + to_text(bytes.size() - 1) + " must be at least " + needed + " for shape 2x64 of " + name);
  EXPECT_EQ(message(0, {2, 64}), "zolt: w: bytes = 0 must be at least " + needed + " for shape 2x64 of " + name);
  EXPECT_EQ(message(bytes.size(), {2, 40}), "zolt: w: columns = 40 must be divided by " + block + ", the block of " + name);
  EXPECT_EQ(message(bytes.size(), {0, 64}), "zolt: w: shape = 0x64 must have at least one element");
  EXPECT_EQ(message(bytes.size(), {std::size_t{1} << 60, 64}),
            "zolt: w: shape = 1152921504606846976x64 must have a size that the machine can count");
  EXPECT_EQ(message_of([] {
              static_cast<void>(bytes_for<TypeParam>({1, 33}));
            }),
            "zolt: " + name + ": columns = 33 must be divided by " + block + ", the block of " + name);
}

TEST(block_views, with_scales_that_are_no_numbers_are_refused) {
  std::vector<std::byte> q4_1(4 * 20), q4_k(144), q6_k(210), mx(17 * 2);
  q4_1[60 + 3] = std::byte{0x7e};
  EXPECT_EQ(message_of([&] {
              block_view<ggml_q4_1>("w", q4_1, {2, 64});
            }),
            "zolt: w: m of block 3 (row 1) = nan must round to at most 65504, the largest binary16");
  q4_1[41] = std::byte{0xfc};
  EXPECT_EQ(message_of([&] {
              block_view<ggml_q4_1>("w", q4_1, {2, 64});
            }),
            "zolt: w: d of block 2 (row 1) = -inf must round to at most 65504, the largest binary16");
  q4_k[3] = std::byte{0x7c};
  EXPECT_EQ(message_of([&] {
              block_reader<ggml_q4_k>("w", q4_k, {1, 256});
            }),
            "zolt: w: dmin of block 0 (row 0) = inf must round to at most 65504, the largest binary16");
  q6_k[209] = std::byte{0x7d};
  EXPECT_EQ(message_of([&] {
              block_reader<ggml_q6_k>("w", q6_k, {1, 256});
            }),
            "zolt: w: d of block 0 (row 0) = nan must round to at most 65504, the largest binary16");
  mx[17] = std::byte{0xff};
  EXPECT_EQ(message_of([&] {
              block_view<ggml_mxfp4>("w", mx, {1, 64});
            }),
            "zolt: w: e8m0 scale of block 1 (row 0) = nan must be a power of two whose product with 6 is finite");
  mx[17] = std::byte{0xfd};
  EXPECT_EQ(message_of([&] {
              block_view<ggml_mxfp4>("w", mx, {1, 64});
            }),
            "zolt: w: e8m0 scale of block 1 (row 0) = 8.507059e+37 must be a power of two whose product with 6 is finite");
  std::vector<float> out(64, 7.0f);
  EXPECT_NE(message_of([&] { dequantize_blocks<ggml_mxfp4>("w", mx, out); }), "no error");
  EXPECT_EQ(out, std::vector<float>(64, 7.0f)) << "nothing is half written";
  mx[17] = std::byte{0xfc};
  EXPECT_EQ(message_of([&] { block_view<ggml_mxfp4>("w", mx, {1, 64}); }), "no error");
}

TEST(quantize_blocks, refuses_what_is_no_number_before_it_writes) {
  std::vector<float> weights(3 * 64, 1.0f);
  std::vector<std::byte> out(6 * 18, std::byte{0xaa});
  const auto before = out;
  const auto message = [&] { return message_of([&] { quantize_blocks<ggml_q4_0>("w", {weights.data(), {3, 64}}, out); }); };
  weights[170] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message(), "zolt: w: weight 170 (row 2, block 5) = nan must be finite");
  weights[31] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(message(), "zolt: w: weight 31 (row 0, block 0) = -inf must be finite");
  EXPECT_EQ(hex(out), hex(before));
  weights[170] = weights[31] = 1;
  out.pop_back();
  EXPECT_EQ(message(), "zolt: w: bytes = 107 must be at least 108 for shape 3x64 of ggml_q4_0");
  EXPECT_EQ(message_of([&] {
              quantize_blocks<ggml_q4_0>("w", {weights.data(), {4, 48}});
            }),
            "zolt: w: columns = 48 must be divided by 32, the block of ggml_q4_0");
}

template <int Bits>
void expect_offset_integers() {
  using format = offset_integer<Bits>;
  for (int o = format::lowest; o <= format::highest; ++o) {
    EXPECT_EQ(format::ordinal_of(format::code_of(o)), o);
    EXPECT_EQ(format::code_of(o), o - format::lowest);
    EXPECT_EQ(format::value_of(o), static_cast<float>(o));
    EXPECT_EQ(encode<format>(static_cast<float>(o) + 0.5f, nearest_even{}).ordinal, std::min(o + (o & 1), format::highest));
  }
  EXPECT_EQ(format::name, "offset_int" + to_text(Bits));
}
TEST(offset_integer, counts_from_the_most_negative_number) {
  expect_offset_integers<2>(), expect_offset_integers<4>(), expect_offset_integers<5>(), expect_offset_integers<8>();
}

}  // namespace
}  // namespace zolt::test
