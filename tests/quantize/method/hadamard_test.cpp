#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/quantize/method/hadamard.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt {
namespace {

using test::message_of;
using test::normal_weights;

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  const auto numbers = normal_weights(s.size(), seed);
  std::copy(numbers.begin(), numbers.end(), t.data());
  return t;
}

template <class Floats>
double distance(const Floats& a, const Floats& b) {
  double farthest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) farthest = std::max(farthest, std::fabs(double{a.data()[i]} - double{b.data()[i]}));
  return farthest;
}

TEST(hadamard, every_matrix_has_orthogonal_rows_of_signs) {
  for (const std::size_t order : {12u, 20u, 28u, 36u, 52u, 60u, 108u, 140u, 156u, 172u}) {
    const auto m = hadamard_matrix(order);
    ASSERT_EQ(m.size(), order * order) << order;
    std::size_t wrong = 0;
    for (const int sign : m) wrong += sign != 1 && sign != -1;
    for (std::size_t r = 0; r < order; ++r)
      for (std::size_t s = 0; s <= r; ++s) {
        int product = 0;
        for (std::size_t c = 0; c < order; ++c) product += m[r * order + c] * m[s * order + c];
        wrong += product != (r == s ? static_cast<int>(order) : 0);
      }
    EXPECT_EQ(wrong, 0u) << "order " << order;
  }
  for (const std::size_t order : {0u, 1u, 4u, 24u, 44u, 92u}) EXPECT_TRUE(hadamard_matrix(order).empty()) << order;
}

TEST(hadamard, the_transform_of_a_power_of_two_is_sylvesters_matrix) {
  for (const std::size_t n : {1u, 2u, 4u, 16u, 64u}) {
    const auto x = normal_weights(n, n);
    auto y = x;
    fwht(y);
    for (std::size_t r = 0; r < n; ++r) {
      double expected = 0;
      for (std::size_t c = 0; c < n; ++c) expected += (std::popcount(r & c) % 2 == 0 ? 1 : -1) * double{x[c]};
      EXPECT_NEAR(y[r], expected / std::sqrt(static_cast<double>(n)), 2e-6) << n << ", row " << r;
    }
  }
}

TEST(hadamard, the_transform_of_k_powers_of_two_is_a_product_of_matrices) {
  const std::size_t order = 12, n = order * 32;
  const auto m = hadamard_matrix(order);
  const auto x = normal_weights(n, 3);
  auto y = x;
  hadamard(y);
  for (std::size_t r = 0; r < n; ++r) {
    double expected = 0;
    for (std::size_t c = 0; c < n; ++c)
      expected += m[r / 32 * order + c / 32] * (std::popcount((r & c) % 32) % 2 == 0 ? 1 : -1) * double{x[c]};
    ASSERT_NEAR(y[r], expected / std::sqrt(static_cast<double>(n)), 5e-6) << "row " << r;
  }
}

TEST(hadamard, twice_is_the_identity_for_powers_of_two_and_the_inverse_undoes_all_sizes) {
  for (std::size_t n = 1; n <= 4096; n *= 2) {
    const auto x = normal_weights(n, n);
    auto y = x;
    fwht(y);
    fwht(y);
    EXPECT_LT(distance(x, y), 4e-6) << n;  // of values up to 4
  }
  for (const std::size_t n : {12u, 40u, 56u, 72u, 208u, 240u, 108u, 560u, 312u, 172u, 11008u}) {
    const auto x = normal_weights(n, n);
    auto y = x;
    hadamard(y);
    double before = 0, after = 0;
    for (std::size_t i = 0; i < n; ++i) before += double{x[i]} * x[i], after += double{y[i]} * y[i];
    EXPECT_NEAR(after / before, 1, 1e-5) << n;
    EXPECT_GT(distance(x, y), 0.5) << n;
    hadamard_inverse(y);
    EXPECT_LT(distance(x, y), 8e-6) << n;
  }
}

TEST(hadamard, sizes_without_a_transform_are_refused) {
  std::vector<float> x(172 * 2);
  EXPECT_EQ(message_of([&] { fwht(std::span(x).first(12)); }), "zolt: fwht: size = 12 must be a power of two");
  EXPECT_EQ(message_of([&] { fwht({}); }), "zolt: fwht: size = 0 must be a power of two");
  for (const std::size_t n : {0u, 3u, 6u, 18u, 44u, 54u, 70u, 92u})
    EXPECT_EQ(message_of([&] { hadamard(std::span(x).first(n)); }),
              "zolt: hadamard: size = " + to_text(n) + " must be 2^m, or K·2^m for K = 12, 20, 28, 36, 52, 60, 108, 140, 156 or 172");
  EXPECT_EQ(message_of([&] { random_rotation{.block = 16}.apply(std::span(x).first(24)); }),
            "zolt: random_rotation: size = 24 must be a multiple of the block of 16");
  EXPECT_EQ(message_of([&] { random_rotation{}.inverse({}); }), "zolt: random_rotation: size = 0 must be a multiple of the block of 0");
}

TEST(random_rotation, a_row_comes_back_and_another_key_is_another_rotation) {
  const auto x = normal_weights(96, 1);
  for (const std::size_t block : {0u, 12u, 32u, 96u}) {
    const random_rotation q{.key = {.run = 7}, .block = block};
    auto y = x, z = x;
    q.apply(y);
    EXPECT_GT(distance(x, y), 0.5);
    random_rotation{.key = {.run = 7, .query = 1}, .block = block}.apply(z);
    EXPECT_GT(distance(y, z), 0.5);
    q.inverse(y);
    EXPECT_LT(distance(x, y), 4e-6) << block;
  }
}

TEST(random_rotation, about_half_of_the_signs_are_negative_and_blocks_have_their_own) {
  std::vector<float> ones(1024, 1.0f);
  random_rotation{.key = {.run = 1}, .block = 1}.apply(ones);  // a block of one is its sign
  const auto negative = std::count(ones.begin(), ones.end(), -1.0f);
  EXPECT_EQ(static_cast<std::size_t>(negative + std::count(ones.begin(), ones.end(), 1.0f)), ones.size());
  EXPECT_NEAR(static_cast<double>(negative), 512, 72);
  EXPECT_FALSE(std::equal(ones.begin(), ones.begin() + 512, ones.begin() + 512));
}

TEST(random_rotation, a_rotated_layer_on_rotated_inputs_is_the_layer) {
  const random_rotation in{.key = {.run = 5}, .block = 24}, out{.key = {.run = 6}};
  tensor<float> w = normal_tensor({40, 72}, 1), x = normal_tensor({3, 72}, 2), y({3, 40}), rotated({3, 40});
  linear(w, x.view(), y.view());
  const tensor<float> before = w;
  rotate_columns(w, in);
  rotate_columns(x, in);
  linear(w, x.view(), rotated.view());
  EXPECT_LT(distance(y, rotated), 2e-5);
  rotate_rows(w, out);
  linear(w, x.view(), rotated.view());
  EXPECT_GT(distance(y, rotated), 1);
  restore_columns(rotated, out);
  EXPECT_LT(distance(y, rotated), 2e-5);
  restore_rows(w, out);
  restore_columns(w, in);
  EXPECT_LT(distance(before, w), 8e-6);
}

TEST(random_rotation, weights_with_outlier_columns_lose_less_in_four_bits_after_a_rotation) {
  tensor<float> w = normal_tensor({32, 256}, 9);
  for (std::size_t r = 0; r < w.rows(); ++r)
    for (const std::size_t c : {17u, 100u, 201u}) w(r, c) *= 20;
  const auto rmse = [](const tensor<float>& t) {
    const auto q = quantize<int4>("w", t.view());
    tensor<float> decoded(t.shape());
    q.decode(0, decoded.flat());
    double sum = 0;
    for (std::size_t i = 0; i < t.size(); ++i) sum += std::pow(double{t.data()[i]} - double{decoded.data()[i]}, 2);
    return std::sqrt(sum / static_cast<double>(t.size()));
  };
  const double plain = rmse(w);
  rotate_columns(w, {.key = {.run = 3}});
  const double rotated = rmse(w);
  RecordProperty("int4_rmse_plain", std::to_string(plain));
  RecordProperty("int4_rmse_rotated", std::to_string(rotated));
  EXPECT_LT(rotated, 0.7 * plain) << plain << " before, " << rotated << " after";
}

}  // namespace
}  // namespace zolt
