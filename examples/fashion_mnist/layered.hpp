#pragma once

#include "adaptation.hpp"

namespace fashion_mnist {

/// Recipes that see the layers of a forward.
adaptation_result adapt_by_layers(const recipe& r, const assignment& a);

}  // namespace fashion_mnist
