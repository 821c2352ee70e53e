#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/weights.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/estimator/criterion.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/parameter/parameter_set.hpp"

/// Small networks for tests of estimators that read layers, and backpropagation in double to judge them by.
namespace zolt::test {

using matrix = tensor<double>;

inline tensor<float> random_matrix(shape s, std::uint64_t seed, float size = 1) {
  tensor<float> t(s);
  draws d(seed);
  for (float& v : t.flat()) v = size * d.normal();
  return t;
}

/// The cosine of the angle between two lists of numbers.
template <class A, class B>
double cosine(const A& a, const B& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    ab += x * y, aa += x * x, bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

/// max |a − b| / max |b|
template <class A, class B>
double relative_difference(const A& a, const B& b) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::fabs(double{a[i]} - double{b[i]}));
    largest = std::max(largest, std::fabs(double{b[i]}));
    if (std::isnan(double{a[i]})) return a[i];
  }
  return difference / largest;
}

enum class activation { relu, tanh, identity };

template <class Real>
Real activated(activation a, Real z) {
  return a == activation::relu ? std::max(z, Real(0)) : a == activation::tanh ? std::tanh(z) : z;
}
inline double slope_at(activation a, double z) {
  return a == activation::relu ? (z > 0 ? 1 : 0) : a == activation::tanh ? 1 - std::tanh(z) * std::tanh(z) : 1;
}

template <class Weights>
tensor<double> decoded(const Weights& w, shape s) {
  std::vector<float> values(s.size());
  probe_view{}.read(w, 0, std::span(values));
  tensor<double> out(s);
  std::copy(values.begin(), values.end(), out.flat().begin());
  return out;
}

/// What backpropagation finds, in double: of every layer ∂L/∂z by example, and the mean gradients of weights and biases.
struct gradients {
  std::vector<matrix> outputs, inputs, signal, weights, biases;
};

/// z = W h + b and an activation between layers, none behind the last.
template <class Weights = tensor<float>>
struct layered_network {
  std::vector<Weights> weights;
  std::vector<tensor<float>> biases;
  tensor<float> x;
  std::vector<int> labels;
  activation between = activation::relu;
  bool takes_copies = true;  ///< otherwise a forward computes one copy of the batch, whatever it is asked

  std::vector<tensor<float>> memory;

  /// widths: inputs, hidden ones, classes. make(floats) gives the weights of a layer.
  template <class Make>
  layered_network(const std::vector<std::size_t>& widths, activation a, std::size_t rows, std::uint64_t seed, Make&& make)
      : x(random_matrix({rows, widths[0]}, seed)), between(a) {
    for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
      const float size = std::sqrt((a == activation::relu ? 2.0f : 1.0f) / static_cast<float>(widths[l]));
      weights.push_back(make(random_matrix({widths[l + 1], widths[l]}, seed + 100 + l, size)));
      biases.push_back(random_matrix({1, widths[l + 1]}, seed + 200 + l, 0.1f));
    }
    draws d(seed + 300);
    for (std::size_t b = 0; b < rows; ++b) labels.push_back(static_cast<int>(d.below(widths.back())));
  }
  layered_network(const std::vector<std::size_t>& widths, activation a, std::size_t rows,
                  std::uint64_t seed) requires(std::same_as<Weights, tensor<float>>)
      : layered_network(widths, a, rows, seed, [](tensor<float> t) { return t; }) {}

  std::size_t layers() const { return weights.size(); }
  softmax_cross_entropy<int> loss() const { return {std::span<const int>(labels)}; }

  auto list(std::size_t first = 0, bool with_biases = true, double unit = 1) {
    using stored = storage_t<Weights>;
    std::conditional_t<std::same_as<stored, dense_view>, parameter_list<dense_view>, parameter_list<stored, dense_view>> p;
    for (std::size_t l = first; l < layers(); ++l) {
      p.add("w" + std::to_string(l), weights[l], {.unit = unit});
      if (with_biases) p.add("b" + std::to_string(l), biases[l], {.unit = unit});
    }
    return p;
  }

  tensor_view<const float> operator()(const probe_view& probes) {
    const std::size_t rows = takes_copies ? x.rows() * probes.count() : x.rows();
    memory.resize(layers());
    tensor_view<const float> h = x.view();
    for (std::size_t l = 0; l < layers(); ++l) {
      memory[l] = tensor<float>({rows, weights[l].shape().rows});
      linear(probes, weights[l], h, memory[l].view());
      add_bias(probes, biases[l], memory[l].view());
      if (l + 1 < layers())
        for (float& z : memory[l].flat()) z = activated(between, z);
      h = std::as_const(memory[l]).view();
    }
    return h;
  }
  /// The same as a function that an optimizer may call.
  auto forward() {
    return [this](const probe_view& probes) { return (*this)(probes); };
  }

  double mean_loss() {
    const auto o = (*this)(probe_view{});
    double sum = 0;
    for (std::size_t b = 0; b < x.rows(); ++b) sum += loss().loss(b, o.row(b));
    return sum / static_cast<double>(x.rows());
  }

  gradients backpropagated() const {
    const std::size_t rows = x.rows(), count = layers();
    gradients g;
    g.signal.resize(count), g.weights.resize(count), g.biases.resize(count);
    std::vector<matrix> w;
    for (const Weights& stored : weights) w.push_back(decoded(stored, stored.shape()));
    for (std::size_t l = 0; l < count; ++l) {
      matrix in({rows, w[l].columns()}), z({rows, w[l].rows()});
      for (std::size_t i = 0; i < in.size(); ++i)
        in.data()[i] = l == 0 ? double{x.data()[i]} : activated(between, g.outputs[l - 1].data()[i]);
      for (std::size_t b = 0; b < rows; ++b)
        for (std::size_t i = 0; i < z.columns(); ++i) {
          z(b, i) = double{biases[l].data()[i]};
          for (std::size_t k = 0; k < in.columns(); ++k) z(b, i) += w[l](i, k) * in(b, k);
        }
      g.inputs.push_back(std::move(in));
      g.outputs.push_back(std::move(z));
    }
    for (std::size_t l = count; l-- > 0;) {
      const matrix& z = g.outputs[l];
      g.signal[l] = matrix(z.shape());
      for (std::size_t b = 0; b < rows; ++b)
        if (l + 1 == count) {
          double total = 0;
          for (std::size_t c = 0; c < z.columns(); ++c) total += std::exp(z(b, c));
          for (std::size_t c = 0; c < z.columns(); ++c)
            g.signal[l](b, c) = std::exp(z(b, c)) / total - (labels[b] == static_cast<int>(c) ? 1 : 0);
        } else {
          for (std::size_t i = 0; i < z.columns(); ++i) {
            for (std::size_t j = 0; j < w[l + 1].rows(); ++j) g.signal[l](b, i) += g.signal[l + 1](b, j) * w[l + 1](j, i);
            g.signal[l](b, i) *= slope_at(between, z(b, i));
          }
        }
      g.weights[l] = matrix(w[l].shape());
      g.biases[l] = matrix({1, z.columns()});
      for (std::size_t b = 0; b < rows; ++b)
        for (std::size_t i = 0; i < z.columns(); ++i) {
          const double share = g.signal[l](b, i) / static_cast<double>(rows);
          g.biases[l](0, i) += share;
          for (std::size_t k = 0; k < w[l].columns(); ++k) g.weights[l](i, k) += share * g.inputs[l](b, k);
        }
    }
    return g;
  }
};

/// (before − after) / rate: the estimate that moved float weights of unit 1 under zolt::sgd without normalisation.
inline matrix estimate_from(const tensor<float>& before, const tensor<float>& after, double rate) {
  matrix g(before.shape());
  for (std::size_t i = 0; i < g.size(); ++i) g.data()[i] = (double{before.data()[i]} - double{after.data()[i]}) / rate;
  return g;
}

inline network_trace trace_of(std::span<const layer_trace> hidden, const tensor<float>& error) {
  network_trace t;
  t.hidden = hidden;
  t.error = error.view();
  return t;
}

/// Two hidden layers and outputs that are linear for every example by itself, gates standing for slopes of activations, and a loss that is
/// linear in the outputs: what an estimator is shown of it by hand, without an optimizer, and the signals that are right.
class gated_network {
 public:
  gated_network(std::size_t rows, std::size_t first, std::size_t second, std::size_t classes, std::uint64_t seed)
      : error(random_matrix({rows, classes}, seed)),
        widths_{first, second},
        middle_(random_matrix({second, first}, seed + 1, 1 / std::sqrt(static_cast<float>(first)))),
        last_(random_matrix({classes, second}, seed + 2, 1 / std::sqrt(static_cast<float>(second)))) {
    for (const std::size_t width : widths_) {
      slopes.emplace_back(shape{rows, width});
      std::fill_n(slopes.back().data(), slopes.back().size(), 1.0f);
      signals.emplace_back(shape{rows, width});
    }
    for (std::size_t l = 0; l < 2; ++l) traces_.push_back({l, widths_[l], l == 0 ? 0.5 : 2.0, {}, {}});
  }
  void randomise_gates(std::uint64_t seed) {
    draws d(seed);
    for (tensor<float>& s : slopes)
      for (float& v : s.flat()) v = d.below(2) == 0 ? 0.0f : 1.0f;
  }

  tensor<float> error;
  std::vector<tensor<float>> slopes, signals;

  network_trace trace() {
    for (std::size_t l = 0; l < 2; ++l) {
      traces_[l].slope = std::as_const(slopes[l]).view();
      traces_[l].signal = signals[l].view();
    }
    return trace_of(traces_, error);
  }

  /// What an optimizer does with an estimator in a step.
  template <class Estimator>
  void step(const Estimator& e, typename Estimator::state& state, const direction_key& key) {
    const network_trace t = trace();
    for (tensor<float>& s : signals) std::fill_n(s.data(), s.size(), 0.0f);
    if constexpr (probing_layer_estimator<Estimator>)
      for (std::size_t r = 0; r < e.rounds(2); ++r) {
        const node_round round = e.round(r, 2);
        tensor<float> outputs({round.count * error.rows(), error.columns()});
        std::vector<double> losses(outputs.rows());
        for (std::uint32_t copy = 0; copy < round.count; ++copy) {
          std::vector<tensor<float>> moved;
          for (std::size_t l = 0; l < 2; ++l) {
            moved.emplace_back(slopes[l].shape());
            if (l >= round.first && l <= round.last) e.displace(key, traces_[l], round, copy, moved[l].view());
          }
          respond(moved, copy, outputs, losses);
        }
        e.observe(state, key, t, {round, std::as_const(outputs).view(), losses});
      }
    e.signals(state, key, t);
  }

  /// ∂(error · outputs)/∂z of a layer.
  matrix truth(std::size_t layer) const {
    matrix second(slopes[1].shape()), first(slopes[0].shape());
    for (std::size_t b = 0; b < error.rows(); ++b) {
      for (std::size_t i = 0; i < widths_[1]; ++i) {
        for (std::size_t c = 0; c < error.columns(); ++c) second(b, i) += double{error(b, c)} * last_(c, i);
        second(b, i) *= slopes[1](b, i);
      }
      for (std::size_t i = 0; i < widths_[0]; ++i) {
        for (std::size_t j = 0; j < widths_[1]; ++j) first(b, i) += second(b, j) * middle_(j, i);
        first(b, i) *= slopes[0](b, i);
      }
    }
    return layer == 0 ? first : second;
  }
  /// ∂outputs/∂h of a layer where every gate above it is open: classes × width.
  matrix jacobian(std::size_t layer) const {
    matrix j({error.columns(), widths_[layer]});
    for (std::size_t c = 0; c < j.rows(); ++c)
      for (std::size_t i = 0; i < j.columns(); ++i) {
        if (layer == 1) j(c, i) = double{last_(c, i)};
        if (layer == 0)
          for (std::size_t k = 0; k < widths_[1]; ++k) j(c, i) += double{last_(c, k)} * middle_(k, i);
      }
    return j;
  }

 private:
  void respond(const std::vector<tensor<float>>& moved, std::uint32_t copy, tensor<float>& outputs, std::vector<double>& losses) const {
    for (std::size_t b = 0; b < error.rows(); ++b) {
      const std::size_t row = copy * error.rows() + b;
      std::vector<double> h(widths_[1]);
      for (std::size_t j = 0; j < widths_[1]; ++j) {
        double z = double{moved[1](b, j)};
        for (std::size_t i = 0; i < widths_[0]; ++i) z += double{middle_(j, i)} * moved[0](b, i) * slopes[0](b, i);
        h[j] = z * slopes[1](b, j);
      }
      for (std::size_t c = 0; c < error.columns(); ++c) {
        double o = 0;
        for (std::size_t j = 0; j < widths_[1]; ++j) o += double{last_(c, j)} * h[j];
        outputs(row, c) = static_cast<float>(o);
        losses[row] += o * error(b, c);
      }
    }
  }

  std::vector<std::size_t> widths_;
  tensor<float> middle_, last_;
  std::vector<layer_trace> traces_;
};

/// Running mean and variance of many numbers at once.
class sample_statistics {
 public:
  explicit sample_statistics(std::size_t count) : sum_(count), squares_(count) {}
  void add(std::span<const float> values) {
    ++count_;
    for (std::size_t i = 0; i < values.size(); ++i) sum_[i] += double{values[i]}, squares_[i] += double{values[i]} * values[i];
  }
  double mean(std::size_t i) const { return sum_[i] / count_; }
  /// The farthest that a mean lies from its expectation, in its standard errors, of which rounding makes at least one part in 10⁵.
  template <class Expected>
  double worst_standard_errors(const Expected& expected) const {
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < sum_.size(); ++i) largest = std::max(largest, std::fabs(double{expected[i]}));
    for (std::size_t i = 0; i < sum_.size(); ++i) {
      const double variance = std::max(0.0, squares_[i] / count_ - mean(i) * mean(i)) / (count_ - 1);
      worst = std::max(worst, std::fabs(mean(i) - double{expected[i]}) / std::max(std::sqrt(variance), 1e-5 * largest));
    }
    return worst;
  }

 private:
  std::vector<double> sum_, squares_;
  double count_ = 0;
};

}  // namespace zolt::test
