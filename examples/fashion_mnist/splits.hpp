#pragma once

#include <filesystem>

#include "dataset.hpp"

namespace fashion_mnist {

/// Everything that the shipped network's experiment looks at after it was shipped. None of these images was seen in float training.
struct experiment_data {
  dataset adaptation;    // turned training images 54999 down to 53000: what a device in the field collects
  dataset validation;    // turned training images 55000 to 55999: hyper-parameters are chosen on these
  dataset test_upright;  // all test images: the accuracy that was shipped
  dataset test_turned;   // all test images, turned: the accuracy that counts
};

/// What a network that nobody trained before learns from; it is tested on all upright test images.
struct upright_data {
  dataset training;    // training images 0 to 19999
  dataset validation;  // training images 55000 to 55999
};

inline constexpr index_range adaptation_range{53000, 55000};
inline constexpr index_range validation_range{55000, 56000};
inline constexpr index_range scratch_range{0, 20000};

/// Reads the images and turns them by `degrees`.
experiment_data load_experiment(const std::filesystem::path& folder, double degrees);

upright_data load_upright(const std::filesystem::path& folder);

}  // namespace fashion_mnist
