#pragma once

#include "adaptation.hpp"

namespace fashion_mnist {

/// The procedures that `--methods` adds to those of the main job, all on INT4 weights. Throws std::runtime_error for any other.
adaptation_result adapt_as_published(const recipe& r, const assignment& a);

}  // namespace fashion_mnist
