#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "float_network.hpp"

namespace fashion_mnist {

/// The shipped network learnt from these upright training images and saw no others.
inline constexpr index_range float_training_range{0, 50000};

/// Trains the float network by backpropagation: Adam, batch 64, rate 1e-3 falling linearly to zero, ten epochs on one thread.
/// The result is a pure function of (data, seed) in one build. `progress` is told the fraction that is done; it may be empty.
float_network train_float_network(const dataset& data, std::uint64_t seed, const std::function<void(double fraction)>& progress);

struct shipped_network {
  float_network network;
  bool trained;      // false: read from the cache
  double seconds;    // of training, 0 if read from the cache
  std::string note;  // empty, or one sentence on why the cache was of no use or could not be written
};

/// Reads the network from `cache`, or trains it on the images 0..49999 of `data_folder` and writes `cache`.
///
/// A cache that is missing, damaged, of another seed or recipe, or from other images is replaced; that is said in the note and is never an
/// error. Training images are read only when the network must be trained.
shipped_network load_or_train(const std::filesystem::path& cache, const std::filesystem::path& data_folder, std::uint64_t seed,
                              const std::function<void(double fraction)>& progress);

}  // namespace fashion_mnist
