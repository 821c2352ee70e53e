#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quantize/layout/block_data.hpp"
#include "quantize/layout/word_data.hpp"
#include "support/messages.hpp"
#include "zolt/parameter/storage.hpp"
#include "zolt/quantize/layout/gptq.hpp"

namespace zolt::test {
namespace {

static_assert(coded_storage<gptq_view<2>> && coded_storage<gptq_view<3>> && coded_storage<gptq_view<4>> && coded_storage<gptq_view<8>>);
static_assert(!coded_storage<gptq_view<4, const std::byte>>);

/// One output per entry, all inputs of code 0 but those given as (output, input, code).
struct placed {
  std::size_t output, input;
  code value;
};
template <int Bits>
gptq_layer gptq_of(shape s, std::initializer_list<placed> codes, const std::vector<code>& zeros, gptq_version version,
                   std::vector<std::uint32_t> g_idx = {}) {
  std::vector<code> all(s.size());
  for (const placed& p : codes) all[p.output * s.columns + p.input] = p.value;
  if (g_idx.empty()) g_idx.assign(s.columns, 0);
  return gptq_pack<Bits>("w", s, all, std::vector<float>(zeros.size(), 0.5f), zeros, g_idx, version);
}

// Word (r, o) has nibble j for input 8r + j of output o.
TEST(gptq_layout, packs_words_of_4_bits) {
  const auto layer = gptq_of<4>({8, 16}, {{0, 0, 0xa}, {0, 7, 0x3}, {1, 1, 0xb}, {7, 15, 0xf}}, std::vector<code>{8, 8, 8, 8, 8, 8, 8, 1},
                                gptq_version::v1);
  EXPECT_EQ(words_of(layer.qweight), (std::vector<std::uint32_t>{0x3000000a, 0x000000b0, 0, 0, 0, 0, 0, 0,  //
                                                                 0, 0, 0, 0, 0, 0, 0, 0xf0000000}));
  EXPECT_EQ(words_of(layer.qzeros), (std::vector<std::uint32_t>{0x07777777})) << "8 less 1, and 1 less 1 for output 7";
  EXPECT_EQ(hex(layer.scales), "00 38 00 38 00 38 00 38 00 38 00 38 00 38 00 38");
  EXPECT_EQ(words_of(layer.g_idx), std::vector<std::uint32_t>(16));
  const auto v2 = gptq_of<4>({8, 16}, {}, std::vector<code>{8, 8, 8, 8, 8, 8, 8, 0}, gptq_version::v2);
  EXPECT_EQ(words_of(v2.qzeros), (std::vector<std::uint32_t>{0x08888888}));
}
TEST(gptq_layout, packs_words_of_2_and_8_bits) {
  const auto two = gptq_of<2>({16, 16}, {{0, 0, 1}, {0, 1, 2}, {0, 15, 3}, {1, 2, 3}}, std::vector<code>(16, 2), gptq_version::v1);
  EXPECT_EQ(words_of(two.qweight)[0], 0xc0000009u);
  EXPECT_EQ(words_of(two.qweight)[1], 0x00000030u);
  EXPECT_EQ(words_of(two.qzeros), (std::vector<std::uint32_t>{0x55555555}));
  const auto eight = gptq_of<8>({4, 8}, {{0, 0, 1}, {0, 3, 0xfe}, {2, 5, 0x80}}, std::vector<code>(4, 128), gptq_version::v1);
  EXPECT_EQ(words_of(eight.qweight), (std::vector<std::uint32_t>{0xfe000001, 0, 0, 0, 0, 0, 0x8000, 0}));
  EXPECT_EQ(words_of(eight.qzeros), (std::vector<std::uint32_t>{0x7f7f7f7f}));
}
// AutoGPTQ: codes 0 … 9 at bits 3j of the first word, two bits of code 10 at its end and the third in the second word, and so on.
TEST(gptq_layout, packs_words_of_3_bits_as_10_and_1_and_10_and_1_and_10) {
  std::vector<code> codes(32 * 32);
  draws random(1);
  for (code& c : codes) c = static_cast<code>(random.below(8));
  const std::vector<code> zeros(32, 4);
  const auto layer =
      gptq_pack<3>("w", {32, 32}, codes, std::vector<float>(32, 1.0f), zeros, std::vector<std::uint32_t>(32), gptq_version::v1);
  const auto words = words_of(layer.qweight);
  for (std::size_t o = 0; o < 32; ++o) {
    const auto q = [&](std::size_t c) { return std::uint32_t{codes[o * 32 + c]}; };
    std::uint32_t first = 0, second = 0, third = 0;
    for (unsigned j = 0; j < 10; ++j) first |= q(j) << 3 * j;
    first |= q(10) << 30, second |= q(10) >> 2 & 1;
    for (unsigned j = 0; j < 10; ++j) second |= q(11 + j) << (3 * j + 1);
    second |= q(21) << 31, third |= q(21) >> 1 & 3;
    for (unsigned j = 0; j < 10; ++j) third |= q(22 + j) << (3 * j + 2);
    ASSERT_EQ(words[o], first);
    ASSERT_EQ(words[32 + o], second);
    ASSERT_EQ(words[64 + o], third);
  }
  EXPECT_EQ(detect_gptq_version<3>("w", layer.qzeros), gptq_version::v1);
  const gptq_view<3, const std::byte> view("w", layer.tensors(), {32, 32});
  for (std::size_t i = 0; i < codes.size(); ++i) ASSERT_EQ(view.code(i), codes[i]);
  for (const std::size_t first : {0u, 5u, 31u, 40u, 1000u}) {
    std::vector<float> out(24);
    view.decode(first, out);
    for (std::size_t j = 0; j < out.size(); ++j) EXPECT_EQ(out[j], static_cast<float>(codes[first + j]) - 4.0f);
  }
}

TEST(gptq_layout, reads_scale_and_zero_of_the_group_of_each_input) {
  const std::vector<code> zeros = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 8};
  std::vector<float> scales(16);
  for (std::size_t k = 0; k < 16; ++k) scales[k] = static_cast<float>(k + 1) / 4;
  std::vector<code> codes(8 * 16);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<code>(i * 7 % 16);
  std::vector<std::uint32_t> g_idx(16);  // act-order: the groups of neighbours differ
  for (std::size_t c = 0; c < 16; ++c) g_idx[c] = c % 3 == 0;
  for (const gptq_version version : {gptq_version::v1, gptq_version::v2}) {
    auto layer = gptq_pack<4>("w", {8, 16}, codes, scales, zeros, g_idx, version);
    const gptq_view<4> view("w", layer.tensors(), {8, 16});
    EXPECT_EQ(view.groups(), 2u);
    const auto w = decoded_floats(view);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const std::size_t k = g_idx[i % 16] * 8 + i / 16;
      EXPECT_EQ(w[i], scales[k] * (static_cast<float>(codes[i]) - static_cast<float>(zeros[k])));
      EXPECT_EQ(view.grid(i), (affine{scales[k], static_cast<float>(zeros[k])}));
      for (std::size_t j = i; j < view.scale_end(i); ++j) EXPECT_EQ(view.grid(j), view.grid(i));
      EXPECT_LE(view.scale_end(i), (i / 16 + 1) * 16);
    }
    layer.g_idx.clear();
    const gptq_view<4> in_order("w", layer.tensors(), {8, 16});
    EXPECT_EQ(in_order.grid(16 + 7), (affine{scales[1], 2}));
    EXPECT_EQ(in_order.grid(16 + 8), (affine{scales[9], 10}));
    EXPECT_EQ(in_order.scale_end(16 + 3), 24u);
  }
}
TEST(gptq_layout, of_version_1_reads_all_ones_as_a_zero_of_0) {
  auto layer = gptq_of<4>({8, 8}, {{0, 0, 5}}, std::vector<code>(8, 1), gptq_version::v1);
  layer.qzeros = bytes_of({0x7777777f});
  EXPECT_EQ((gptq_view<4>("w", layer.tensors(), {8, 8}).grid(0).zero), 0.0f);
  EXPECT_EQ(decoded_floats(gptq_view<4>("w", layer.tensors(), {8, 8}))[0], 2.5f);
}
TEST(gptq_layout, tells_the_version_of_symmetric_layers) {
  using std::optional;
  const auto version = [](std::uint32_t word) { return detect_gptq_version<4>("w", bytes_of({word, word})); };
  EXPECT_EQ(version(0x77777777), optional(gptq_version::v1));
  EXPECT_EQ(version(0x88888888), optional(gptq_version::v2));
  EXPECT_EQ(version(0x77777778), std::nullopt);
  EXPECT_EQ(detect_gptq_version<8>("w", bytes_of({0x80808080})), optional(gptq_version::v2));
  EXPECT_EQ(detect_gptq_version<2>("w", bytes_of({0x55555555})), optional(gptq_version::v1));
  EXPECT_EQ(message_of([] { static_cast<void>(detect_gptq_version<4>("w", {})); }),
            "zolt: w: bytes of qzeros = 0 must be a positive multiple of 4");
  EXPECT_EQ(message_of([] { static_cast<void>(detect_gptq_version<3>("w", std::vector<std::byte>(4))); }),
            "zolt: w: bytes of qzeros = 4 must be a positive multiple of 12");
}

template <int Bits>
void expect_moves_alone(shape s) {
  std::vector<code> codes(s.size());
  draws random(2);
  for (code& c : codes) c = static_cast<code>(random.word() & ((1u << Bits) - 1));
  const std::vector<code> zeros(s.rows, 1);
  auto layer =
      gptq_pack<Bits>("w", s, codes, std::vector<float>(s.rows, 1.0f), zeros, std::vector<std::uint32_t>(s.columns), gptq_version::v1);
  const gptq_view<Bits> view("w", layer.tensors(), s);
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t i = random.below(s.size());
    codes[i] = static_cast<code>(random.word() & ((1u << Bits) - 1));
    view.set_code(i, codes[i]);
  }
  for (std::size_t i = 0; i < s.size(); ++i) ASSERT_EQ(view.code(i), codes[i]) << Bits << " " << i;
  EXPECT_EQ(view.bytes().size(), s.size() * Bits / 8);
}
TEST(gptq_layout, moves_one_code_and_no_other) {
  expect_moves_alone<2>({16, 48});
  expect_moves_alone<3>({32, 64});
  expect_moves_alone<4>({8, 40});
  expect_moves_alone<8>({4, 12});
}

TEST(gptq_layout, refuses_what_does_not_fit) {
  const std::vector<std::byte> weights(8 * 16 / 2), zeros(2 * 4), scales = halves_of(std::vector<float>(16, 1.0f)), groups(4 * 16);
  const auto message = [&](shape s, auto change) {
    gptq_tensors<const std::byte> t{weights, zeros, scales, groups};
    change(t);
    return message_of([&] { gptq_view<4, const std::byte>("w", t, s); });
  };
  const shape s{8, 16};
  EXPECT_EQ(message(s, [](auto&) {}), "no error");
  EXPECT_EQ(message({8, 12}, [](auto&) {}), "zolt: w: inputs = 12 must be a multiple of 8, the codes of whole words");
  EXPECT_EQ(message({9, 16}, [](auto&) {}), "zolt: w: outputs = 9 must be a multiple of 8, the codes of whole words");
  EXPECT_EQ(message({0, 16}, [](auto&) {}), "zolt: w: shape = 0x16 must have at least one element");
  EXPECT_EQ(message({std::size_t{1} << 40, std::size_t{1} << 40}, [](auto&) {}),
            "zolt: w: shape = 1099511627776x1099511627776 must have a size that the machine can count");
  EXPECT_EQ(message({16, 16}, [](auto&) {}), "zolt: w: bytes of qweight = 64 must be 128 for shape 16x16 in 1 groups");
  EXPECT_EQ(message(s, [](auto& t) { t.qweight = t.qweight.first(63); }),
            "zolt: w: bytes of qweight = 63 must be 64 for shape 8x16 in 2 groups");
  EXPECT_EQ(message(s, [](auto& t) { t.qzeros = t.qzeros.first(4); }), "zolt: w: bytes of qzeros = 4 must be 8 for shape 8x16 in 2 groups");
  EXPECT_EQ(message(s, [](auto& t) { t.scales = t.scales.first(31); }),
            "zolt: w: bytes of scales = 31 must be 2 per group and output for shape 8x16");
  EXPECT_EQ(message(s, [](auto& t) { t.g_idx = t.g_idx.first(60); }), "zolt: w: bytes of g_idx = 60 must be 64 for shape 8x16 in 2 groups");
  EXPECT_EQ(message({8, 16},
                    [&](auto& t) {
                      static const auto wrong = bytes_of({0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
                      t.g_idx = wrong;
                    }),
            "zolt: w: g_idx of input 3 = 2 must be from 0 to 1");
  EXPECT_EQ(message({8, 16},
                    [&](auto& t) {
                      static const auto wrong = bytes_of({0, 0xffffffff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
                      t.g_idx = wrong;
                    }),
            "zolt: w: g_idx of input 1 = -1 must be from 0 to 1");
  EXPECT_EQ(message(s,
                    [&](auto& t) {
                      static auto wrong = scales;
                      wrong[2 * 11 + 1] = std::byte{0x7c};
                      t.scales = wrong;
                    }),
            "zolt: w: scale of group 1, output 3 = inf must be finite");
  const std::vector<std::byte> three = halves_of(std::vector<float>(24, 1.0f)), three_zeros(12);
  EXPECT_EQ(message(s, [&](auto& t) { t.scales = three, t.qzeros = three_zeros, t.g_idx = {}; }),
            "zolt: w: groups = 3 must divide the inputs, 16, where there is no g_idx");
}
TEST(gptq_layout, refuses_to_pack_what_does_not_fit) {
  const std::vector<code> codes(64), zeros(8, 8);
  const std::vector<float> scales(8, 1.0f);
  const std::vector<std::uint32_t> g_idx(8);
  const auto message = [&](auto&&... change) {
    auto q = codes, z = zeros;
    auto s = scales;
    auto g = g_idx;
    (change(q, s, z, g), ...);
    return message_of([&] { gptq_pack<4>("w", {8, 8}, q, s, z, g, gptq_version::v1); });
  };
  EXPECT_EQ(message(), "no error");
  EXPECT_EQ(message([](auto& q, auto&, auto&, auto&) { q.pop_back(); }), "zolt: w: codes = 63 must be 64 for shape 8x8");
  EXPECT_EQ(message([](auto& q, auto&, auto&, auto&) { q[9] = 16; }), "zolt: w: code 9 = 16 must be at most 15");
  EXPECT_EQ(message([](auto&, auto& s, auto&, auto&) { s.pop_back(); }), "zolt: w: scales = 7 must be one per group and output");
  EXPECT_EQ(message([](auto&, auto& s, auto&, auto&) { s[3] = 1e6f; }),
            "zolt: w: scale of group 0, output 3 = 1e+06 must round to at most 65504, the largest binary16");
  EXPECT_EQ(message([](auto&, auto&, auto& z, auto&) { z.pop_back(); }), "zolt: w: zeros = 7 must be as many as the scales, 8");
  EXPECT_EQ(message([](auto&, auto&, auto& z, auto&) { z[2] = 17; }), "zolt: w: zero of group 0, output 2 = 17 must be at most 15");
  EXPECT_EQ(message([](auto&, auto&, auto& z, auto&) { z[2] = 0; }),
            "zolt: w: zero of group 0, output 2 = 0 must be at least 1 in version 1, whose readers do not agree about 0: write v2");
  EXPECT_EQ(message([](auto&, auto&, auto&, auto& g) { g.pop_back(); }), "zolt: w: g_idx = 7 must be one per input, 8");
  EXPECT_EQ(message([](auto&, auto&, auto&, auto& g) { g[5] = 1; }), "zolt: w: g_idx of input 5 = 1 must be from 0 to 0");
}

}  // namespace
}  // namespace zolt::test
