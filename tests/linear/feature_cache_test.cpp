#include "zolt/linear/feature_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/linear/augmentation_sensitivity.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

TEST(feature_cache, gives_floats_back_bit_for_bit_by_example_and_variant) {
  feature_cache cache({.examples = 5, .features = 37, .variants = 3});
  const std::vector<float> all = normal_weights(5 * 3 * 37, 1);
  const auto of = [&](std::size_t e, std::size_t v) { return std::span(all).subspan((e * 3 + v) * 37, 37); };
  for (std::size_t v = 3; v-- > 0;)
    for (std::size_t e = 0; e < 5; ++e) {
      EXPECT_FALSE(cache.contains(e, v));
      EXPECT_TRUE(cache.store(e, of(e, v), v));
    }
  std::vector<float> read(37);
  for (std::size_t e = 0; e < 5; ++e)
    for (std::size_t v = 0; v < 3; ++v) {
      cache.read(e, read, v);
      EXPECT_TRUE(std::equal(read.begin(), read.end(), of(e, v).begin()));
    }
  EXPECT_EQ(cache.bytes(), 15u * (37 * 4 + 1));
}

// Each width by its definition: asymmetric absmax of the row, as a quantizer encodes it.
template <int Bits>
void expect_quantized() {
  feature_cache cache({.examples = 2, .features = 301, .bits = Bits});
  std::vector<float> row = normal_weights(301, Bits), read(301);
  for (float& x : row) x = std::max(x, -0.3f);
  cache.store(1, row);
  cache.read(1, read);
  const auto w =
      quantize<integer<Bits, integer_range::non_negative>, per_tensor>("row", tensor_view<const float>(std::span<const float>(row)));
  std::vector<float> expected(301);
  w.decode(0, expected);
  EXPECT_EQ(read, expected) << Bits;
  EXPECT_EQ(cache.bytes(), 2u * (packing<Bits>::bytes_for(301) + 8 + 1)) << Bits;
}
TEST(feature_cache, quantizes_each_example_under_its_own_scale) {
  expect_quantized<2>();
  expect_quantized<4>();
  expect_quantized<5>();
  expect_quantized<8>();
  feature_cache cache({.examples = 1, .features = 4, .bits = 4});
  std::vector<float> read(4, 1.0f);
  cache.store(0, std::vector<float>(4));
  cache.read(0, read);
  EXPECT_EQ(read, std::vector<float>(4)) << "nothing but zeros";
  cache.store(0, std::vector<float>(4, 3.0f));
  cache.read(0, read);
  EXPECT_EQ(read, std::vector<float>(4, 3.0f)) << "the end of the range is a grid point";
}

TEST(feature_cache, forgets_what_lies_at_another_boundary) {
  feature_layout layout{.examples = 3, .features = 8, .boundary = 1};
  feature_cache cache(layout);
  const std::vector<float> row(8, 1.0f);
  cache.store(2, row);
  cache.hold(layout);
  EXPECT_TRUE(cache.contains(2)) << "nothing changed";
  layout.boundary = 2;
  cache.hold(layout);
  EXPECT_FALSE(cache.contains(2));
  cache.store(2, row);
  layout.bits = 8;
  cache.hold(layout);
  EXPECT_FALSE(cache.contains(2));
  cache.store(2, row);
  cache.clear();
  EXPECT_FALSE(cache.contains(2));
  EXPECT_EQ(cache.layout(), layout);
}

TEST(feature_cache, does_not_hold_what_is_no_number) {
  for (const int bits : {32, 4}) {
    feature_cache cache({.examples = 2, .features = 2, .bits = bits});
    EXPECT_TRUE(cache.store(0, std::vector<float>{1, 2}));
    EXPECT_FALSE(cache.store(0, std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}));
    EXPECT_FALSE(cache.store(1, std::vector<float>{-std::numeric_limits<float>::infinity(), 0}));
    EXPECT_FALSE(cache.contains(0) || cache.contains(1));
    const float most = std::numeric_limits<float>::max();
    EXPECT_EQ(cache.store(1, std::vector<float>{-most, most}), bits == 32) << "a scale that is no number";
  }
}

TEST(feature_cache, names_what_is_wrong) {
  EXPECT_EQ(message_of([] { feature_cache({.examples = 4}); }), "zolt: feature_cache: features = 0 must be at least 1");
  EXPECT_EQ(message_of([] { feature_cache({.examples = 4, .features = 2, .bits = 16}); }),
            "zolt: feature_cache: bits = 16 must be 2 to 8, or 32");
  feature_cache cache({.examples = 4, .features = 2});
  std::vector<float> row(2);
  EXPECT_EQ(message_of([&] { cache.store(4, row); }), "zolt: feature_cache: example = 4 must be below 4");
  EXPECT_EQ(message_of([&] { cache.store(1, row, 1); }), "zolt: feature_cache: variant = 1 must be below 1");
  EXPECT_EQ(message_of([&] { cache.store(1, std::span(row).first(1)); }), "zolt: feature_cache: features = 1 must be 2");
  EXPECT_TRUE(contains(message_of([&] { cache.read(1, row); }), "example read = 1 must be one that is held"));
  EXPECT_TRUE(contains(message_of([] { feature_cache().contains(0); }), "example = 0 must be below 0"));
}

TEST(progressive_precision, falls_as_layers_freeze) {
  const progressive_precision of{.first = 8, .fall = 4};
  EXPECT_EQ(of.bits(0, 4), 8);
  EXPECT_EQ(of.bits(1, 4), 7);
  EXPECT_EQ(of.bits(2, 3), 5);
  EXPECT_EQ(of.bits(4, 4), 4);
  EXPECT_EQ((progressive_precision{.first = 16, .fall = 12}.bits(1, 2)), 32) << "more than eight are floats";
  EXPECT_EQ((progressive_precision{.first = 16, .fall = 12}.bits(2, 2)), 4);
  EXPECT_EQ((progressive_precision{.first = 4, .fall = 9}.bits(1, 1)), 2);
}

TEST(augmentation_sensitivity, is_one_minus_the_mean_cosine_of_a_channels_maps) {
  const std::vector<float> of_augmented{3, 4, 1, 0, 0, 0, 1, 1,   //
                                        1, 2, 0, 2, 0, 0, 2, 0};  // two examples of four channels of two positions
  const std::vector<float> augmented{6, 8, 0, 1, 0, 0, -1, -1,    //
                                     2, 4, 0, 1, 0, 1, 1,  1};
  const auto s = augmentation_sensitivity({of_augmented.data(), {2, 8}}, {augmented.data(), {2, 8}}, 4);
  ASSERT_EQ(s.size(), 4u);
  EXPECT_NEAR(s[0], 0, 1e-15) << "in proportion";
  EXPECT_NEAR(s[1], 0.5, 1e-15) << "once orthogonal, once alike";
  EXPECT_NEAR(s[2], 0.5, 1e-15) << "zeros are alike, and unlike anything else";
  EXPECT_NEAR(s[3], (2 + 1 - std::sqrt(0.5)) / 2, 1e-7);
  EXPECT_EQ(most_sensitive_channels(s, 0.5), (std::vector<std::size_t>{1, 3})) << "the first of equals";
  EXPECT_EQ(most_sensitive_channels(s, 0), std::vector<std::size_t>{});
  EXPECT_EQ(most_sensitive_channels(s, 1), (std::vector<std::size_t>{0, 1, 2, 3}));
  EXPECT_TRUE(contains(message_of([&] { most_sensitive_channels(s, 1.5); }), "part = 1.5 must be at least 0 and at most 1"));
  EXPECT_TRUE(contains(message_of([&] {
                         augmentation_sensitivity({augmented.data(), {2, 8}}, {augmented.data(), {2, 8}}, 3);
                       }),
                       "channels = 3 must divide 8"));
}

}  // namespace
}  // namespace zolt::test
