#include "backpropagation.hpp"

#include <cmath>

#include "classification.hpp"

namespace fashion_mnist {

double backpropagation::run(const float_network& network, const dataset& batch) {
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const matrix& inputs = layer == 0 ? batch.images : outputs_[layer - 1];
    outputs_[layer].noalias() = inputs * network.weights[layer].transpose();
    outputs_[layer].rowwise() += network.biases[layer].transpose();
    if (layer + 1 < layers) outputs_[layer] = outputs_[layer].cwiseMax(0.0F);
  }
  output_gradients_[layers - 1] = outputs_[layers - 1];
  const double loss = cross_entropy_to_gradient(output_gradients_[layers - 1], batch.labels);
  for (std::size_t layer = layers; layer-- > 0;) {
    const matrix& inputs = layer == 0 ? batch.images : outputs_[layer - 1];
    gradient_.weights[layer].noalias() = output_gradients_[layer].transpose() * inputs;
    gradient_.biases[layer].noalias() = output_gradients_[layer].colwise().sum().transpose();
    if (layer == 0) break;
    output_gradients_[layer - 1].noalias() = output_gradients_[layer] * network.weights[layer];
    output_gradients_[layer - 1].array() *= (inputs.array() > 0.0F).cast<float>();
  }
  return loss;
}

void adam::step(float_network& network, const float_network& gradient, const rates& step_sizes) {
  ++steps_;
  const auto momentum = static_cast<float>(settings_.momentum);
  const auto variance_momentum = static_cast<float>(settings_.variance_momentum);
  const auto epsilon = static_cast<float>(settings_.epsilon);
  const double mean_correction = 1.0 - std::pow(settings_.momentum, static_cast<double>(steps_));
  const auto square_correction = static_cast<float>(1.0 - std::pow(settings_.variance_momentum, static_cast<double>(steps_)));
  // Moments of weights behind a dead unit decay towards zero for ever; this floor, far below epsilon squared, keeps them out of the
  // subnormal numbers, which cost a hundred times the cycles.
  constexpr float floor = 1e-30F;
  const auto move = [&](auto& values, const auto& slopes, auto& mean, auto& square, double step_size) {
    const auto rate = static_cast<float>(step_size / mean_correction);
    mean.array() = momentum * mean.array() + (1.0F - momentum) * slopes.array() + floor;
    square.array() = variance_momentum * square.array() + (1.0F - variance_momentum) * slopes.array().square() + floor;
    values.array() -= rate * mean.array() / ((square.array() / square_correction).sqrt() + epsilon);
  };
  for (std::size_t layer = 0; layer < layers; ++layer) {
    move(network.weights[layer], gradient.weights[layer], mean_.weights[layer], square_.weights[layer], step_sizes.weights[layer]);
    move(network.biases[layer], gradient.biases[layer], mean_.biases[layer], square_.biases[layer], step_sizes.biases[layer]);
  }
}

}  // namespace fashion_mnist
