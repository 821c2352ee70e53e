#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "classification.hpp"
#include "dataset.hpp"
#include "float_network.hpp"
#include "zolt/linear/linear.hpp"

namespace fashion_mnist {

/// The network with weights of any kind that zolt can read: quantized tensors or floats. Biases are floats.
template <class Weights>
struct network {
  std::array<Weights, layers> weights;
  std::array<std::vector<float>, layers> biases;
};

/// Memory for the activations of one forward, reused from call to call.
struct activations {
  std::array<std::vector<float>, layers> values;
};

inline zolt::tensor_view<const float> view_of(const matrix& m) {
  return {m.data(), {static_cast<std::size_t>(m.rows()), static_cast<std::size_t>(m.cols())}};
}

/// The logits of a batch under every probe of a view, the probe leading: row k·B + b is example b under probe k.
/// This is all the model code that training and inference need; without probes it is the bare forward.
template <class Weights>
Eigen::Map<matrix> logits(const network<Weights>& net, const zolt::probe_view& probes, const matrix& images, activations& memory) {
  const std::size_t rows = static_cast<std::size_t>(images.rows()) * probes.count();
  zolt::tensor_view<const float> x = view_of(images);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const std::size_t outputs = net.biases[layer].size();
    memory.values[layer].resize(rows * outputs);
    const zolt::tensor_view<float> y(memory.values[layer].data(), {rows, outputs});
    zolt::linear(probes, net.weights[layer], x, y);
    zolt::add_bias(probes, net.biases[layer], y);
    if (layer + 1 < layers)
      for (float& v : y.flat()) v = v > 0.0F ? v : 0.0F;
    x = y;
  }
  return {memory.values.back().data(), static_cast<Eigen::Index>(rows), classes};
}

/// Mean cross-entropy of a batch under probe k of the logits.
inline double loss_of_probe(const Eigen::Map<matrix>& all, std::size_t k, const dataset& batch) {
  return mean_cross_entropy(all.middleRows(static_cast<Eigen::Index>(k) * batch.size(), batch.size()), batch.labels);
}

/// Percentage of examples that are classified correctly.
template <class Weights>
double accuracy(const network<Weights>& net, const dataset& data) {
  activations memory;
  return 100.0 * static_cast<double>(correct_predictions(logits(net, {}, data.images, memory), data.labels)) /
         static_cast<double>(data.size());
}

}  // namespace fashion_mnist
