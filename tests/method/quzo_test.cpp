#include "zolt/method/quzo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

constexpr std::size_t dimension = 32;

std::vector<double> some_gradient() {
  draws d(3);
  std::vector<double> g(dimension);
  for (double& x : g) x = 1 + d.fraction();
  return g;
}
double along(std::span<const float> w, const std::vector<double>& g) {
  double sum = 0;
  for (std::size_t j = 0; j < dimension; ++j) sum += g[j] * static_cast<double>(w[j]);
  return sum;
}

/// ĝ·g/|g|² of many steps on a linear loss, from weights that are put back after each. `move` returns the weights after a step from 0, in
/// units, and puts them back.
struct shares {
  double mean = 0, error = 0;
};
template <class Move>
shares shares_of_gradient(double rate, std::size_t steps, Move&& move) {
  const std::vector<double> g = some_gradient();
  double length = 0, sum = 0, squares = 0;
  for (const double x : g) length += x * x;
  for (std::size_t step = 0; step < steps; ++step) {
    const double share = -along(move(g), g) / (rate * length);
    sum += share, squares += share * share;
  }
  const auto n = static_cast<double>(steps);
  return {sum / n, std::sqrt((squares / n - sum * sum / n / n) / n)};
}

template <class Method>
shares on_floats(const Method& method, std::size_t steps) {
  std::vector<float> w(dimension), moved(dimension);
  optimizer opt{parameters(parameter("w", w)), method, options{.run = 7, .record = false}};
  return shares_of_gradient(method.rate, steps, [&](const std::vector<double>& g) {
    opt.step([&] { return along(w, g); });
    moved = w;
    std::fill(w.begin(), w.end(), 0.0f);
    return std::span<const float>(moved);
  });
}
template <class Method>
shares on_codes(const Method& method, std::size_t steps) {
  const std::vector<float> start(dimension, 0.0f);
  quantized_tensor<int8> w({1, dimension});
  for (float& scale : w.scales()) scale = 1;
  const auto view = w.view();
  std::vector<float> moved(dimension);
  optimizer opt{parameters(parameter("w", w)), method, options{.run = 7, .record = false}};
  const auto read = [&] {
    view.decode(0, moved);
    return std::span<const float>(moved);
  };
  return shares_of_gradient(method.rate, steps, [&](const std::vector<double>& g) {
    opt.step([&] { return along(read(), g); });
    read();
    for (std::size_t i = 0; i < dimension; ++i) view.set_code(i, int8::code_of(0));
    return std::span<const float>(moved);
  });
}

// κ is 2.14 on the 2-bit grid and 1.64 at a deviation of half a code.
TEST(quzo, estimates_the_gradient_with_two_roundings_or_the_corrected_one_and_kappa_times_it_with_one) {
  const double kappa = rounded{.step = 8.0 / 3}.law_at(1, 1).kappa();
  for (const auto& [times, expected] : {std::pair{roundings::two, 1.0}, {roundings::one_corrected, 1.0}, {roundings::one, kappa}}) {
    const shares s = on_floats(method::quzo{.rate = 0.5, .radius = 0.25, .queries = 4, .perturbation_bits = 2, .times = times}, 400);
    EXPECT_NEAR(s.mean, expected, allowed_standard_errors * s.error);
    EXPECT_LT(s.error, 0.1);
  }
}

TEST(quzo, estimates_the_gradient_on_codes) {
  const double kappa = rounded{.step = 2}.law_at(1, 1).kappa();
  for (const auto& [times, expected] : {std::pair{roundings::two, 1.0}, {roundings::one_corrected, 1.0}, {roundings::one, kappa}}) {
    const shares s = on_codes(method::quzo_codes{.rate = 0.25, .deviation = 0.5, .queries = 4, .times = times}, 400);
    EXPECT_NEAR(s.mean, expected, allowed_standard_errors * s.error);
    EXPECT_LT(s.error, 0.1);
  }
}

TEST(quzo, a_probe_is_a_whole_number_of_steps_of_the_deviation_that_was_asked_for) {
  std::vector<float> w(1 << 12);
  const method::quzo method{.radius = 0x1p-6, .perturbation_bits = 4};
  optimizer opt{parameters(parameter("w", w)), method};
  double squares = 0, farthest = 0, off_grid = 0;
  const double step = 8.0 / 15 * method.radius;
  opt.step([&] {
    for (const float x : w) {
      const double points = static_cast<double>(x) / step;
      farthest = std::max(farthest, std::fabs(points));
      off_grid = std::max(off_grid, std::fabs(points - std::round(points)));
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
    return 0.0;
  });
  EXPECT_LT(off_grid, 2e-3);
  EXPECT_LE(farthest, 8.01) << "17 points";
  EXPECT_NEAR(std::sqrt(squares / 2 / static_cast<double>(w.size())) / method.radius, std::sqrt(1.0474), 0.04);
}

TEST(quzo, descends_a_quadratic_on_int4_codes_and_replays) {
  const std::vector<float> values = normal_weights(8 * 32, 1), target = normal_weights(8 * 32, 2);
  const auto base = quantize<int4, per_group<32>>("w", tensor_view<const float>(values.data(), shape{8, 32}));
  auto w = base;
  std::vector<float> read(w.size());
  const auto loss = [&] {
    w.view().decode(0, read);
    double sum = 0;
    for (std::size_t i = 0; i < read.size(); ++i) sum += double{1} * (read[i] - target[i]) * (read[i] - target[i]);
    return sum;
  };
  const method::quzo_codes method{.rate = 0.1, .deviation = 0.5, .queries = 64, .times = roundings::one_corrected};
  optimizer opt{parameters(parameter("w", w)), method};
  const double before = loss();
  for (int step = 0; step < 25; ++step) opt.step(loss);
  EXPECT_LT(loss(), 0.6 * before);
  EXPECT_EQ(static_cast<double>(opt.state_bytes()), method.state_bytes_per_weight * static_cast<double>(w.size()));

  auto again = base;
  optimizer replayed{parameters(parameter("w", again)), method};
  replayed.replay(opt.recorded());
  EXPECT_TRUE(std::ranges::equal(w.view().bytes(), again.view().bytes()));
  optimizer other{parameters(parameter("w", again)), method::quzo_codes{.rate = 0.1, .deviation = 0.5, .queries = 64}};
  EXPECT_THROW(other.replay(opt.recorded()), error) << "the number of roundings is part of the composition";
}

}  // namespace
}  // namespace zolt::test
