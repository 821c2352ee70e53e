#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "float_network.hpp"

namespace fashion_mnist {

/// The weights of a layer as the quantized network would hold them: quantized and decoded again.
using requantizer = std::function<matrix(int layer, const matrix& latent)>;

/// Where a training step lands: moves `seen`, the network with its weights decoded, along a gradient. `fraction` is what is left of the rate.
using write_back = std::function<void(double fraction, const float_network& gradient, float_network& seen)>;

/// The gradient passes through the rounding as if it were not there, to a float copy of the weights.
///
///   seen = decode(quantize(latent)),   g = ∂L(seen)/∂seen,   latent ← Adam(latent, g)
///
/// Units    rate: largest step per weight and training step, as a fraction of the root mean square of the layer's shipped weights, so that
///          one rate serves every format (one INT4 code in groups of 32 is about a third of that root mean square). Biases take the same
///          absolute step as the weights of their layer.
/// Cost     16 bytes per weight: the float copy, two moments and the gradient.
/// Source   Bengio, Léonard & Courville 2013 (arXiv 1308.3432), section 4; Adam as in backpropagation.hpp.
write_back latent_adam(const float_network& shipped, requantizer requantize, double rate);

/// Evenly spaced codes: how far apart neighbours are at every weight, and how many there are on either side of zero.
struct code_grid {
  std::array<matrix, layers> steps;
  int lowest;
  int highest;
};

enum class code_rounding { stochastic, nearest };

/// The step goes to the codes at once and is rounded there; no float weight exists between steps. Scales stay as they are.
///
///   code ← clamp(round(code − rate · ∂L/∂code)),   ∂L/∂code = step · ∂L/∂w
///
/// Units    rate: codes² per unit of loss. Biases are floats and move in units of the mean code step of their layer.
/// Cost     4 bytes per weight: the gradient. Rounding words are a function of (seed, layer, weight, step).
/// Source   stochastic rounding of weight updates: Gupta et al. 2015 (arXiv 1502.02551), section 3.
write_back code_descent(code_grid grid, code_rounding rounding, double rate, std::uint64_t seed);

/// The first-order competitor: straight-through backpropagation. Forward and backward run on the quantized weights; biases stay float and
/// are trained beside them. The rate falls linearly to zero.
///
/// Cost     one forward and one backward per step.
struct straight_through_settings {
  std::uint64_t steps = 2000;
  Eigen::Index batch = 128;
  std::uint64_t report_every = 100;
};

/// Adapts `seen`, a quantized network decoded, and returns it as it is in the end. `report` is told the number of steps done and the network
/// as it is then: at step 0, every `report_every` steps and at the last step. It may be empty.
/// Throws std::runtime_error (field, value, bound) for settings that make no sense or weights of a wrong shape from `land`.
float_network adapt_straight_through(float_network seen, const write_back& land, const dataset& adaptation, std::uint64_t seed,
                                     const straight_through_settings& settings,
                                     const std::function<void(std::uint64_t step, const float_network& seen)>& report);

/// Bytes per run beside the quantized weights with `floats_per_weight` floats of gradient, moments and copies per weight and
/// `floats_per_bias` per bias; activations are not counted, they are there in addition.
std::size_t straight_through_bytes(const float_network& network, std::size_t floats_per_weight, std::size_t floats_per_bias);

}  // namespace fashion_mnist
