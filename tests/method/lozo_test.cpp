#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/method/lozo.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

/// The rank of a matrix whose entries are exact multiples of numbers not far from 1.
std::size_t rank_of(std::vector<double> a, shape s) {
  std::size_t rank = 0;
  for (std::size_t column = 0; column < s.columns && rank < s.rows; ++column) {
    std::size_t pivot = rank;
    for (std::size_t row = rank; row < s.rows; ++row)
      if (std::fabs(a[row * s.columns + column]) > std::fabs(a[pivot * s.columns + column])) pivot = row;
    if (std::fabs(a[pivot * s.columns + column]) < 1e-3) continue;
    for (std::size_t j = 0; j < s.columns; ++j) std::swap(a[rank * s.columns + j], a[pivot * s.columns + j]);
    for (std::size_t row = rank + 1; row < s.rows; ++row) {
      const double factor = a[row * s.columns + column] / a[rank * s.columns + column];
      for (std::size_t j = 0; j < s.columns; ++j) a[row * s.columns + j] -= factor * a[rank * s.columns + j];
    }
    ++rank;
  }
  return rank;
}

/// A matrix and a bias under a linear loss of slopes g, with all that a step shows of itself.
struct watched {
  tensor<float> matrix{{12, 10}}, bias{{1, 9}};
  std::vector<float> slopes = normal_weights(129, 4);

  auto list() { return parameters(parameter("matrix", matrix), parameter("bias", bias)); }
  std::vector<double> all() const {
    std::vector<double> w(matrix.flat().begin(), matrix.flat().end());
    w.insert(w.end(), bias.flat().begin(), bias.flat().end());
    return w;
  }
  double loss() const {
    double sum = 0;
    const auto w = all();
    for (std::size_t j = 0; j < w.size(); ++j) sum += double{slopes[j]} * w[j];
    return sum;
  }
};
std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> d(a.size());
  for (std::size_t j = 0; j < a.size(); ++j) d[j] = a[j] - b[j];
  return d;
}

TEST(lozo, an_update_is_its_probe_on_every_step) {
  constexpr std::uint32_t refresh = 4;
  watched m;
  const method::lozo<2> how{.rate = 0.5, .radius = 0.25, .refresh = refresh};
  optimizer opt{m.list(), how, options{.run = 3}};
  for (std::uint32_t step = 0; step <= 2 * refresh; ++step) {
    std::vector<std::vector<double>> seen;
    const auto before = m.all();
    opt.step([&] {
      seen.push_back(m.all());
      return m.loss();
    });
    ASSERT_EQ(seen.size(), 2u);
    const auto probe = difference(seen[0], before), other = difference(seen[1], before), update = difference(m.all(), before);
    // −η (L₊ − L₋)/(2ε) · z/r with z = probe/ε.
    double directional = 0;
    for (std::size_t j = 0; j < probe.size(); ++j) directional += double{m.slopes[j]} * probe[j] / how.radius;
    ASSERT_GT(std::fabs(directional), 0.05);
    for (std::size_t j = 0; j < probe.size(); ++j) {
      EXPECT_NEAR(probe[j], -other[j], 1e-5);
      EXPECT_NEAR(update[j], -how.rate * directional * probe[j] / how.radius / 2, 2e-4 * std::fabs(directional)) << "step " << step;
    }
  }
}

TEST(lozo, a_window_of_steps_has_the_rank_of_one) {
  constexpr std::uint32_t refresh = 5;
  const auto rank_after = [](auto how, std::uint32_t first, std::uint32_t last) {
    watched m;
    optimizer opt{m.list(), how, options{.run = 8}};
    std::vector<double> before(120);
    for (std::uint32_t step = 0; step < last; ++step) {
      if (step == first) before.assign(m.matrix.flat().begin(), m.matrix.flat().end());
      opt.step([&] { return m.loss(); });
    }
    const std::vector<double> after(m.matrix.flat().begin(), m.matrix.flat().end());
    return rank_of(difference(after, before), m.matrix.shape());
  };
  const auto two = method::lozo<2>{.rate = 0.5, .radius = 1, .refresh = refresh};
  EXPECT_EQ(rank_after(two, 0, 1), 2u);
  EXPECT_EQ(rank_after(two, 0, refresh), 2u);
  EXPECT_EQ(rank_after(two, refresh, 2 * refresh), 2u);
  EXPECT_EQ(rank_after(two, refresh - 1, refresh + 1), 4u) << "two windows, two factors";
  EXPECT_EQ(rank_after(method::lozo<1>{.rate = 0.5, .radius = 1, .refresh = refresh, .queries = 3}, 0, refresh), 1u) << "queries share V";
  EXPECT_EQ(rank_after(method::lozo<1>{.rate = 0.5, .radius = 1, .refresh = 1, .queries = 3}, 0, 2), 6u) << "nothing is held";
}

TEST(lozo, estimates_are_unbiased_on_a_quadratic) {
  constexpr std::size_t runs = 1000, steps = 4;
  tensor<float> w({4, 6});
  const auto start = normal_weights(24, 6), target = normal_weights(24, 7);
  const auto loss = [&] {
    double sum = 0;
    for (std::size_t j = 0; j < 24; ++j) sum += (0.5 + 0.05 * double(j)) * std::pow(double{w.data()[j]} - double{target[j]}, 2);
    return sum;
  };
  std::vector<double> sum(24), squares(24);
  for (std::size_t run = 0; run < runs; ++run) {
    std::copy(start.begin(), start.end(), w.data());
    optimizer opt{parameters(parameter("w", w)), method::lozo<2>{.rate = 0.125, .radius = 0.5, .refresh = 2, .queries = 2},
                  options{.run = run, .record = false, .reserved_steps = 1}};
    std::vector<double> estimate(24);
    for (std::size_t s = 0; s < steps; ++s) {
      opt.step(loss);
      for (std::size_t j = 0; j < 24; ++j) estimate[j] -= (double{w.data()[j]} - double{start[j]}) / 0.125 / steps;
      std::copy(start.begin(), start.end(), w.data());
    }
    for (std::size_t j = 0; j < 24; ++j) sum[j] += estimate[j], squares[j] += estimate[j] * estimate[j];
  }
  for (std::size_t j = 0; j < 24; ++j) {
    const double gradient = (1 + 0.1 * double(j)) * (double{start[j]} - double{target[j]});
    EXPECT_LT(standard_errors(sum[j], runs * gradient, squares[j] - sum[j] * sum[j] / runs), allowed_standard_errors) << j;
    EXPECT_LT(std::sqrt(squares[j]) / runs, 0.35) << "a tolerance that shows something";
  }
}

TEST(lozo_momentum, is_a_moment_of_left_factors_while_the_right_ones_are_held) {
  watched m;
  const method::lozo_momentum<2> how{.rate = 0.5, .radius = 0.25, .decay = 0.8, .window = 6, .refresh = 5};
  optimizer opt{m.list(), how, options{.run = 3}};
  const auto law = low_rank<2>{.refresh = how.refresh}.law_at(1, 1);
  const parameter_info info = info_of(parameter("matrix", m.matrix));
  std::vector<double> left(12 * 2);  // N, of signs as ±1
  const auto sign = [](std::uint64_t signs, std::size_t k) { return signs >> k & 1 ? -1.0 : 1.0; };
  for (std::uint32_t step = 0; step < how.refresh; ++step) {
    const auto before = m.all();
    std::vector<double> losses;
    opt.step([&] { return losses.emplace_back(m.loss()); });
    const double c = (losses[0] - losses[1]) / (2 * how.radius);
    std::vector<std::uint64_t> rows(12), columns(10);
    law.left_signs({3, step, 0}, info, 0, rows);
    law.right_signs({3, step, 0}, info, 0, columns);
    for (std::size_t i = 0; i < 24; ++i) left[i] = 0.8 * left[i] + 0.2 * c * sign(rows[i / 2], i % 2);
    const auto after = m.all();
    for (std::size_t i = 0; i < 120; ++i) {
      double product = 0;
      for (std::size_t k = 0; k < 2; ++k) product += left[i / 10 * 2 + k] * sign(columns[i % 10], k);
      EXPECT_NEAR(after[i] - before[i], -0.5 * product / 2, 1e-3 * std::fabs(c)) << "step " << step;
    }
  }
  EXPECT_EQ(opt.state_bytes(), 0u);
}

TEST(lozo_momentum, it_descends) {
  tensor<float> w({6, 8});
  const auto target = normal_weights(48, 7);
  const auto loss = [&] {
    double sum = 0;
    for (std::size_t j = 0; j < 48; ++j) sum += std::pow(double{w.data()[j]} - double{target[j]}, 2);
    return sum;
  };
  optimizer opt{parameters(parameter("w", w)), method::lozo_momentum<2>{.rate = 0.01, .window = 20, .refresh = 3}, options{.run = 4}};
  const double before = loss();
  for (int s = 0; s < 300; ++s) opt.step(loss);
  EXPECT_LT(loss(), 0.2 * before);
}

using int4_weights = quantized_tensor<int4, per_group<32>>;

template <class Weights>
int ordinal(const Weights& w, std::size_t i) {
  return Weights::format::ordinal_of(w.view().code(i));
}

TEST(lozo, codes_are_probed_by_whole_codes) {
  tensor<float> floats({3, 64});
  const auto v = normal_weights(floats.size(), 2);
  std::copy(v.begin(), v.end(), floats.data());
  int4_weights w = quantize<int4, per_group<32>>("w", floats.view());
  const int4_weights start = w;
  optimizer opt{parameters(parameter("w", w)), method::lozo<2>{.rate = 0.1, .radius = 1, .refresh = 3}, options{.run = 5}};
  std::vector<std::int16_t> z(w.size());
  low_rank<2>{.refresh = 3}.law_at(1, 1).fill({5, 0, 0}, info_of(parameter("w", w)), 0, z);
  int sign = 1;
  opt.step([&] {
    for (std::size_t i = 0; i < w.size(); ++i)
      EXPECT_EQ(ordinal(w, i), std::clamp(ordinal(start, i) + sign * z[i], int4::lowest, int4::highest)) << i;
    sign = -sign;
    return 0.0;
  });
  for (std::size_t i = 0; i < w.size(); ++i) ASSERT_EQ(w.view().code(i), start.view().code(i));
}

TEST(lozo, codes_move_by_the_gradient_in_the_mean) {
  constexpr std::size_t runs = 1500;
  int4_weights w(shape{2, 32});
  w.scales()[0] = 1;
  const auto view = w.view();
  const auto begin = [](std::size_t i) { return static_cast<int>(i * 7 % 11) - 5; };
  const auto loss = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < 64; ++i) sum += 0.05 * (ordinal(w, i) - 3) * (ordinal(w, i) - 3);
    return sum;
  };
  std::vector<double> sum(64), squares(64);
  for (std::size_t run = 0; run < runs; ++run) {
    for (std::size_t i = 0; i < 64; ++i) view.set_code(i, int4::code_of(begin(i)));
    optimizer opt{parameters(parameter("w", w)), method::lozo<2>{.rate = 0.05, .radius = 1},
                  options{.run = run, .record = false, .reserved_steps = 1}};
    opt.step(loss);
    for (std::size_t i = 0; i < 64; ++i) {
      const double move = ordinal(w, i) - begin(i);
      sum[i] += move, squares[i] += move * move;
    }
  }
  for (std::size_t i = 0; i < 64; ++i)
    EXPECT_LT(standard_errors(sum[i], -0.05 * runs * 0.1 * (begin(i) - 3), squares[i]), allowed_standard_errors) << i;
}

TEST(lozo, it_descends_on_int4) {
  tensor<float> floats({4, 32});
  const auto v = normal_weights(floats.size(), 12), target = normal_weights(floats.size(), 13);
  std::copy(v.begin(), v.end(), floats.data());
  int4_weights w = quantize<int4, per_group<32>>("w", floats.view());
  const auto loss = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += std::pow(double{w.view().scale(i)} * ordinal(w, i) - double{target[i]}, 2);
    return sum;
  };
  optimizer opt{parameters(parameter("w", w)), method::lozo<2>{.rate = 0.05, .radius = 1, .refresh = 2, .queries = 8}, options{.run = 5}};
  const double before = loss();
  for (int s = 0; s < 200; ++s) opt.step(loss);
  EXPECT_LT(loss(), 0.5 * before) << "a window of steps sees 8 of 128 dimensions";
  EXPECT_EQ(opt.state_bytes(), 0u);
}

TEST(lozo, a_trajectory_is_the_run) {
  watched trained, repeated;
  const method::lozo<2> how{.rate = 0.05, .radius = 0.5, .refresh = 3, .queries = 2};
  optimizer opt{trained.list(), how, options{.run = 6, .threads = 2}};
  for (int s = 0; s < 10; ++s) opt.step([&] { return trained.loss(); });
  optimizer again{repeated.list(), how, options{.run = 6}};
  again.replay(opt.recorded());
  EXPECT_EQ(trained.all(), repeated.all());
  watched other;
  optimizer another{other.list(), method::lozo<1>{.rate = 0.05, .radius = 0.5, .refresh = 3, .queries = 2}, options{.run = 6}};
  EXPECT_THROW(another.replay(opt.recorded()), error) << "another rank is another composition";
}

}  // namespace
}  // namespace zolt::test
