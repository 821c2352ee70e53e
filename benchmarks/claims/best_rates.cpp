#include "best_rates.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <stdexcept>

namespace claims {

double half_decade(int k) { return std::pow(10.0, 0.5 * k); }
int nearest_half_decade(double rate) { return static_cast<int>(std::lround(2 * std::log10(rate))); }

best_rates read_best_rates(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("best rates: cannot read " + file);
  best_rates rates;
  double rate = 0;
  for (std::string what; in >> rate && in.get() == '\t' && std::getline(in, what);) rates[what] = half_decade(nearest_half_decade(rate));
  if (!in.eof())
    throw std::runtime_error(fmt::format("best rates: line {} of {} must be a rate, a tab and a name", rates.size() + 1, file));
  return rates;
}

void write_best_rates(const best_rates& rates, const std::string& file) {
  std::ofstream out(file);
  for (const auto& [what, rate] : rates) out << fmt::format("{:.3g}\t{}\n", rate, what);
}

}  // namespace claims
