#pragma once

#include <filesystem>

#include "trainee.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

/// A network that classifies Fashion-MNIST learns images turned by 45 degrees: what examples/fashion_mnist shows, as tasks.
///
/// 784-128-64-10, 2000 images in batches of 128. Rates are chosen by the loss on 1000 others, the score is the percentage of 10 000 test
/// images that are classified correctly.
namespace claims {

using int4_weights = zolt::quantized_tensor<zolt::int4, zolt::per_group<32, zolt::last_group::shorter>>;
using int8_weights = zolt::quantized_tensor<zolt::int8, zolt::per_channel>;
using int4_list = coded_list<int4_weights>;
using int8_list = coded_list<int8_weights>;

/// Whether an example has its own loss, under its own direction; a plan then takes two forward passes.
enum class losses { of_batch, of_examples };

task<float_list> network_on_floats(double forwards, losses l = losses::of_batch);
task<int8_list> network_on_int8(double forwards);
task<int4_list> network_on_int4(double forwards, losses l = losses::of_batch);
/// Frozen INT4 codes under trained scales, whose unit is the scale or 1, and trained biases.
enum class scale_unit { relative, absolute };
task<float_list> network_scales(double forwards, scale_unit u);

/// Reads images and trains the float network where no cache has it. Call it before any task starts.
void prepare_networks(const std::filesystem::path& images, const std::filesystem::path& cache);

}  // namespace claims
