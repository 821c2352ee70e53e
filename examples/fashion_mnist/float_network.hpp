#pragma once

#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>

#include "dataset.hpp"

namespace fashion_mnist {

inline constexpr std::size_t layers = 3;
/// Inputs of the first layer, and outputs of every layer.
using network_sizes = std::array<Eigen::Index, layers + 1>;
inline constexpr network_sizes layer_sizes{image_pixels, 128, 64, classes};

/// The model somebody shipped: 784-128-64-10, rectified linear units between the layers, logits at the end.
/// Shapes   weights[layer]: outputs × inputs (128×784, 64×128, 10×64), biases[layer]: outputs.
struct float_network {
  std::array<matrix, layers> weights;
  std::array<Eigen::VectorXf, layers> biases;
};

/// A network of the right shapes with zeros everywhere.
float_network zero_network(const network_sizes& sizes = layer_sizes);

/// He initialisation: weights uniform in ±√(6 / inputs), biases zero; a pure function of the seed.
float_network initial_network(std::uint64_t seed, const network_sizes& sizes = layer_sizes);

/// Shapes   images: examples × 784, result: examples × 10.
matrix logits(const float_network& network, const Eigen::Ref<const matrix>& images);

/// Percentage of examples that are classified correctly, as all accuracies of this example are in percent.
double accuracy(const float_network& network, const dataset& data);

/// Mean cross-entropy in nats.
double mean_loss(const float_network& network, const dataset& data);

}  // namespace fashion_mnist
