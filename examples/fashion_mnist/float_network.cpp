#include "float_network.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "classification.hpp"
#include "counter_random.hpp"

namespace fashion_mnist {
namespace {

/// Calls f(logits, labels) for one chunk of examples after the other: activations of a whole test set would outweigh the network by far.
template <class Function>
void for_each_chunk(const float_network& network, const dataset& data, Function f) {
  constexpr Eigen::Index chunk = 500;
  for (Eigen::Index first = 0; first < data.size(); first += chunk) {
    const Eigen::Index count = std::min(chunk, data.size() - first);
    f(logits(network, data.images.middleRows(first, count)),
      std::span<const std::uint8_t>(data.labels).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
  }
}

}  // namespace

float_network zero_network(const network_sizes& sizes) {
  float_network network;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    network.weights[layer].setZero(sizes[layer + 1], sizes[layer]);
    network.biases[layer].setZero(sizes[layer + 1]);
  }
  return network;
}

float_network initial_network(std::uint64_t seed, const network_sizes& sizes) {
  const counter_random random{seed, counter_random::purpose::initial_weights};
  float_network network = zero_network(sizes);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const float bound = std::sqrt(6.0F / static_cast<float>(sizes[layer]));
    float* weights = network.weights[layer].data();
    for (Eigen::Index index = 0; index < network.weights[layer].size(); ++index)
      weights[index] = bound * random.symmetric(static_cast<std::uint64_t>(layer) << 32U | static_cast<std::uint64_t>(index));
  }
  return network;
}

matrix logits(const float_network& network, const Eigen::Ref<const matrix>& images) {
  matrix current;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    matrix next(images.rows(), layer_sizes[layer + 1]);
    if (layer == 0)
      next.noalias() = images * network.weights[layer].transpose();
    else
      next.noalias() = current * network.weights[layer].transpose();
    next.rowwise() += network.biases[layer].transpose();
    if (layer + 1 < layers) next = next.cwiseMax(0.0F);
    current.swap(next);
  }
  return current;
}

double accuracy(const float_network& network, const dataset& data) {
  Eigen::Index correct = 0;
  for_each_chunk(network, data,
                 [&](const matrix& outputs, std::span<const std::uint8_t> labels) { correct += correct_predictions(outputs, labels); });
  return 100.0 * static_cast<double>(correct) / static_cast<double>(data.size());
}

double mean_loss(const float_network& network, const dataset& data) {
  double sum = 0.0;
  for_each_chunk(network, data, [&](const matrix& outputs, std::span<const std::uint8_t> labels) {
    sum += mean_cross_entropy(outputs, labels) * static_cast<double>(labels.size());
  });
  return sum / static_cast<double>(data.size());
}

}  // namespace fashion_mnist
