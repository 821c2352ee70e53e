#include "recipes.hpp"

namespace language_model {

std::vector<recipe> recipes_of(const std::string& format) {
  // What INT4 loses by rounding at random is more than a batch tells: it keeps four bits more, or waits for sixteen batches.
  if (format == "int4")
    return {{"head, 4-bit residual", credit::head, 0, true, 1, 0.005},
            {"head, 16 batches per write", credit::head, 0, false, 16, 0.04},
            {"broadcast, 4-bit residual", credit::broadcast, 3, true, 1, 0.005},
            {"broadcast, 16 batches per write", credit::broadcast, 3, false, 16, 0.04},
            {"blocks, 4-bit residual", credit::blocks, 2, true, 1, 0.005},
            {"blocks, 16 batches per write", credit::blocks, 2, false, 16, 0.04},
            {"backpropagation, 4-bit residual", credit::chained, 5, true, 1, 0.005},
            {"prefix, losses alone", credit::prefix, 0, false, 1, 0.1}};
  // An INT8 code is an eighteenth of one of INT4, so that it needs no memory at all.
  return {{"head", credit::head, 0, false, 1, 0.08},
          {"broadcast", credit::broadcast, 3, false, 1, 0.08},
          {"blocks", credit::blocks, 3, false, 1, 0.08},
          {"blocks, 4-bit residual", credit::blocks, 3, true, 1, 0.08},
          {"backpropagation", credit::chained, 5, false, 1, 0.08},
          {"prefix, losses alone", credit::prefix, 0, false, 1, 0.1}};
}

}  // namespace language_model
