#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "support/layer_models.hpp"
#include "zolt/estimator/exact_head.hpp"
#include "zolt/optimizer/layer_optimizer.hpp"
#include "zolt/update/gradient_normaliser.hpp"

/// Normalisers, seen through the optimizer: a layer whose gradient is given, and weights of 0 that become minus what the rule was given.
namespace zolt::test {
namespace {

/// A loss whose derivative is what a test says.
struct given_slope {
  tensor_view<const float> slopes;
  double loss(std::size_t, std::span<const float>) const { return 1; }
  void slope(std::size_t example, std::span<const float>, std::span<float> out) const {
    std::copy_n(slopes.row(example).data(), out.size(), out.data());
  }
};

/// One layer whose mean gradient over examples is slopesᵀ x / examples.
template <class Normaliser>
class one_layer {
 public:
  one_layer(shape s, const Normaliser& n) : w_(s), opt_(parameters(parameter("w", w_)), exact_head{}, sgd{.rate = 1}, n) {}

  /// a, the normalised gradient of a step whose gradient is g.
  matrix step(const matrix& g) {
    tensor<float> x({g.columns(), g.columns()}), slopes({g.columns(), g.rows()});
    for (std::size_t k = 0; k < g.columns(); ++k) {
      x(k, k) = 1;
      for (std::size_t i = 0; i < g.rows(); ++i) slopes(k, i) = static_cast<float>(static_cast<double>(g.columns()) * g(i, k));
    }
    return step(x, slopes);
  }
  matrix step(const tensor<float>& x, const tensor<float>& slopes) {
    std::fill_n(w_.data(), w_.size(), 0.0f);
    tensor<float> y({x.rows(), w_.rows()});
    last = opt_.step(
        [&](const probe_view& probes) {
          linear(probes, w_, x.view(), y.view());
          return std::as_const(y).view();
        },
        given_slope{slopes.view()});
    matrix a(w_.shape());
    for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = -double{w_.data()[i]};
    return a;
  }
  std::size_t state_bytes() const { return opt_.state_bytes(); }

  report last;

 private:
  tensor<float> w_;
  optimizer<static_parameters<dense_view>, composition_of<exact_head, sgd, Normaliser>> opt_;
};

matrix random_gradient(shape s, std::uint64_t seed) {
  draws d(seed);
  matrix g(s);
  for (double& v : g.flat()) v = double{d.normal()} * 0.01;
  return g;
}

/// The definition in double: moments before a step divide, those of the first step its own; plain means until 1/(1 − decay) steps.
class reference {
 public:
  reference(const factored_rms& n, shape s) : n_(n), rows_(s.rows), columns_(s.columns) {}
  matrix step(const matrix& g) {
    if (steps_ == 0) take(g);
    matrix a(g.shape());
    double mean = 0;
    for (const double v : rows_) mean += v / static_cast<double>(rows_.size());
    for (std::size_t i = 0; i < g.rows(); ++i)
      for (std::size_t k = 0; k < g.columns(); ++k) {
        const double divided = g(i, k) / (std::sqrt(rows_[i] * columns_[k] / mean) + std::sqrt(n_.floor * mean));
        const double clipped = std::clamp(divided, -n_.limit, n_.limit);
        a(i, k) = std::copysign(std::pow(std::fabs(clipped), n_.power), clipped);
      }
    if (steps_++ != 0) take(g);
    return a;
  }

 private:
  void take(const matrix& g) {
    const double rate = std::max(1 - n_.decay, 1 / static_cast<double>(std::max<std::size_t>(steps_, 1)));
    const auto shape = g.shape();
    std::vector<double> rows(shape.rows), columns(shape.columns);
    for (std::size_t i = 0; i < shape.rows; ++i)
      for (std::size_t k = 0; k < shape.columns; ++k) {
        rows[i] += g(i, k) * g(i, k) / static_cast<double>(shape.columns);
        columns[k] += g(i, k) * g(i, k) / static_cast<double>(shape.rows);
      }
    for (std::size_t i = 0; i < shape.rows; ++i) rows_[i] += rate * (rows[i] - rows_[i]);
    for (std::size_t k = 0; k < shape.columns; ++k) columns_[k] += rate * (columns[k] - columns_[k]);
  }
  factored_rms n_;
  std::vector<double> rows_, columns_;
  std::size_t steps_ = 0;
};

double root_mean_square(const matrix& a) {
  double squares = 0;
  for (const double v : a.flat()) squares += v * v;
  return std::sqrt(squares / static_cast<double>(a.size()));
}

factored_rms with(double decay, double floor, double limit = 5, double power = 1) {
  factored_rms n;
  n.decay = decay, n.floor = floor, n.limit = limit, n.power = power;
  return n;
}

TEST(factored_rms, rank_one_gradients_become_plus_or_minus_one) {
  draws d(1);
  matrix g({7, 12}), signs({7, 12});
  std::vector<double> u(7), v(12);
  for (double& x : u) x = std::exp(3.0 * double{d.normal()});
  for (double& x : v) x = std::exp(3.0 * double{d.normal()});
  for (std::size_t i = 0; i < 7; ++i)
    for (std::size_t k = 0; k < 12; ++k) {
      signs(i, k) = d.below(2) == 0 ? -1 : 1;
      g(i, k) = signs(i, k) * u[i] * v[k];
    }
  one_layer layer({7, 12}, with(0.98, 0));
  for (int step = 0; step < 3; ++step) {
    const matrix a = layer.step(g);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a.data()[i], signs.data()[i], 1e-5);
    EXPECT_EQ(layer.last.clipped_gradients, 0u);
  }
}

TEST(factored_rms, follows_its_definition_step_by_step) {
  for (const double decay : {0.0, 0.5, 0.98}) {
    const factored_rms n = with(decay, 1e-2, 2.5);
    one_layer layer({6, 9}, n);
    reference expected(n, {6, 9});
    for (std::uint64_t step = 0; step < 6; ++step) {
      matrix g = random_gradient({6, 9}, 10 + step);
      for (std::size_t k = 0; k < 9; ++k) g(step, k) *= 8;  // moments of one step are not those of another
      EXPECT_LT(relative_difference(layer.step(g).flat(), expected.step(g).flat()), 1e-4) << "decay " << decay << ", step " << step;
    }
  }
}

TEST(factored_rms, second_step_is_divided_by_the_moments_of_the_first) {
  one_layer layer({4, 4}, with(0.98, 0));
  matrix g({4, 4});
  for (double& v : g.flat()) v = 0.5;
  EXPECT_NEAR(layer.step(g)(1, 2), 1, 1e-6) << "the first step: its own";
  for (double& v : g.flat()) v = 1;
  EXPECT_NEAR(layer.step(g)(1, 2), 2, 1e-6);
  for (double& v : g.flat()) v = 0;
  EXPECT_EQ(layer.step(g)(1, 2), 0);
}

TEST(factored_rms, third_step_is_divided_by_the_plain_mean_of_two) {
  one_layer layer({4, 4}, with(0.98, 0));
  matrix g({4, 4});
  double a = 0;
  for (const double size : {1.0, 3.0, 1.0}) {
    for (double& v : g.flat()) v = size;
    a = layer.step(g)(0, 0);
  }
  EXPECT_NEAR(a, 1 / std::sqrt((1.0 + 9.0) / 2), 1e-6);
}

TEST(factored_rms, is_the_same_across_stripes_and_panels) {
  const factored_rms n = with(0.9, 1e-3);
  for (const shape s : {shape{70, 2100}, shape{130, 33}, shape{3, 5000}}) {
    one_layer layer(s, n);
    reference expected(n, s);
    for (std::uint64_t step = 0; step < 2; ++step) {
      const tensor<float> x = random_matrix({3, s.columns}, 20 + step), slopes = random_matrix({3, s.rows}, 30 + step);
      matrix g(s);
      for (std::size_t b = 0; b < 3; ++b)
        for (std::size_t i = 0; i < s.rows; ++i)
          for (std::size_t k = 0; k < s.columns; ++k) g(i, k) += double{slopes(b, i)} * x(b, k) / 3;
      EXPECT_LT(relative_difference(layer.step(x, slopes).flat(), expected.step(g).flat()), 1e-4) << s.text();
    }
  }
}

TEST(factored_rms, limit_clips_and_the_report_counts) {
  const factored_rms n = with(0.98, 0, 1.5);
  one_layer layer({8, 8}, n);
  reference expected(n, {8, 8});
  const matrix g = random_gradient({8, 8}, 40), a = layer.step(g), wanted = expected.step(g);
  std::uint64_t clipped = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_LE(std::fabs(a.data()[i]), 1.5);
    EXPECT_NEAR(a.data()[i], wanted.data()[i], 1e-5);
    clipped += std::fabs(wanted.data()[i]) == 1.5;
  }
  EXPECT_GT(clipped, 0u);
  EXPECT_EQ(layer.last.clipped_gradients, clipped);
}

TEST(factored_rms, power_shapes_what_was_clipped) {
  const matrix g = random_gradient({8, 8}, 41);
  one_layer plain({8, 8}, with(0.98, 1e-3, 1.5)), cubed({8, 8}, with(0.98, 1e-3, 1.5, 3));
  const matrix a = plain.step(g), b = cubed.step(g);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(b.data()[i], std::pow(a.data()[i], 3), 1e-5);
  EXPECT_EQ(plain.last.clipped_gradients, cubed.last.clipped_gradients);
}

TEST(factored_rms, vectors_have_one_moment) {
  for (const shape s : {shape{9, 1}, shape{1, 9}}) {
    one_layer layer(s, with(0.98, 0, 100));
    const matrix g = random_gradient(s, 42), a = layer.step(g);
    const double rms = root_mean_square(g);
    for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(a.data()[i], g.data()[i] / rms, 1e-5) << s.text();
    EXPECT_EQ(layer.state_bytes(), sizeof(float));
  }
}

TEST(factored_rms, biases_have_one_moment) {
  layered_network<> net({6, 5}, activation::relu, 12, 43);
  const gradients truth = net.backpropagated();
  const tensor<float> before = net.biases[0];
  optimizer opt{parameters(parameter("b", net.biases[0])), exact_head{}, sgd{.rate = 64}, with(0.98, 0, 100)};
  opt.step(net.forward(), net.loss());
  const double rms = root_mean_square(truth.biases[0]);
  const matrix a = estimate_from(before, net.biases[0], 64);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(a.data()[i], truth.biases[0].data()[i] / rms, 1e-5);
}

TEST(factored_rms, gradients_of_zero_stay_zero) {
  for (const double floor : {0.0, 1e-3}) {
    one_layer layer({4, 5}, with(0.5, floor));
    const matrix none({4, 5});
    for (int step = 0; step < 3; ++step) {
      const matrix a = layer.step(none);
      for (const double v : a.flat()) ASSERT_EQ(v, 0);
    }
    matrix g = random_gradient({4, 5}, 44);
    for (std::size_t k = 0; k < 5; ++k) g(2, k) = 0;
    for (std::size_t i = 0; i < 4; ++i) g(i, 3) = 0;
    for (int step = 0; step < 3; ++step) {
      const matrix a = layer.step(g);
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t k = 0; k < 5; ++k) {
          ASSERT_TRUE(std::isfinite(a(i, k)));
          if (i == 2 || k == 3) {
            ASSERT_EQ(a(i, k), 0);
          }
        }
    }
    EXPECT_NE(layer.step(g)(0, 0), 0);
    EXPECT_EQ(layer.last.lost_gradients, 0u);
  }
}

TEST(factored_rms, keeps_rows_and_columns) {
  one_layer layer({8, 12}, factored_rms{});
  layer.step(random_gradient({8, 12}, 45));
  EXPECT_EQ(layer.state_bytes(), sizeof(float) * (8 + 12));
}

TEST(factored_rms, elements_that_are_no_numbers_are_counted_once_and_taken_as_zero) {
  one_layer layer({3, 4}, with(0.98, 0));
  for (int step = 0; step < 2; ++step) {
    tensor<float> x({4, 4}), slopes({4, 3});
    for (std::size_t k = 0; k < 4; ++k) x(k, k) = k == 1 ? 3e38f : 1;
    for (float& s : slopes.flat()) s = 4;
    slopes(1, 0) = slopes(1, 1) = 0;  // 4 · 3e38 overflows in row 2 alone
    const matrix a = layer.step(x, slopes);
    EXPECT_EQ(a(2, 1), 0);
    EXPECT_NEAR(a(0, 0), 1, 0.5);
    EXPECT_EQ(layer.last.lost_gradients, 1u) << "step " << step;
  }
}

TEST(factored_rms, one_huge_gradient_does_not_stop_training_for_good) {
  one_layer layer({3, 4}, with(0.5, 0));
  matrix g = random_gradient({3, 4}, 46);
  layer.step(g);
  matrix huge = g;
  huge(1, 1) = 1e25;  // finite; its square is no float
  layer.step(huge);
  double moved = 0;
  for (int step = 0; step < 400; ++step) moved = std::fabs(layer.step(g)(2, 3));
  EXPECT_GT(moved, 0.01) << "a long time after";
}

TEST(matrix_rms, makes_the_root_mean_square_one) {
  matrix_rms n;
  n.floor = 0, n.limit = 1000;
  one_layer layer({6, 9}, n);
  matrix g = random_gradient({6, 9}, 50);
  for (std::size_t k = 0; k < 9; ++k) g(3, k) *= 50;  // rows of different size keep their proportion
  const matrix a = layer.step(g);
  EXPECT_NEAR(root_mean_square(a), 1, 1e-5);
  EXPECT_LT(relative_difference(a.flat(),
                                [&] {
                                  matrix scaled = g;
                                  for (double& v : scaled.flat()) v /= root_mean_square(g);
                                  return scaled;
                                }()
                                    .flat()),
            1e-5);
  EXPECT_EQ(layer.state_bytes(), sizeof(float));
}

TEST(matrix_rms, floor_is_a_part_of_the_moment) {
  matrix_rms n;
  n.floor = 0.25;
  one_layer layer({6, 9}, n);
  EXPECT_NEAR(root_mean_square(layer.step(random_gradient({6, 9}, 51))), 1 / 1.5, 1e-5);
}

TEST(no_gradient_normalisation, leaves_the_gradient) {
  one_layer layer({6, 9}, no_gradient_normalisation{});
  matrix g = random_gradient({6, 9}, 60);
  g(0, 0) = 1e6;
  EXPECT_LT(relative_difference(layer.step(g).flat(), g.flat()), 1e-6);
  EXPECT_EQ(layer.last.clipped_gradients, 0u);
  EXPECT_EQ(layer.state_bytes(), 0u);
  const matrix none = layer.step(matrix({6, 9}));
  for (const double v : none.flat()) EXPECT_EQ(v, 0);
}

}  // namespace
}  // namespace zolt::test
