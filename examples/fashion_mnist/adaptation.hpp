#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset.hpp"
#include "float_network.hpp"

namespace fashion_mnist {

/// How a network is adapted: with forward passes alone, or by the straight-through competitor, which has a rate only.
///
/// Units    rate: RMS step per weight, in codes (in RMS weights of the layer for float weights and for the competitor). radius: codes (RMS
///          weights). Density of the probes: max(density_ratio · (rate/radius)², min_density), see zolt::sparse_rademacher.
struct recipe {
  std::string_view format;  ///< int8, int4, fp8 or float
  std::string_view method;
  double rate;
  double radius;
  double density_ratio;
};

inline constexpr std::string_view default_method = "zolt";
inline constexpr std::string_view residual_method = "zolt, 4-bit residual";
inline constexpr std::string_view mezo_method = "MeZO";
inline constexpr std::string_view straight_through_method = "backpropagation";

/// The recipes of the main job. Their numbers were chosen by `--select`.
const std::vector<recipe>& main_recipes();

/// Every setting that `--select` tries for a recipe, the chosen one among them.
std::vector<recipe> grid_of(const recipe& chosen);

/// Milliseconds, each the mean over moments spread evenly over the run: a step, a bare forward over the same quantized weights and batch,
/// and Eigen's forward of a float network of the same shapes and batch.
struct timings {
  double step = 0;
  double forward = 0;
  double float_forward = 0;

  double step_over_two_forwards() const { return step / (2 * forward); }
};

struct adaptation_result {
  std::size_t weight_bytes = 0;     ///< codes and scales, biases included
  std::size_t optimizer_bytes = 0;  ///< state per weight: residuals and moments
  std::size_t trajectory_bytes = 0;
  timings milliseconds;
};

/// What is told while a run goes on: the forwards done, and how accurate the network is now on any images.
struct checkpoint {
  std::uint64_t forwards;
  std::function<double(const dataset&)> accuracy;
};

/// Quantizes `shipped`, adapts it to `images` with `forwards` forward passes of 128 images, and reports `reports` + 1 checkpoints,
/// the first before the first step and the last after the last. The batch order is part of the seed.
adaptation_result adapt(const recipe& r, const float_network& shipped, const dataset& images, std::uint64_t forwards, unsigned seed,
                        unsigned reports, const std::function<void(const checkpoint&)>& report);

/// A layer as the quantized network of a format would hold it, decoded again: what the straight-through competitor trains on.
matrix requantized(std::string_view format, int layer, const matrix& weights);

/// Bytes of the quantized weights of a format, biases included.
std::size_t quantized_bytes(std::string_view format, const float_network& shipped);

}  // namespace fashion_mnist
