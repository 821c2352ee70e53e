#pragma once

#include <map>
#include <string>

namespace claims {

/// By what was trained on what.
using best_rates = std::map<std::string, double>;

/// Rates are searched among these: 10^(k/2).
double half_decade(int k);
int nearest_half_decade(double rate);

best_rates read_best_rates(const std::string& file);
void write_best_rates(const best_rates& rates, const std::string& file);

}  // namespace claims
