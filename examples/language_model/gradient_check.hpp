#pragma once

namespace language_model {

/// Largest difference between the backward of a small random chain of blocks and central differences of its forward, over all weights, gains and
/// inputs, as a part of the root mean square of the tensor's gradient. Rounding in single precision leaves about 1e-3.
double largest_gradient_error();

}  // namespace language_model
