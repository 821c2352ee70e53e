#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/estimator/node_direction.hpp"

namespace zolt::test {
namespace {

constexpr direction_key key{.run = 5, .step = 7, .query = 3};

tensor<float> independent(const direction_key& k, std::uint64_t layer, std::uint32_t copy, float length, shape s) {
  tensor<float> out(s);
  node_direction::independent(k, layer, copy, length, out.view());
  return out;
}
tensor<float> orthogonal(const direction_key& k, std::uint64_t layer, std::uint32_t copy, float length, shape s) {
  tensor<float> out(s);
  node_direction::orthogonal(k, layer, copy, length, out.view());
  return out;
}
bool same(const tensor<float>& a, const tensor<float>& b) { return std::equal(a.flat().begin(), a.flat().end(), b.flat().begin()); }

TEST(node_direction, elements_are_plus_or_minus_a_length) {
  for (const float length : {0.25f, 3.0f, 1e-20f}) {
    const tensor<float> r = independent(key, 2, 1, length, {9, 100});
    for (const float v : r.flat()) EXPECT_TRUE(v == length || v == -length) << v;
  }
  const tensor<float> none = independent(key, 2, 1, 0, {9, 100});
  for (const float v : none.flat()) EXPECT_EQ(v, 0);
}

TEST(node_direction, is_a_function_of_run_step_layer_and_copy) {
  const shape s{4, 77};
  const tensor<float> r = independent(key, 2, 1, 1, s);
  EXPECT_TRUE(same(r, independent(key, 2, 1, 1, s)));
  EXPECT_TRUE(same(r, independent({key.run, key.step, 99}, 2, 1, 1, s))) << "the copy stands in place of the query";
  EXPECT_FALSE(same(r, independent({key.run + 1, key.step, 0}, 2, 1, 1, s)));
  EXPECT_FALSE(same(r, independent({key.run, key.step + 1, 0}, 2, 1, 1, s)));
  EXPECT_FALSE(same(r, independent(key, 3, 1, 1, s)));
  EXPECT_FALSE(same(r, independent(key, 2, 0, 1, s)));
}

TEST(node_direction, rows_of_a_batch_do_not_depend_on_how_many_there_are) {
  const tensor<float> many = independent(key, 1, 0, 1, {300, 33}), few = independent(key, 1, 0, 1, {2, 33});
  for (std::size_t i = 0; i < few.size(); ++i) EXPECT_EQ(many.data()[i], few.data()[i]);
}

TEST(node_direction, signs_are_fair_and_uncorrelated) {
  constexpr std::size_t count = 1 << 16;  // several tiles
  const tensor<float> a = independent(key, 1, 0, 1, {64, count / 64}), b = independent(key, 1, 1, 1, {64, count / 64}),
                      c = independent(key, 2, 0, 1, {64, count / 64});
  double sum = 0, copies = 0, layers = 0, neighbours = 0, rows = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += double{a.data()[i]};
    copies += double{a.data()[i]} * b.data()[i];
    layers += double{a.data()[i]} * c.data()[i];
    neighbours += double{a.data()[i]} * a.data()[(i + 1) % count];
    rows += double{a.data()[i]} * a.data()[(i + count / 64) % count];
  }
  for (const double statistic : {sum, copies, layers, neighbours, rows})
    EXPECT_LT(standard_errors(statistic, 0, count), allowed_standard_errors);
}

TEST(node_direction, copies_of_an_example_are_orthogonal) {
  for (const std::size_t width : std::array<std::size_t, 8>{1, 2, 8, 24, 32, 40, 48, 64}) {
    const auto most = static_cast<std::uint32_t>(width & (~width + 1));  // the largest power of two that divides the width
    std::vector<tensor<float>> r;
    for (std::uint32_t k = 0; k < most; ++k) r.push_back(orthogonal(key, 4, k, 1, {3, width}));
    for (std::uint32_t k = 0; k < most; ++k)
      for (std::uint32_t l = 0; l < most; ++l)
        for (std::size_t b = 0; b < 3; ++b) {
          double product = 0;
          for (std::size_t i = 0; i < width; ++i) product += double{r[k](b, i)} * r[l](b, i);
          EXPECT_EQ(product, k == l ? static_cast<double>(width) : 0.0) << width << ": copies " << k << " and " << l;
        }
  }
}

TEST(node_direction, copy_zero_of_orthogonal_ones_is_the_independent_one) {
  EXPECT_TRUE(same(orthogonal(key, 4, 0, 0.5f, {5, 24}), independent(key, 4, 0, 0.5f, {5, 24})));
  EXPECT_FALSE(same(orthogonal(key, 4, 1, 0.5f, {5, 24}), independent(key, 4, 0, 0.5f, {5, 24})));
}

TEST(node_direction, two_copies_of_an_odd_width_are_orthogonal_up_to_one) {
  const tensor<float> a = orthogonal(key, 4, 0, 1, {1, 25}), b = orthogonal(key, 4, 1, 1, {1, 25});
  double product = 0;
  for (std::size_t i = 0; i < 25; ++i) product += double{a(0, i)} * b(0, i);
  EXPECT_EQ(product, 1);
}

TEST(hadamard_transform, is_its_definition) {
  draws d(8);
  for (std::size_t count = 1; count <= 256; count *= 2) {
    std::vector<float> values(count), expected(count);
    for (float& v : values) v = static_cast<float>(static_cast<int>(d.below(200)) - 100);  // small integers: sums are exact
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; k < count; ++k) expected[i] += std::popcount(k & i) % 2 == 0 ? values[k] : -values[k];
    std::vector<float> twice = values;
    node_direction::hadamard_transform(values);
    EXPECT_EQ(values, expected) << count;
    node_direction::hadamard_transform(values);
    for (float& v : twice) v *= static_cast<float>(count);
    EXPECT_EQ(values, twice) << "H H = n";
  }
}

}  // namespace
}  // namespace zolt::test
