#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "support/layer_models.hpp"
#include "support/messages.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/linear/rms_norm.hpp"
#include "zolt/optimizer/layer_signals.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace zolt::test {
namespace {

/// One row by its definition.
std::vector<double> normalised(const std::vector<double>& x, const std::vector<double>& gain, double epsilon) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon);
  std::vector<double> y(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) y[j] = gain[j] * x[j] * scale;
  return y;
}
std::vector<double> doubles(std::span<const float> values) { return {values.begin(), values.end()}; }

TEST(rms_norm, forward_is_its_definition) {
  const tensor<float> x = random_matrix({5, 11}, 1, 3), gain = random_matrix({1, 11}, 2);
  for (const double epsilon : {0.0, 1e-5, 2.0}) {
    tensor<float> y({5, 11});
    rms_norm(gain, epsilon).forward(probe_view{}, x.view(), y.view());
    for (std::size_t b = 0; b < 5; ++b) {
      const auto expected = normalised(doubles(x.view().row(b)), doubles(gain.flat()), epsilon);
      EXPECT_LT(relative_difference(std::as_const(y).view().row(b), expected), 1e-6);
    }
  }
}

TEST(rms_norm, rows_of_zeros_stay_zero) {
  const tensor<float> x({2, 8}), gain = random_matrix({1, 8}, 3), error = random_matrix({2, 8}, 4);
  tensor<float> y({2, 8}), input_error({2, 8});
  rms_norm norm(gain);
  norm.forward(probe_view{}, x.view(), y.view());
  for (const float v : y.flat()) EXPECT_EQ(v, 0);
  layer_signals signals({});
  norm.backward(x.view(), error.view(), input_error.view(), signals);
  for (const float v : input_error.flat()) EXPECT_TRUE(std::isfinite(v));
}

TEST(rms_norm, backward_is_the_derivative_of_forward) {
  tensor<float> gain = random_matrix({1, 9}, 5);
  const tensor<float> x = random_matrix({4, 9}, 6, 2), error = random_matrix({4, 9}, 7);
  const double epsilon = 0.3;
  const auto set = parameters(parameter("gain", gain));
  const auto ranges = detail::memory_ranges(set);
  layer_signals signals(ranges);
  tensor<float> input_error({4, 9});
  rms_norm(gain, epsilon).backward(x.view(), error.view(), input_error.view(), signals);

  const auto told = [&](const std::vector<double>& row, const std::vector<double>& g, std::size_t b) {
    const auto y = normalised(row, g, epsilon);
    double sum = 0;
    for (std::size_t j = 0; j < 9; ++j) sum += y[j] * error(b, j);
    return sum;
  };
  constexpr double h = 1e-6;
  std::size_t factors = 0;
  signals.for_each([&](const detail::outer_factor& f) {
    ++factors;
    EXPECT_EQ(f.parameter, 0u);
    EXPECT_EQ(f.input.data(), nullptr);
    ASSERT_EQ(f.signal.shape(), (shape{4, 9}));
    for (std::size_t b = 0; b < 4; ++b)
      for (std::size_t j = 0; j < 9; ++j) {
        std::vector<double> row = doubles(x.view().row(b)), g = doubles(std::as_const(gain).flat());
        row[j] += h;
        const double x_above = told(row, g, b);
        row[j] -= 2 * h;
        const double x_below = told(row, g, b);
        row[j] += h;
        EXPECT_NEAR(input_error(b, j), (x_above - x_below) / (2 * h), 2e-6);
        g[j] += h;
        const double g_above = told(row, g, b);
        g[j] -= 2 * h;
        EXPECT_NEAR(f.signal(b, j), (g_above - told(row, g, b)) / (2 * h), 2e-6);
      }
  });
  EXPECT_EQ(factors, 1u);
}

TEST(rms_norm, a_gain_that_is_no_parameter_is_passed_over) {
  const tensor<float> gain = random_matrix({1, 9}, 5), x = random_matrix({4, 9}, 6), error = random_matrix({4, 9}, 7);
  tensor<float> other({1, 9}), input_error({4, 9});
  const auto set = parameters(parameter("other", other));
  const auto ranges = detail::memory_ranges(set);
  layer_signals signals(ranges);
  rms_norm(gain).backward(x.view(), error.view(), input_error.view(), signals);
  signals.for_each([](const detail::outer_factor&) { FAIL(); });
}

TEST(rms_norm, every_probe_sees_its_own_gain) {
  tensor<float> gain = random_matrix({1, 8}, 8);
  const tensor<float> x = random_matrix({6, 8}, 9);
  optimizer opt{parameters(parameter("gain", gain, {.unit = 0.1})), two_point{.queries = 1}, rademacher{}};
  const probe_view probes = opt.probes();
  ASSERT_EQ(probes.count(), 2u);
  tensor<float> y({6, 8}), seen({1, 8});
  rms_norm(gain).forward(probes, x.view(), y.view());
  for (std::size_t k = 0; k < 2; ++k) {
    probes.one(k).read(gain, 0, seen.flat());
    EXPECT_NE(seen(0, 0), gain(0, 0));
    for (std::size_t b = 3 * k; b < 3 * k + 3; ++b)
      EXPECT_LT(relative_difference(std::as_const(y).view().row(b),
                                    normalised(doubles(x.view().row(b)), doubles(std::as_const(seen).flat()), 1e-5)),
                1e-6);
  }
}

TEST(rms_norm, shapes_that_do_not_fit_are_errors) {
  const tensor<float> x = random_matrix({4, 9}, 10);
  tensor<float> gain = random_matrix({1, 9}, 11), shorter = random_matrix({1, 8}, 11), y({4, 9}), narrow({4, 8}), few({3, 9});
  const rms_norm norm(gain);
  EXPECT_EQ(message_of([&] { norm.forward(probe_view{}, x.view(), y.view()); }), "no error");
  EXPECT_NE(message_of([&] { norm.forward(probe_view{}, x.view(), few.view()); }), "no error") << "rows of y";
  EXPECT_NE(message_of([&] { norm.forward(probe_view{}, x.view(), narrow.view()); }), "no error") << "columns of y";
  EXPECT_NE(message_of([&] { rms_norm(shorter).forward(probe_view{}, x.view(), y.view()); }), "no error") << "size of the gain";
}

}  // namespace
}  // namespace zolt::test
