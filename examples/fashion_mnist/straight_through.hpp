#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "float_network.hpp"

namespace fashion_mnist {

/// The weights of a layer as the quantized network would hold them: quantized and decoded again.
using requantizer = std::function<matrix(int layer, const matrix& latent)>;

/// The first-order competitor: straight-through backpropagation.
///
///   seen = decode(quantize(latent)),   g = ∂L(seen)/∂seen,   latent ← Adam(latent, g)
///
/// The gradient passes through the rounding as if it were not there. Forward and backward run on the quantized weights; biases stay float
/// and are trained beside them. The rate falls linearly to zero.
///
/// Units    rate: largest step per weight and training step, as a fraction of the root mean square of the layer's shipped weights, so that
///          one rate serves every format (one INT4 code in groups of 32 is about a third of that root mean square). Biases take the same
///          absolute step as the weights of their layer.
/// Cost     one forward and one backward per step; see `straight_through_bytes` for the memory beside the quantized weights.
/// Source   Bengio, Léonard & Courville 2013 (arXiv 1308.3432), section 4; Adam as in backpropagation.hpp.
struct straight_through_settings {
  std::uint64_t steps = 2000;
  Eigen::Index batch = 128;
  double rate = 0.01;
  std::uint64_t report_every = 100;
};

/// Adapts `shipped` to `adaptation` and returns the network as it is seen in the end. `report` is told the number of steps done and the
/// network as it is seen then: at step 0, every `report_every` steps and at the last step. It may be empty.
/// Throws std::runtime_error (field, value, bound) for settings that make no sense or weights of a wrong shape from `requantize`.
float_network adapt_straight_through(const float_network& shipped, const requantizer& requantize, const dataset& adaptation,
                                     std::uint64_t seed, const straight_through_settings& settings,
                                     const std::function<void(std::uint64_t step, const float_network& seen)>& report);

/// Bytes per run beside the quantized weights: the float latent copy and two Adam moments of every weight, two moments of every bias, and
/// the gradient of all; activations are not counted, they are there in addition.
std::size_t straight_through_bytes(const float_network& network);

}  // namespace fashion_mnist
