#pragma once

#include <functional>
#include <string>
#include <vector>

#include "zolt/core/tensor.hpp"
#include "zolt/quantize/report.hpp"

namespace quantize_report {

/// A matrix as a layer sees it once it is quantized, in the basis of the original, and what that cost.
struct quantized_matrix {
  zolt::tensor<float> seen;
  zolt::tensor_report report;
};

struct method {
  std::string name;
  /// Quantizes a named matrix for the inputs that it sees.
  std::function<quantized_matrix(const std::string&, const zolt::tensor<float>&, const zolt::tensor<float>&)> apply;
};

/// Every format and every post-training method of the library.
const std::vector<method>& methods();

}  // namespace quantize_report
