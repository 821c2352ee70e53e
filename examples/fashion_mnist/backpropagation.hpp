#pragma once

#include <cstdint>
#include <span>

#include "float_network.hpp"

namespace fashion_mnist {

/// Loss and exact gradient of a network on a batch. Keeps the activations and the gradient between calls, so that a step allocates nothing
/// once the first batch was seen: this is the memory that forward-only methods do without.
class backpropagation {
 public:
  /// Mean cross-entropy in nats; `gradient()` belongs to this call until the next one.
  double run(const float_network& network, const dataset& batch);

  const float_network& gradient() const { return gradient_; }

 private:
  float_network gradient_ = zero_network();
  std::array<matrix, layers> outputs_;
  std::array<matrix, layers> output_gradients_;
};

/// Adam with one step size per tensor and bias correction.
///
///   m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²,   θ ← θ − rate · m̂ / (√v̂ + ε)
///
/// Units    a rate is the largest step per weight, in units of the weight.
/// Source   Kingma & Ba 2015 (arXiv 1412.6980), Algorithm 1.
class adam {
 public:
  struct settings {
    double momentum = 0.9;
    double variance_momentum = 0.999;
    double epsilon = 1e-8;
  };

  struct rates {
    std::array<double, layers> weights;
    std::array<double, layers> biases;
  };

  explicit adam(settings chosen) : settings_{chosen} {}
  adam() : adam(settings{}) {}

  void step(float_network& network, const float_network& gradient, const rates& step_sizes);

 private:
  settings settings_;
  float_network mean_ = zero_network();
  float_network square_ = zero_network();
  std::uint64_t steps_ = 0;
};

}  // namespace fashion_mnist
