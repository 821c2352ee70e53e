#pragma once

#include "fashion_mnist/float_network.hpp"
#include "fashion_mnist/splits.hpp"

namespace claims {

/// What every network starts from, and what it learns.
struct prepared {
  fashion_mnist::float_network network;
  fashion_mnist::experiment_data data;
};

/// What prepare_networks made.
const prepared& images();

}  // namespace claims
