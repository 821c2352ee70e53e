#pragma once

#include <filesystem>

#include "dataset.hpp"

namespace fashion_mnist {

/// Everything the experiment looks at after the network was shipped. None of these images was seen in float training.
struct experiment_data {
  dataset adaptation;    // turned training images 54999 down to 53000: what a device in the field collects
  dataset validation;    // turned training images 55000 to 55999: hyper-parameters are chosen on these
  dataset test_upright;  // all test images: the accuracy that was shipped
  dataset test_turned;   // all test images, turned: the accuracy that counts
};

inline constexpr index_range adaptation_range{53000, 55000};
inline constexpr index_range validation_range{55000, 56000};

/// Reads the images and turns them by `degrees`.
experiment_data load_experiment(const std::filesystem::path& folder, double degrees);

}  // namespace fashion_mnist
