#include <gtest/gtest.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/block_formats.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt {
namespace {

using test::message_of;

tensor<float> some_weights(shape s, std::uint64_t seed) {
  tensor<float> weights(s);
  const auto numbers = test::normal_weights(s.size(), seed);
  std::copy(numbers.begin(), numbers.end(), weights.data());
  std::fill_n(weights.data() + s.columns, std::min<std::size_t>(s.columns, 64), 0.0f);  // a group or two of zeros
  return weights;
}

template <class Quantized>
std::vector<std::byte> bytes_of(const Quantized& q) {
  return {q.view().bytes().begin(), q.view().bytes().end()};
}

template <class Format, class Granularity, class Rounding>
struct choice {
  using quantizer_type = quantizer<Format, Granularity, absmax, Rounding>;
};
template <class Choice>
class requantized : public testing::Test {};
using all_choices =
    testing::Types<choice<int8, per_channel, few_bit_stochastic<8>>, choice<int8, per_group<32>, stochastic_rounding>,
                   choice<int4, per_group<40, last_group::shorter>, few_bit_stochastic<4>>,
                   choice<e4m3fn, per_tensor, few_bit_stochastic<16>>, choice<int4, per_block<2, 32, last_group::shorter>, nearest_even>,
                   choice<uint4, per_group<32>, stochastic_rounding>, choice<nf4, per_group<32>, nearest_even>,
                   choice<integer<3>, per_channel, nearest_away>, choice<int4, per_group<32>, few_bit_stochastic<8>>,
                   choice<int4, per_channel, nearest_even>, choice<mxint8, per_group<96>, few_bit_stochastic<3>>,
                   choice<e5m2, per_group<96>, few_bit_stochastic<8>>, choice<e2m1fn, per_group<32>, few_bit_stochastic<16>>,
                   choice<full_integer<8>, per_group<32>, nearest_even>>;
TYPED_TEST_SUITE(requantized, all_choices);

// The definition, weight by weight: the scale as it is kept, the word where the layout of the random bits says.
TYPED_TEST(requantized, codes_are_those_of_the_definition) {
  using quantizer_type = typename TypeParam::quantizer_type;
  using format = typename quantizer_type::tensor_type::format;
  using rounding_type = decltype(quantizer_type::round);
  const auto weights = some_weights({21, 480}, 1);
  const quantizer_type q{.range = {}, .round = {}, .key = {.run = 7}};
  typename quantizer_type::tensor_type into(weights.shape());
  quantization_events events;
  q.requantize("w", weights, into, &events);
  const random_stream words({.run = 7}, hash_of("w", 1), stream::round_quantize);
  std::vector<bool> weighs(into.view().grids().size()), lives(weighs.size());
  std::size_t clamped = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    constexpr int bits = random_bits_of<rounding_type>;
    std::uint32_t word = bits == 0 ? 0 : words.word(i);
    if (bits == 8) word = words.word(16 * (i / 64) + i % 16) >> 8 * (i % 64 / 16) << 24;
    if (bits == 16) word = words.word(16 * (i / 32) + i % 16) >> 16 * (i % 32 / 16) << 16;
    const auto grid = into.view().grid(i);
    const encoded e = encode_weight<format>(grid, weights.data()[i], q.round, word);
    ASSERT_EQ(into.view().code(i), format::code_of(e.ordinal)) << i;
    clamped += e.clamped;
    const std::size_t k = into.view().layout().index(i);
    weighs[k] = weighs[k] || weights.data()[i] != 0;
    lives[k] = lives[k] || grid(format::value_of(e.ordinal)) != 0;
  }
  std::size_t zero_groups = 0;
  for (std::size_t k = 0; k < weighs.size(); ++k) zero_groups += !(weighs[k] && lives[k]);
  EXPECT_EQ(events.zero_groups, zero_groups);
  EXPECT_EQ(events.clamped, clamped);
}

TYPED_TEST(requantized, gives_what_a_new_tensor_has_whatever_was_there) {
  using quantizer_type = typename TypeParam::quantizer_type;
  const auto weights = some_weights({6, 480}, 2);
  const quantizer_type q{.range = {}, .round = {}, .key = {.run = 8}};
  const auto fresh = q("w", weights);
  auto used = q("other", some_weights({6, 480}, 3));
  q.requantize("w", weights, used);
  EXPECT_EQ(bytes_of(used), bytes_of(fresh));
  EXPECT_TRUE(std::equal(used.scales().begin(), used.scales().end(), fresh.scales().begin()));
}

// Codes of a sum under the tensor's scales: those of the sum as floats, with the weights that the scales no longer cover counted.
TYPED_TEST(requantized, displaced_weights_have_the_codes_of_the_sum) {
  using quantizer_type = typename TypeParam::quantizer_type;
  using format = typename quantizer_type::tensor_type::format;
  const auto weights = some_weights({9, 480}, 4);
  const quantizer_type q{.range = {}, .round = {}, .key = {.run = 9}};
  const perturbation<distribution::gaussian> by{random_stream({.run = 1}, 2, stream::direction), 0.015625f};
  auto into = q("w", weights);
  const std::vector<float> scales(into.scales().begin(), into.scales().end());
  quantization_events events;
  q.requantize("w", weights, by, into, &events);
  EXPECT_TRUE(std::equal(scales.begin(), scales.end(), into.scales().begin()));
  std::vector<std::int16_t> z(weights.size());
  distribution::fill<distribution::gaussian>(by.direction, 0, z);
  std::size_t clamped = 0;
  const random_stream words({.run = 9}, hash_of("w", 1), stream::round_quantize);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    constexpr int bits = random_bits_of<decltype(quantizer_type::round)>;
    std::uint32_t word = bits == 0 ? 0 : words.word(i);
    if (bits == 8) word = words.word(16 * (i / 64) + i % 16) >> 8 * (i % 64 / 16) << 24;
    if (bits == 16) word = words.word(16 * (i / 32) + i % 16) >> 16 * (i % 32 / 16) << 16;
    const float sum = weights.data()[i] + by.coefficient * static_cast<float>(z[i]);
    const encoded e = encode_weight<format>(into.view().grid(i), sum, q.round, word);
    ASSERT_EQ(into.view().code(i), format::code_of(e.ordinal)) << i;
    clamped += e.clamped;
  }
  EXPECT_EQ(events.clamped, clamped);
}

// Groups are fitted some at a time, and a batch may end anywhere in a tile: every weight keeps the random bits that its index has.
TEST(requantize, draws_by_index_wherever_a_batch_of_groups_ends) {
  const perturbation<distribution::rademacher> by{random_stream({.run = 1}, 2, stream::direction), 0.5f, scales_of_sum::fitted};
  const auto check = [&](auto q, shape s) {
    using format = typename decltype(q)::tensor_type::format;
    constexpr int bits = random_bits_of<decltype(q.round)>;
    const auto weights = some_weights(s, 7);
    tensor<float> sum = weights;
    kernel::add_direction<distribution::rademacher>(by.direction, 0, by.coefficient, sum.flat());
    const random_stream words(q.key, hash_of("w", 1), stream::round_quantize);
    const auto expect = [&](const auto& codes, const tensor<float>& of) {
      for (std::size_t i = 0; i < of.size(); ++i) {
        const std::uint32_t word = bits == 8 ? words.word(16 * (i / 64) + i % 16) >> 8 * (i % 64 / 16) << 24
                                             : words.word(16 * (i / 32) + i % 16) >> 16 * (i % 32 / 16) << 16;
        const encoded e = encode_weight<format>(codes.view().grid(i), of.data()[i], q.round, word);
        ASSERT_EQ(codes.view().code(i), format::code_of(e.ordinal)) << s.text() << " " << i;
      }
    };
    auto codes = q("w", weights);
    expect(codes, weights);
    q.requantize("w", weights, by, codes);
    expect(codes, sum);
  };
  for (const shape s : {shape{100, 192}, shape{40, 448}, shape{30, 64}, shape{11, 1216}}) {
    check(quantizer<int8, per_channel, absmax, few_bit_stochastic<8>>{}, s);
    check(quantizer<int4, per_channel, absmax, few_bit_stochastic<8>>{}, s);
    check(quantizer<e4m3fn, per_channel, absmax, few_bit_stochastic<16>>{}, s);
    check(quantizer<int8, per_group<32>, absmax, few_bit_stochastic<16>>{}, s);
  }
}

// Groups longer than a tile, of zeros in whole or in part, rows of whole blocks and a half: codes and events as the definition has them.
TEST(requantize, counts_what_it_meets_in_groups_of_any_length) {
  const auto check = [](auto q, shape s) {
    using format = typename decltype(q)::tensor_type::format;
    constexpr int bits = random_bits_of<decltype(q.round)>;
    tensor<float> weights = some_weights(s, s.columns);
    std::fill_n(weights.data() + s.columns, s.columns + s.columns / 3, 0.0f);
    const random_stream words(q.key, hash_of("w", 1), stream::round_quantize);
    for (const float coefficient : {0.0f, 0.5f})
      for (const bool plain : {true, false}) {
        const scales_of_sum scales = coefficient == 0 ? scales_of_sum::kept : scales_of_sum::fitted;
        const perturbation<distribution::rademacher> by{random_stream({.run = 1}, 2, stream::direction), coefficient, scales};
        tensor<float> sum = weights;
        if (!plain) kernel::add_direction<distribution::rademacher>(by.direction, 0, by.coefficient, sum.flat());
        auto into = q("w", weights);
        quantization_events events;
        if (plain)
          q.requantize("w", weights, into, &events);
        else
          q.requantize("w", weights, by, into, &events);
        const auto view = into.view();
        std::vector<char> weighs(view.grids().size()), lives(weighs.size());
        std::size_t clamped = 0, zero_groups = 0;
        for (std::size_t i = 0; i < sum.size(); ++i) {
          std::uint32_t word = 0;
          if (bits == 8) word = words.word(16 * (i / 64) + i % 16) >> 8 * (i % 64 / 16) << 24;
          if (bits == 16) word = words.word(16 * (i / 32) + i % 16) >> 16 * (i % 32 / 16) << 16;
          const auto grid = view.grid(i);
          const encoded e = encode_weight<format>(grid, sum.data()[i], q.round, word);
          ASSERT_EQ(view.code(i), format::code_of(e.ordinal)) << s.text() << " " << i;
          clamped += e.clamped;
          const std::size_t k = view.layout().index(i);
          weighs[k] |= sum.data()[i] != 0;
          lives[k] |= grid(format::value_of(e.ordinal)) != 0;
        }
        for (std::size_t k = 0; k < weighs.size(); ++k) zero_groups += !(weighs[k] && lives[k]);
        EXPECT_EQ(events.clamped, clamped) << s.text();
        EXPECT_EQ(events.zero_groups, zero_groups) << s.text() << " " << coefficient << " " << plain;
      }
  };
  for (const shape s : {shape{6, 4160}, shape{5, 2080}, shape{9, 1056}, shape{30, 960}, shape{3, 9248}}) {
    check(quantizer<int8, per_channel, absmax, few_bit_stochastic<8>>{}, s);
    check(quantizer<e4m3fn, per_channel, absmax, few_bit_stochastic<16>>{}, s);
    check(quantizer<int4, per_group<32>, absmax, nearest_even>{}, s);
  }
}

TEST(requantize, names_a_weight_that_is_no_number_wherever_it_is_in_a_long_group) {
  using quantizer_type = quantizer<int8, per_channel, absmax, few_bit_stochastic<8>>;
  const perturbation<distribution::rademacher> by{random_stream({.run = 1}, 2, stream::direction), 0.5f, scales_of_sum::fitted};
  for (const std::size_t place : {5u, 9000u, 19999u}) {
    auto weights = some_weights({2, 20000}, 6);
    quantizer_type::tensor_type into(weights.shape());
    weights.data()[place] = std::nanf("");
    EXPECT_NE(message_of([&] { quantizer_type{}.requantize("w", weights, into); }).find("weight " + std::to_string(place)),
              std::string::npos);
    EXPECT_NE(message_of([&] { quantizer_type{}.requantize("w", weights, by, into); }).find("displaced weight " + std::to_string(place)),
              std::string::npos);
  }
}

TEST(requantize, fits_the_sum_on_request) {
  const auto weights = some_weights({5, 5000}, 5);
  perturbation<distribution::rademacher> by{random_stream({.run = 1}, 2, stream::direction), 0.5f, scales_of_sum::fitted};
  tensor<float> sum = weights;
  kernel::add_direction<distribution::rademacher>(by.direction, 0, by.coefficient, sum.flat());
  const auto check = [&](auto q) {
    const auto expected = q("w", sum);
    auto into = q("w", weights);
    q.requantize("w", weights, by, into);
    EXPECT_EQ(bytes_of(into), bytes_of(expected));
    EXPECT_TRUE(std::equal(into.scales().begin(), into.scales().end(), expected.scales().begin()));
  };
  check(quantizer<int8, per_channel, absmax, few_bit_stochastic<8>>{});
  check(quantizer<int4, per_group<40>, absmax, nearest_even>{});
  check(quantizer<e5m2, per_tensor, absmax, few_bit_stochastic<16>>{});
}

TEST(requantize, names_what_it_refuses) {
  using quantizer_type = quantizer<int8, per_group<32>>;
  auto weights = some_weights({4, 64}, 6);
  quantizer_type::tensor_type other({4, 32}), into(weights.shape());
  EXPECT_NE(message_of([&] { quantizer_type{}.requantize("w", weights, other); }).find("be that of the weights, 4x64"), std::string::npos);
  const perturbation<distribution::rademacher> far{random_stream({}, 2, stream::direction), FLT_MAX};
  weights.data()[70] = FLT_MAX;
  weights.data()[71] = -FLT_MAX;
  weights.data()[72] = FLT_MAX;
  weights.data()[73] = -FLT_MAX;
  EXPECT_NE(message_of([&] { quantizer_type{}.requantize("w", weights, far, into); }).find("displaced weight 7"), std::string::npos);
  weights.data()[3] = FLT_MAX;  // no scale: the weight that is no number is named first
  weights.data()[200] = std::nanf("");
  EXPECT_NE(message_of([&] { quantizer_type{}.requantize("w", weights, into); }).find("weight 200 (row 3)"), std::string::npos);
}

}  // namespace
}  // namespace zolt
