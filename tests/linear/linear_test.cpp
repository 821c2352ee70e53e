#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

tensor<float> normal_tensor(shape s, std::uint64_t seed) {
  tensor<float> t(s);
  const auto values = normal_weights(s.size(), seed);
  std::copy(values.begin(), values.end(), t.data());
  return t;
}

/// y must be x wᵀ to within what binary32 sums in any order can lose: columns · 2⁻²⁴ of Σ |x w|.
void expect_product(std::span<const float> w, tensor_view<const float> x, tensor_view<const float> y) {
  const std::size_t inputs = x.columns();
  for (std::size_t b = 0; b < y.rows(); ++b)
    for (std::size_t r = 0; r < y.columns(); ++r) {
      double sum = 0, magnitude = 0;
      for (std::size_t k = 0; k < inputs; ++k) {
        const double product = double{x(b, k)} * double{w[r * inputs + k]};
        sum += product;
        magnitude += std::fabs(product);
      }
      ASSERT_NEAR(double{y(b, r)}, sum, magnitude * static_cast<double>(inputs) * 0x1p-24 + 1e-30) << "row " << b << ", output " << r;
    }
}

template <class Weights>
void expect_plain(const Weights& w, std::size_t batch) {
  const auto x = normal_tensor({batch, w.columns()}, 2);
  tensor<float> y({batch, w.rows()}), same({batch, w.rows()});
  linear(w, x, y);
  std::vector<float> decoded(w.size());
  probe_view{}.read(w, 0, decoded);
  expect_product(decoded, x.view(), static_cast<tensor_view<const float>>(y));
  linear(probe_view{}, w, x, same);
  EXPECT_EQ(std::memcmp(y.data(), same.data(), y.size() * sizeof(float)), 0) << "the overloads agree";
}

TEST(linear, is_the_product_with_the_transposed_weight) {
  // Sizes around the widths of every vector unit and block, and one that needs several tiles.
  for (const shape s : {shape{1, 1}, shape{3, 5}, shape{4, 16}, shape{5, 17}, shape{33, 31}, shape{64, 100}, shape{700, 130}})
    for (const std::size_t batch : {1u, 2u, 3u, 5u, 9u}) expect_plain(normal_tensor(s, 1), batch);
}

TEST(linear, decodes_coded_weights) {
  const auto floats = normal_tensor({65, 96}, 3);
  expect_plain(quantize<int4, per_group<32>>("w", floats.view()), 5);
  expect_plain(quantize<int8, per_channel>("w", floats.view()), 5);
  expect_plain(quantize<e4m3fn, per_tensor>("w", floats.view()), 5);
  expect_plain(quantize<e5m2, per_channel>("w", floats.view()), 5);
  const auto odd = normal_tensor({37, 41}, 4);
  expect_plain(quantize<int4, per_group<16, last_group::shorter>>("w", odd.view()), 7);
}

/// Two layers of parameters under the probes of a plan.
struct layers {
  quantized_tensor<int4, per_group<32>> w = quantize<int4, per_group<32>>("w", normal_tensor({700, 96}, 5).view());
  std::vector<float> bias = normal_weights(700, 6);
  auto list() { return parameters(parameter("w", w), parameter("bias", bias, {.unit = 0.1})); }
};

TEST(linear, rows_lead_with_the_probe) {
  layers m;
  optimizer opt{m.list(), two_point{.queries = 3}, sparse_rademacher{.ratio = 0, .min_density = 0.2}};
  const probe_view all = opt.probes();
  constexpr std::size_t batch = 5;
  const auto shared = normal_tensor({batch, 96}, 7), own = normal_tensor({all.count() * batch, 96}, 8);
  tensor<float> y_shared({all.count() * batch, 700}), y_own(y_shared.shape());
  linear(all, m.w, shared, y_shared);
  linear(all, m.w, own, y_own);

  std::vector<float> seen(all.count() * m.w.size());
  all.read(m.w, 0, seen);
  for (std::size_t k = 0; k < all.count(); ++k) {
    const auto weights = std::span<const float>(seen).subspan(k * m.w.size(), m.w.size());
    const auto rows = [&](const tensor<float>& t) { return t.view().rows_from(k * batch, batch); };
    expect_product(weights, shared.view(), rows(y_shared));
    expect_product(weights, rows(own), rows(y_own));

    // One probe alone, and the same weights in place, give the same bits.
    tensor<float> alone({batch, 700}), in_place({batch, 700});
    linear(all.one(k), m.w, shared, alone);
    const typename decltype(opt)::in_place scope(opt, opt.ask()[k]);
    linear(m.w, shared, in_place);
    EXPECT_EQ(std::memcmp(alone.data(), rows(y_shared).data(), alone.size() * sizeof(float)), 0) << "probe " << k;
    EXPECT_EQ(std::memcmp(in_place.data(), alone.data(), alone.size() * sizeof(float)), 0) << "probe " << k;
  }
}

TEST(linear, the_result_of_an_example_does_not_depend_on_its_batch) {
  const auto w = normal_tensor({33, 70}, 9), x = normal_tensor({9, 70}, 10);
  tensor<float> together({9, 33}), alone({1, 33});
  linear(w, x, together);
  for (std::size_t b = 0; b < 9; ++b) {
    linear(w, x.view().rows_from(b, 1), alone);
    EXPECT_EQ(std::memcmp(alone.data(), &together(b, 0), 33 * sizeof(float)), 0) << "example " << b;
  }
}

TEST(linear, adds_the_bias_of_every_probe) {
  layers m;
  optimizer opt{m.list(), one_sided{.queries = 2}, sparse_rademacher{.ratio = 0, .min_density = 0.5}};
  const probe_view all = opt.probes();
  constexpr std::size_t batch = 3;
  tensor<float> y = normal_tensor({all.count() * batch, 700}, 11);
  const tensor<float> before = y;
  add_bias(all, m.bias, y);
  std::vector<float> seen(all.count() * 700);
  all.read(m.bias, 0, seen);
  EXPECT_FALSE(std::equal(seen.begin(), seen.begin() + 700, seen.begin() + 700));
  for (std::size_t row = 0; row < y.rows(); ++row)
    for (std::size_t j = 0; j < 700; ++j) ASSERT_EQ(y(row, j), before(row, j) + seen[row / batch * 700 + j]);

  std::vector<float> plain = {1, 2};
  tensor<float> two({2, 2});
  add_bias(probe_view{}, plain, two);
  EXPECT_EQ((std::vector<float>(two.flat().begin(), two.flat().end())), (std::vector<float>{1, 2, 1, 2}));
}

TEST(linear, shapes_that_do_not_fit_are_errors) {
  const auto w = normal_tensor({6, 4}, 12);
  tensor<float> x({3, 4}), y({3, 6}), five_columns({3, 5}), two_rows({2, 6}), none({0, 4}), empty({0, 6});
  EXPECT_EQ(message_of([&] { linear(w, five_columns, y); }), "zolt: linear: columns of x = 5 must be 4, the inputs of the weight");
  EXPECT_EQ(message_of([&] { linear(w, x, five_columns); }), "zolt: linear: columns of y = 5 must be 6, the outputs of the weight");
  EXPECT_EQ(message_of([&] { linear(w, x, two_rows); }),
            "zolt: linear: rows of x = 3 must be 2 (a block of rows per probe) or 2 (shared by all probes)");
  EXPECT_NO_THROW(linear(w, none, empty));
  const tensor<float> no_inputs(shape{6, 0});
  tensor<float> nothing({3, 0});
  EXPECT_THROW(linear(no_inputs, nothing, y), error);

  layers m;
  optimizer opt{m.list(), two_point{.queries = 2}};
  tensor<float> input({3, 96}), odd({7, 700}), fitting({12, 700});
  EXPECT_EQ(message_of([&] { linear(opt.probes(), m.w, input, odd); }),
            "zolt: linear: rows of y = 7 must be a multiple of the number of probes, 4");
  EXPECT_NO_THROW(linear(opt.probes(), m.w, input, fitting));
  tensor<float> other({5, 96});
  EXPECT_EQ(message_of([&] { linear(opt.probes(), m.w, other, fitting); }),
            "zolt: linear: rows of x = 5 must be 12 (a block of rows per probe) or 3 (shared by all probes)");
}

}  // namespace
}  // namespace zolt::test
