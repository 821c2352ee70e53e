#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>
#include <string>

#include "support/messages.hpp"
#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/block_formats.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt {
namespace {

using test::message_of;

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> weights(s);
  const auto numbers = test::normal_weights(s.size(), seed);
  std::copy(numbers.begin(), numbers.end(), weights.data());
  return weights;
}

template <class Quantized>
std::vector<int> ordinals_of(const Quantized& q) {
  std::vector<int> ordinals(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) ordinals[i] = Quantized::format::ordinal_of(q.view().code(i));
  return ordinals;
}

template <class Quantized>
tensor<float> decoded(const Quantized& q) {
  tensor<float> weights(q.shape());
  q.decode(0, weights.flat());
  return weights;
}

template <class Quantizer>
class quantizers : public testing::Test {};
template <class Format, class Granularity>
struct choice {
  using format = Format;
  using granularity = Granularity;
};
using all_choices =
    testing::Types<choice<int8, per_tensor>, choice<int8, per_channel>, choice<int4, per_group<32>>,
                   choice<int4, per_group<40, last_group::shorter>>, choice<e4m3fn, per_channel>, choice<e5m2, per_group<16>>,
                   choice<integer<2>, per_group<32>>, choice<minifloat<2, 1, 1, minifloat_kind::finite>, per_group<32>>>;
TYPED_TEST_SUITE(quantizers, all_choices);

TYPED_TEST(quantizers, the_largest_magnitude_of_a_scale_has_the_highest_code) {
  using format = typename TypeParam::format;
  const auto weights = normal_tensor({16, 96}, 1);
  const auto q = quantize<format, typename TypeParam::granularity>("w", weights);
  const scale_layout layout = TypeParam::granularity::layout(weights.shape());
  const auto ordinals = ordinals_of(q);
  for (std::size_t start = 0; start < q.size(); start = layout.end(start)) {
    std::size_t largest = start;
    for (std::size_t i = start; i < layout.end(start); ++i)
      if (std::fabs(weights.data()[i]) > std::fabs(weights.data()[largest])) largest = i;
    EXPECT_EQ(ordinals[largest], weights.data()[largest] < 0 ? format::lowest : format::highest);
    const double exact = std::fabs(double{weights.data()[largest]}) / format::value_of(format::highest);
    EXPECT_NEAR(q.view().scale(largest) / exact, 1, 0x1p-22) << "absmax may go up by one float";
  }
}

TYPED_TEST(quantizers, quantizing_what_was_decoded_gives_the_same_codes) {
  using format = typename TypeParam::format;
  const auto q = quantize<format, typename TypeParam::granularity>("w", normal_tensor({16, 96}, 2));
  const auto again = quantize<format, typename TypeParam::granularity>("w", decoded(q));
  EXPECT_EQ(ordinals_of(q), ordinals_of(again));
}

// Nearest rounding is off by at most half the step around the weight; a float division before it adds 2⁻²⁴ of the weight.
TYPED_TEST(quantizers, no_weight_moves_farther_than_half_a_step) {
  using format = typename TypeParam::format;
  const auto weights = normal_tensor({16, 96}, 3);
  const auto q = quantize<format, typename TypeParam::granularity>("w", weights);
  const auto ordinals = ordinals_of(q);
  const auto back = decoded(q);
  for (std::size_t i = 0; i < q.size(); ++i) {
    const int above = std::min(ordinals[i] + 1, format::highest), below = std::max(ordinals[i] - 1, format::lowest);
    const double step =
        std::max(format::value_of(above) - format::value_of(ordinals[i]), format::value_of(ordinals[i]) - format::value_of(below));
    ASSERT_NEAR(back.data()[i], weights.data()[i], step / 2 * q.view().scale(i) + std::fabs(weights.data()[i]) * 0x1p-22) << i;
  }
}

TYPED_TEST(quantizers, zeros_stay_zeros_with_scale_1) {
  const tensor<float> zeros({4, 96});
  const auto q = quantize<typename TypeParam::format, typename TypeParam::granularity>("w", zeros);
  for (const float s : q.scales()) EXPECT_EQ(s, 1.0f);
  for (const int o : ordinals_of(q)) EXPECT_EQ(o, 0);
}

TYPED_TEST(quantizers, negated_weights_have_negated_codes) {
  auto weights = normal_tensor({8, 96}, 4);
  const auto q = ordinals_of(quantize<typename TypeParam::format, typename TypeParam::granularity>("w", weights));
  for (float& w : weights.flat()) w = -w;
  auto negated = ordinals_of(quantize<typename TypeParam::format, typename TypeParam::granularity>("w", weights));
  for (int& o : negated) o = -o;
  EXPECT_EQ(q, negated);
}

TYPED_TEST(quantizers, absmax_clamps_nothing) {
  quantization_events events;
  quantizer<typename TypeParam::format, typename TypeParam::granularity>{}("w", normal_tensor({64, 960}, 5), &events);
  EXPECT_EQ(events.clamped, 0u);
}

TEST(granularity, says_how_many_scales_there_are) {
  constexpr shape s{6, 100};
  EXPECT_EQ(scale_count<per_tensor>(s), 1u);
  EXPECT_EQ(scale_count<per_channel>(s), 6u);
  EXPECT_EQ(scale_count<per_group<20>>(s), 30u);
  EXPECT_EQ((scale_count<per_group<32, last_group::shorter>>(s)), 24u);
  EXPECT_EQ((scale_count<per_group<128, last_group::shorter>>(s)), 6u);
  EXPECT_TRUE(per_group<20>::fits(s));
  EXPECT_FALSE(per_group<32>::fits(s));
  EXPECT_TRUE((per_group<32, last_group::shorter>::fits(s)));
}

TEST(granularity, no_group_reaches_over_a_row) {
  tensor<float> weights({2, 40});
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t c = 0; c < 40; ++c) weights(r, c) = r == 0 ? (c < 32 ? 127.0f : 254.0f) : (c < 32 ? 381.0f : 508.0f);
  const auto q = quantize<int8, per_group<32, last_group::shorter>>("w", weights);
  const std::vector<float> scales(q.scales().begin(), q.scales().end());
  EXPECT_EQ(scales, (std::vector<float>{1, 2, 3, 4}));
  for (const int o : ordinals_of(q)) EXPECT_EQ(o, 127);
}

/// √(Σ(ŵ − w)² / Σ w²) on N(0, 1)
template <class Format, class Granularity>
double relative_error() {
  const auto weights = normal_tensor({256, 1024}, 6);
  const auto back = decoded(quantize<Format, Granularity>("w", weights));
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    errors += std::pow(double{back.data()[i]} - weights.data()[i], 2);
    squares += std::pow(double{weights.data()[i]}, 2);
  }
  return std::sqrt(errors / squares);
}

// Figures with two or three digits from other implementations; 3 % covers their rounding, the sampling error of 262144 weights is 0.3 %.
TEST(quantizer, has_the_known_error_on_normal_weights) {
  EXPECT_NEAR((relative_error<int8, per_group<32>>()), 0.0054, 0.03 * 0.0054);
  EXPECT_NEAR((relative_error<int8, per_group<128>>()), 0.0063, 0.03 * 0.0063);
  EXPECT_NEAR((relative_error<int4, per_group<32>>()), 0.098, 0.03 * 0.098);
  EXPECT_NEAR((relative_error<int4, per_group<128>>()), 0.117, 0.03 * 0.117);
  EXPECT_NEAR((relative_error<integer<2>, per_group<32>>()), 0.66, 0.03 * 0.66);
}

template <class Format>
void expect_stochastic_quantizer_to_be_unbiased() {
  constexpr std::uint64_t runs = 2000;
  const auto weights = normal_tensor({4, 64}, 7);
  std::vector<double> sums(weights.size());
  for (std::uint64_t run = 0; run < runs; ++run) {
    const quantizer<Format, per_group<32>, absmax, stochastic_rounding> q{.key = {.run = run}};
    const auto back = decoded(q("w", weights));
    for (std::size_t i = 0; i < weights.size(); ++i) sums[i] += back.data()[i];
  }
  const auto nearest = quantize<Format, per_group<32>>("w", weights);
  double all_errors = 0, all_variances = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float scale = nearest.view().scale(i), scaled = weights.data()[i] / scale;
    if (std::fabs(scaled) >= Format::value_of(Format::highest)) continue;
    const grid_position at = locate<Format>(scaled);
    const double share = static_cast<double>(at.fraction) * 0x1p-64;
    const double step = (Format::value_of(at.below + at.away) - Format::value_of(at.below)) * scale;
    const double variance = runs * share * (1 - share) * step * step, error = sums[i] - runs * double{weights.data()[i]};
    all_errors += error, all_variances += variance;
    if (share > 0.01 && share < 0.99) {
      EXPECT_LT(std::fabs(error) / std::sqrt(variance), test::allowed_standard_errors) << Format::name << ", weight " << i;
    }
  }
  EXPECT_LT(test::standard_errors(all_errors, 0, all_variances), test::allowed_standard_errors) << Format::name;
}
TEST(quantizer, is_unbiased_with_stochastic_rounding) {
  expect_stochastic_quantizer_to_be_unbiased<int4>();
  expect_stochastic_quantizer_to_be_unbiased<int8>();
  expect_stochastic_quantizer_to_be_unbiased<e4m3fn>();
}

TEST(quantizer, draws_word_i_of_its_own_stream_for_weight_i) {
  const auto weights = normal_tensor({4, 64}, 8);
  const quantizer<int4, per_channel, absmax, stochastic_rounding> q{.key = {.run = 5, .step = 6, .query = 7}};
  const auto ordinals = ordinals_of(q("layer", weights));
  const random_stream words({.run = 5, .step = 6, .query = 7}, hash_of("layer", 5), stream::round_quantize);
  const auto scales = quantize<int4>("layer", weights);
  for (std::size_t i = 0; i < weights.size(); ++i)
    ASSERT_EQ(ordinals[i], encode<int4>(weights.data()[i] / scales.view().scale(i), stochastic_rounding{}, words.word(i)).ordinal) << i;
  EXPECT_EQ(ordinals_of(q("layer", weights)), ordinals) << "the same key, the same codes";
  EXPECT_NE(ordinals_of(q("other", weights)), ordinals);
}

/// A range policy of a user: a fixed scale, beyond which weights are clamped.
struct fixed_scale {
  float scale = 1;
  template <number_format Format>
  scaled fit(std::span<const float>) const {
    return {scale};
  }
};
TEST(quantizer, counts_the_weights_that_it_clamps) {
  tensor<float> weights({1, 6});
  std::copy_n(std::begin({0.5f, 7.0f, 7.1f, -7.0f, -9.0f, 100.0f}), 6, weights.data());
  quantization_events events;
  const auto q = quantizer<int4, per_channel, fixed_scale>{}("w", weights, &events);
  EXPECT_EQ(events.clamped, 3u);
  EXPECT_EQ(ordinals_of(q), (std::vector<int>{0, 7, 7, -7, -7, 7}));
}

TEST(quantizer, names_a_weight_that_is_no_number) {
  auto weights = normal_tensor({3, 8}, 9);
  weights(1, 5) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of([&] { quantize<int8>("layer.3", weights); }), "zolt: layer.3: weight 13 (row 1) = nan must be finite");
  weights(0, 2) = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { quantize<int8>("layer.3", weights); }), "zolt: layer.3: weight 2 (row 0) = -inf must be finite");
}

TEST(quantizer, refuses_shapes_that_it_cannot_lay_out) {
  EXPECT_EQ(message_of([] { quantize<int8>("w", tensor<float>({0, 8})); }), "zolt: w: shape = 0x8 must have at least one element");
  EXPECT_EQ(message_of([] { quantize<int8>("w", tensor<float>({8, 0})); }), "zolt: w: shape = 8x0 must have at least one element");
  EXPECT_EQ(message_of([] {
              quantize<int4, per_group<32>>("w", tensor<float>({8, 48}));
            }),
            "zolt: w: columns = 48 must be divided by the group of 32");
}

TEST(quantizer, takes_weights_at_both_ends_of_the_float_range) {
  tensor<float> weights({2, 2});
  std::copy_n(std::begin({3e38f, -3.4e38f, 1e-38f, -3e-38f}), 4, weights.data());
  const auto q = quantize<int8>("w", weights);
  const auto back = decoded(q);
  EXPECT_TRUE(std::all_of(q.scales().begin(), q.scales().end(), [](float s) { return s > 0 && exact::is_finite(s); }));
  EXPECT_NEAR(back(0, 1) / -3.4e38f, 1, 1e-6);
  EXPECT_NEAR(back(1, 1), -3e-38f, 3e-38f / 100) << "the scale is subnormal";
}

TEST(quantizer, names_the_group_whose_scale_no_float_can_hold) {
  tensor<float> weights({3, 4});
  weights(0, 0) = weights(1, 3) = 1;
  weights(2, 1) = 1e-45f;
  EXPECT_EQ(message_of([&] { quantize<int8, per_group<2>>("w", weights); }),
            "zolt: w: scale of group 4 (row 2) = 0 must be positive and finite as it is stored: rescale the weights");
}

/// Four values from zero up that are no whole numbers.
struct rising_table {
  [[maybe_unused]] static constexpr std::string_view name = "rising";
  static constexpr std::array<float, 4> values = {0.0f, 0.1f, 0.3f, 1.0f};
};

TEST(quantizer, gives_a_zero_point_to_whole_numbers_alone) {
  tensor<float> weights({1, 4});
  std::copy_n(std::begin({0.0f, 0.1f, 0.3f, 1.0f}), 4, weights.data());
  EXPECT_EQ(decoded(quantize<codebook<rising_table>>("w", weights)).flat()[2], 0.3f);
  std::copy_n(std::begin({-1.0f, 1.0f, 3.0f, 10.0f}), 4, weights.data());
  quantization_events events;
  const auto q = quantizer<integer<8, integer_range::non_negative, 4>>{}("w", weights, &events);
  EXPECT_EQ(events.clamped, 1u) << "what lies below zero";
  EXPECT_NEAR(decoded(q)(0, 2), 3, 0.03);
  EXPECT_EQ(decoded(q)(0, 0), 0.0f);
}

TEST(quantizer, keeps_zeros_near_zero_in_a_format_that_has_none) {
  tensor<float> weights({2, 32});
  for (std::size_t j = 0; j < 32; ++j) weights(1, j) = 100;
  quantization_events events;
  const auto q = quantizer<iq4_nl, per_group<32>>{}("w", weights, &events);
  EXPECT_LT(std::fabs(decoded(q)(0, 5)), 1e-30f);
  EXPECT_EQ(events.zero_groups, 1u);
}

TEST(quantizer, counts_groups_that_became_zeros) {
  tensor<float> weights({2, 32});
  weights(0, 0) = 1;
  weights(1, 0) = 1e-44f;
  quantization_events events;
  const auto q = mxfp4_quantizer{}("w", weights, &events);
  EXPECT_EQ(decoded(q)(1, 0), 0.0f);
  EXPECT_EQ(events.zero_groups, 1u);
}

TEST(quantizer, refuses_weights_that_would_decode_to_infinity) {
  tensor<float> weights({1, 2});
  weights(0, 0) = FLT_MAX;
  weights(0, 1) = -FLT_MAX;
  const auto message = message_of([&] { quantize<uint8>("w", weights); });
  EXPECT_TRUE(message == "no error" ||
              message.starts_with("zolt: w: largest magnitude of group 0 (row 0) = inf must be positive and finite"))
      << message;
  EXPECT_TRUE(message_of([&] {
                mx_quantizer<e2m1fn, power_of_two_ceil>{}("w", [] {
                  tensor<float> t({1, 32});
                  t(0, 0) = 3e38f;
                  return t;
                }());
              }).starts_with("zolt: w: largest magnitude of group 0"));
}

}  // namespace
}  // namespace zolt
