#include "estimates.hpp"

#include <numeric>

namespace claims {

double dot(std::span<const double> a, std::span<const double> b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

double projection(const estimates& all, const std::vector<double>& gradient) {
  double sum = 0;
  for (const auto& g : all) sum += dot(g, gradient);
  return sum / static_cast<double>(all.size()) / dot(gradient, gradient);
}

double second_moment(const estimates& all, const std::vector<double>& gradient) {
  double sum = 0;
  for (const auto& g : all) sum += dot(g, g);
  return sum / static_cast<double>(all.size()) / dot(gradient, gradient);
}

double distance(const estimates& a, const estimates& b, const std::vector<double>& gradient) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < gradient.size(); ++j) sum += (a[i][j] - b[i][j]) * (a[i][j] - b[i][j]);
  return std::sqrt(sum / static_cast<double>(a.size()) / dot(gradient, gradient));
}

}  // namespace claims
