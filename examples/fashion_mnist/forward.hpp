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

/// What layers first … last − 1 make of x: `rows` rows, the probe leading. x has as many, or rows / probes.count() that every probe shares.
template <class Weights>
zolt::tensor_view<float> outputs_of_layers(const network<Weights>& net, const zolt::probe_view& probes, std::size_t first, std::size_t last,
                                           zolt::tensor_view<const float> x, std::size_t rows, activations& memory) {
  zolt::tensor_view<float> y;
  for (std::size_t layer = first; layer < last; ++layer) {
    const std::size_t outputs = net.biases[layer].size();
    memory.values[layer].resize(rows * outputs);
    y = {memory.values[layer].data(), {rows, outputs}};
    zolt::linear(probes, net.weights[layer], x, y);
    zolt::add_bias(probes, net.biases[layer], y);
    if (layer + 1 < layers)
      for (float& v : y.flat()) v = v > 0.0F ? v : 0.0F;
    x = y;
  }
  return y;
}

/// `rows` rows of logits, the probe leading. The images have as many rows, or rows / probes.count() that every probe shares.
/// This is all the model code that training and inference need; without probes it is the bare forward.
template <class Weights>
Eigen::Map<matrix> logits_of_rows(const network<Weights>& net, const zolt::probe_view& probes, const matrix& images, std::size_t rows,
                                  activations& memory) {
  const zolt::tensor_view<float> y = outputs_of_layers(net, probes, 0, layers, view_of(images), rows, memory);
  return {y.data(), static_cast<Eigen::Index>(rows), classes};
}

/// The logits of a batch under every probe of a view: row k·B + b is example b under probe k.
template <class Weights>
Eigen::Map<matrix> logits(const network<Weights>& net, const zolt::probe_view& probes, const matrix& images, activations& memory) {
  return logits_of_rows(net, probes, images, static_cast<std::size_t>(images.rows()) * probes.count(), memory);
}

/// One loss per probe: the mean cross-entropy of the whole batch under it.
struct batch_losses {
  template <class Weights>
  const std::vector<double>& operator()(const network<Weights>& net, const zolt::probe_view& probes, const dataset& batch) {
    const auto outputs = logits(net, probes, batch.images, memory_);
    losses_.clear();
    for (std::size_t k = 0; k < probes.count(); ++k)
      losses_.push_back(mean_cross_entropy(outputs.middleRows(static_cast<Eigen::Index>(k) * batch.size(), batch.size()), batch.labels));
    return losses_;
  }

 private:
  activations memory_;
  std::vector<double> losses_;
};

/// One loss per probe: the cross-entropy of the one example whose number is the query of the probe. Every probe gets one row of images, so a
/// plan of two probes per example is two batched forward passes.
struct example_losses {
  template <class Weights>
  const std::vector<double>& operator()(const network<Weights>& net, const zolt::probe_view& probes, const dataset& batch) {
    examples_.clear();
    for (std::size_t k = 0; k < probes.count(); ++k) examples_.push_back(static_cast<Eigen::Index>(probes[k].key.query));
    slice_into(batch, examples_, rows_);
    const auto outputs = logits_of_rows(net, probes, rows_.images, probes.count(), memory_);
    losses_.clear();
    for (Eigen::Index k = 0; k < outputs.rows(); ++k)
      losses_.push_back(mean_cross_entropy(outputs.row(k), std::span(rows_.labels).subspan(static_cast<std::size_t>(k), 1)));
    return losses_;
  }

 private:
  std::vector<Eigen::Index> examples_;
  dataset rows_;
  activations memory_;
  std::vector<double> losses_;
};

/// Percentage of examples that are classified correctly.
template <class Weights>
double accuracy(const network<Weights>& net, const dataset& data) {
  activations memory;
  return 100.0 * static_cast<double>(correct_predictions(logits(net, {}, data.images, memory), data.labels)) /
         static_cast<double>(data.size());
}

}  // namespace fashion_mnist
