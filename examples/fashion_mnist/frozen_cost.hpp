#pragma once

#include "dataset.hpp"

namespace fashion_mnist {

/// Times steps of an INT4 network 784-784-774-10, half of whose products are in the first layer, with and without that layer frozen, and
/// prints what each takes. The kinds of steps take turns, so that whatever else the machine does meets them alike.
void print_cost_of_frozen_steps(const dataset& images);

}  // namespace fashion_mnist
