#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "dataset.hpp"
#include "float_network.hpp"
#include "recipes.hpp"
#include "zolt/estimator/purity.hpp"

namespace fashion_mnist {

/// Milliseconds, each the mean over moments spread evenly over the run: a step, a bare forward over the same quantized weights and batch,
/// and Eigen's forward of a float network of the same shapes and batch.
struct timings {
  double step = 0;
  double forward = 0;
  double float_forward = 0;

  double step_over_two_forwards() const { return step / (2 * forward); }
};

struct adaptation_result {
  zolt::purity_class purity = zolt::purity_class::p0;  ///< how much of a forward the method reads
  std::size_t weight_bytes = 0;                        ///< codes and scales, biases included
  std::size_t optimizer_bytes = 0;                     ///< residuals, moments, and what an estimator or a forward remembers
  double work = 0;                                     ///< in forward passes: products of all kinds over those of a forward
  timings milliseconds = {};
};

/// What is told while a run goes on: the forwards done, and how accurate the network is now on any images.
struct checkpoint {
  std::uint64_t forwards;
  std::function<double(const dataset&)> accuracy;
};

/// One run: quantizes `start` and trains it on `images` with `forwards` forward passes of 128 images. `report` is told `reports` + 1
/// checkpoints, the first before the first step and the last after the last. The batch order is part of the seed.
struct assignment {
  const float_network& start;
  const dataset& images;
  std::uint64_t forwards;
  unsigned seed;
  unsigned reports;
  std::function<void(const checkpoint&)> report;
};

adaptation_result adapt(const recipe& r, const assignment& a);

/// A layer as the quantized network of a format would hold it, decoded again: what the straight-through competitor trains on.
matrix requantized(std::string_view format, int layer, const matrix& weights);

/// How far apart neighbouring codes of an INT4 layer are at every weight, as the quantized network would hold it.
matrix code_steps(int layer, const matrix& weights);

/// Bytes of the quantized weights of a format, biases included.
std::size_t quantized_bytes(std::string_view format, const float_network& start);

}  // namespace fashion_mnist
