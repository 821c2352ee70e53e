#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "language_model.hpp"
#include "zolt/core/tensor.hpp"

namespace quantize_report {

/// What is quantized: matrices, the inputs that they see, and how good a model is with other matrices in their place.
struct subject {
  std::string description;
  std::vector<named_matrix> matrices;
  std::vector<zolt::tensor<float>> calibration;                  ///< inputs of each matrix, one row per example
  std::vector<zolt::tensor<float>> held_out;                     ///< others, on which outputs are compared
  std::function<double(const std::vector<named_matrix>&)> loss;  ///< empty if there is no text to read
};

/// The language model of the data folder: calibrated on 16 stories, judged on `stories` others.
subject language_model_subject(const std::filesystem::path& data, std::size_t stories);

/// A multilayer perceptron with heavy-tailed weights whose inputs are correlated and have outlier channels, as those of language models.
subject perceptron_subject();

}  // namespace quantize_report
