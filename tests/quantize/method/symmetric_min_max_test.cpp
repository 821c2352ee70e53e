#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/quantize/method/symmetric_min_max.hpp"

namespace zolt {
namespace {

using test::message_of;

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  const auto numbers = test::normal_weights(s.size(), seed);
  std::copy(numbers.begin(), numbers.end(), t.data());
  return t;
}

/// The formulas of LLM-QAT as they stand, in float, with the library's rounding to even.
template <int Bits>
std::vector<float> symmetric_as_published(std::span<const float> x) {
  float largest = 0;
  for (const float v : x) largest = std::max(largest, std::fabs(v));
  const float s = static_cast<float>((1 << (Bits - 1)) - 1) / (largest + 1e-6f);
  std::vector<float> out;
  for (const float v : x) out.push_back(std::nearbyint(v * s) / (s + 1e-6f));
  return out;
}
template <int Bits>
std::vector<float> asymmetric_as_published(std::span<const float> x) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const float width = *high - *low + 1e-8f;
  const auto s = static_cast<float>((1 << Bits) - 1);
  std::vector<float> out;
  for (const float v : x) {
    const float product = exact::opaque(std::nearbyint((v - *low) / width * s) / s * width);
    out.push_back(product + *low);
  }
  return out;
}

template <int Bits>
void expect_the_published_formulas() {
  const tensor<float> x = normal_tensor({7, 65}, Bits);
  tensor<float> symmetric = x, asymmetric = x;
  quantize_activations<Bits>(symmetric.view());
  fake_quantize_rows(asymmetric.view(), asymmetric_min_max<Bits>{});
  for (std::size_t r = 0; r < x.rows(); ++r) {
    const std::span<const float> row = x.view().row(r), s = symmetric.view().row(r), a = asymmetric.view().row(r);
    EXPECT_EQ(std::vector<float>(s.begin(), s.end()), symmetric_as_published<Bits>(row)) << Bits << " bits, token " << r;
    EXPECT_EQ(std::vector<float>(a.begin(), a.end()), asymmetric_as_published<Bits>(row)) << Bits << " bits, token " << r;
  }
}

TEST(symmetric_min_max, tokens_are_quantized_as_published) {
  expect_the_published_formulas<4>();
  expect_the_published_formulas<8>();
}

TEST(symmetric_min_max, a_known_answer) {
  std::vector<float> x = {-7, 3.4f, 0.49f, 2.5f}, y = {-1, 0, 2, 14};
  symmetric_min_max<4>{.margin = 0}(x);
  EXPECT_EQ(x, (std::vector<float>{-7, 3, 0, 2}));
  asymmetric_min_max<4>{.margin = 0}(y);
  EXPECT_EQ(y, (std::vector<float>{-1, 0, 2, 14}));
}

// Beside a scale of 10⁻³ the second margin takes a thousandth of every result.
TEST(symmetric_min_max, the_margin_makes_large_values_smaller) {
  std::vector<float> x = {7000, -7000, 1000};
  symmetric_min_max<4>{}(x);
  EXPECT_NEAR(x[0], 7000 / 1.001, 0.01);
  EXPECT_EQ(x[1], -x[0]);
}

TEST(symmetric_min_max, without_margins_it_is_the_quantizer) {
  const tensor<float> w = normal_tensor({9, 50}, 3);
  tensor<float> fake = w;
  fake_quantize_rows(fake.view(), symmetric_min_max<4>{.margin = 0});
  const auto q = min_max_quantizer<4>{}("w", w.view());
  std::vector<float> decoded(w.size());
  q.decode(0, decoded);
  std::size_t other_codes = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float step = q.view().scale(i);
    other_codes += std::fabs(fake.data()[i] - decoded[i]) > 0.5f * step;  // a weight half way between two codes may go either way
    if (std::fabs(fake.data()[i] - decoded[i]) <= 0.5f * step) {
      EXPECT_NEAR(fake.data()[i], decoded[i], 1e-6);
    }
  }
  EXPECT_EQ(other_codes, 0u);
}

TEST(symmetric_min_max, equal_values_and_zeros_need_no_scale) {
  for (const double margin : {0.0, 1e-6}) {
    std::vector<float> zeros(5), equal(5, 0.75f), none;
    symmetric_min_max<8>{margin}(zeros);
    EXPECT_EQ(zeros, std::vector<float>(5));
    asymmetric_min_max<8>{margin}(equal);
    EXPECT_EQ(equal, std::vector<float>(5, 0.75f));
    symmetric_min_max<8>{margin}(none);
    asymmetric_min_max<8>{margin}(none);
  }
}

TEST(symmetric_min_max, what_is_not_finite_makes_its_token_nan_and_no_other) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    tensor<float> x = normal_tensor({3, 8}, 1), y = x;
    x(1, 4) = y(1, 4) = bad;
    quantize_activations<8>(x.view());
    fake_quantize_rows(y.view(), asymmetric_min_max<8>{});
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 8; ++c) {
        EXPECT_EQ(std::isnan(x(r, c)), r == 1);
        EXPECT_EQ(std::isnan(y(r, c)), r == 1);
      }
  }
  std::vector<float> wide = {-3e38f, 3e38f};
  asymmetric_min_max<8>{}(wide);
  EXPECT_TRUE(std::isnan(wide[0]) && std::isnan(wide[1])) << "the width of the range is no float";
}

TEST(symmetric_min_max, a_margin_must_not_be_negative) {
  tensor<float> x(shape{1, 4});
  EXPECT_EQ(message_of([&] { fake_quantize_rows(x.view(), symmetric_min_max<4>{.margin = -1}); }),
            "zolt: symmetric_min_max: margin = -1 must be finite and not negative");
  EXPECT_EQ(message_of([&] { fake_quantize_rows(x.view(), asymmetric_min_max<4>{.margin = -1}); }),
            "zolt: asymmetric_min_max: margin = -1 must be finite and not negative");
}

}  // namespace
}  // namespace zolt
