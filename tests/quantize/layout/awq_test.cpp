#include <gtest/gtest.h>

#include <limits>

#include "quantize/layout/word_data.hpp"
#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/parameter/storage.hpp"
#include "zolt/quantize/layout/awq.hpp"

namespace zolt::test {
namespace {

static_assert(coded_storage<awq_view<>> && !coded_storage<awq_view<const std::byte>>);

// Outputs 0 … 7 of a word lie in nibbles 0, 4, 1, 5, 2, 6, 3, 7.
TEST(awq_layout, packs_words_in_its_order) {
  std::vector<code> codes(2 * 16);
  for (std::size_t o = 0; o < 8; ++o) codes[16 + o] = static_cast<code>(o + 1);
  codes[8] = 0xf;
  std::vector<code> zeros(16);
  zeros[1] = 3, zeros[15] = 9;
  std::vector<float> scales(16, 1.0f);
  scales[7] = 2;
  auto layer = awq_pack("w", {2, 16}, codes, scales, zeros);
  EXPECT_EQ(words_of(layer.qweight), (std::vector<std::uint32_t>{0, 0xf, 0x86427531, 0}));
  EXPECT_EQ(words_of(layer.qzeros), (std::vector<std::uint32_t>{0x00030000, 0x90000000})) << "as they are";
  const awq_view<> view("w", layer.tensors(), {2, 16});
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(view.code(i), codes[i]);
  const auto w = decoded_floats(view);
  EXPECT_EQ(w[16 + 1], 2 - 3.0f);
  EXPECT_EQ(w[16 + 7], 2 * 8.0f);
  EXPECT_EQ(w[15], -9.0f);
  EXPECT_EQ(view.grid(31), (affine{1, 9}));
}
TEST(awq_layout, decodes_any_range_by_groups) {
  draws random(3);
  std::vector<code> codes(12 * 24), zeros(3 * 24);
  std::vector<float> scales(3 * 24);
  for (code& c : codes) c = static_cast<code>(random.below(16));
  for (code& z : zeros) z = static_cast<code>(random.below(16));
  for (float& s : scales) s = half::from(random.real(-1, 1)).value();
  auto layer = awq_pack("w", {12, 24}, codes, scales, zeros);
  const awq_view<> view("w", layer.tensors(), {12, 24});
  for (int trial = 0; trial < 100; ++trial) {
    const std::size_t first = random.below(288), count = random.between(0, 288 - first);
    std::vector<float> out(count);
    view.decode(first, out);
    for (std::size_t j = 0; j < count; ++j) {
      const std::size_t i = first + j, k = i / 24 / 4 * 24 + i % 24;
      ASSERT_EQ(out[j], scales[k] * (static_cast<float>(codes[i]) - static_cast<float>(zeros[k])));
      ASSERT_EQ(out[j], view.grid(i)(static_cast<float>(codes[i])));
    }
  }
}
TEST(awq_layout, refuses_what_does_not_fit) {
  const std::vector<std::byte> weights(64), zeros(8), scales = halves_of(std::vector<float>(16, 1.0f));
  const auto message = [&](shape s, std::size_t w, std::size_t z, std::span<const std::byte> sc) {
    const awq_tensors<const std::byte> t{std::span(weights).first(w), std::span(zeros).first(z), sc};
    return message_of([&] { awq_view<const std::byte>("w", t, s); });
  };
  EXPECT_EQ(message({16, 8}, 64, 8, scales), "no error");
  EXPECT_EQ(message({8, 12}, 64, 8, scales), "zolt: w: outputs = 12 must be a multiple of 8, the codes of whole words");
  EXPECT_EQ(message({16, 8}, 60, 8, scales), "zolt: w: bytes of qweight = 60 must be 64 for shape 16x8 in 2 groups");
  EXPECT_EQ(message({16, 8}, 64, 4, scales), "zolt: w: bytes of qzeros = 4 must be 8 for shape 16x8 in 2 groups");
  EXPECT_EQ(message({15, 8}, 60, 8, scales), "zolt: w: groups = 2 must divide the inputs, 15");
  EXPECT_EQ(message({16, 8}, 64, 8, std::span(scales).first(30)),
            "zolt: w: bytes of scales = 30 must be 2 per group and output for shape 16x8");
  const auto wrong = halves_of({1, 1, 1, 1, std::numeric_limits<float>::quiet_NaN(), 1, 1, 1});
  EXPECT_EQ(message({16, 8}, 64, 4, wrong), "zolt: w: scale of group 0, output 4 = nan must be finite");
  EXPECT_EQ(message_of([] {
              awq_pack("w", {1, 8}, std::vector<code>(8), std::vector<float>(8), std::vector<code>(8, 16));
            }),
            "zolt: w: zero of group 0, output 0 = 16 must be at most 15");
}

}  // namespace
}  // namespace zolt::test
