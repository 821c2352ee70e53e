#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/weights.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt::test {

inline tensor<float> tensor_of(shape s, const std::vector<float>& values) {
  tensor<float> t(s);
  std::copy_n(values.begin(), s.size(), t.data());
  return t;
}

inline tensor<float> normal_tensor(shape s, std::uint64_t seed) { return tensor_of(s, normal_weights(s.size(), seed)); }

/// Activations as layers of language models see them: a mix of 24 factors of falling weight, noise, and every 17th channel `outlier` times
/// as large.
inline tensor<float> correlated_inputs(shape s, std::uint64_t seed, float outlier = 8) {
  constexpr std::size_t factors = 24;
  const auto mix = normal_weights(factors * s.columns, seed);
  draws random(seed + 1);
  tensor<float> x(s);
  for (std::size_t r = 0; r < s.rows; ++r) {
    for (std::size_t j = 0; j < s.columns; ++j) x(r, j) = random.normal();
    for (std::size_t k = 0; k < factors; ++k) {
      const float weight = random.normal() * 0.8f / std::sqrt(1.0f + static_cast<float>(k));
      for (std::size_t j = 0; j < s.columns; ++j) x(r, j) += weight * mix[k * s.columns + j];
    }
    for (std::size_t j = 5; j < s.columns; j += 17) x(r, j) *= outlier;
  }
  return x;
}

template <class Quantized>
tensor<float> decoded(const Quantized& q) {
  tensor<float> weights(q.shape());
  q.decode(0, weights.flat());
  return weights;
}

template <class Quantized>
std::vector<int> ordinals_of(const Quantized& q) {
  std::vector<int> ordinals(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) ordinals[i] = Quantized::format::ordinal_of(q.view().code(i));
  return ordinals;
}

/// x wᵀ in double.
inline std::vector<double> outputs(const tensor<float>& x, const tensor<float>& w) {
  std::vector<double> y(x.rows() * w.rows());
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t k = 0; k < w.rows(); ++k) {
      const float *a = x.data() + r * x.columns(), *b = w.data() + k * w.columns();
      for (std::size_t j = 0; j < x.columns(); ++j) y[r * w.rows() + k] += double{a[j]} * double{b[j]};
    }
  return y;
}

/// Mean squared difference.
template <class A, class B>
double distance(const A& a, const B& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a.data()[i]} - double{b.data()[i]}, 2);
  return sum / static_cast<double>(a.size());
}

}  // namespace zolt::test
