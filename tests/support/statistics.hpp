#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zolt/random/stream.hpp"

namespace zolt::test {

/// How far a statistic may lie from its expectation. Keys are fixed, so a test either always passes or always fails; a correct generator
/// lies farther out with probability 7e-6 per check.
inline constexpr double allowed_standard_errors = 4.5;

/// The distance of a sum from its expectation, in standard errors of the sum.
inline double standard_errors(double sum, double expected, double variance) { return std::fabs(sum - expected) / std::sqrt(variance); }

/// Pearson's statistic as a distance from its expectation in standard errors: its mean is the degrees of freedom k, its variance 2k.
inline double chi_square_errors(std::span<const std::size_t> counts, std::span<const double> expected) {
  double statistic = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double difference = static_cast<double>(counts[i]) - expected[i];
    statistic += difference * difference / expected[i];
  }
  const auto freedom = static_cast<double>(counts.size() - 1);
  return standard_errors(statistic, freedom, 2 * freedom);
}
inline double chi_square_errors(std::span<const std::size_t> counts) {
  double total = 0;
  for (const std::size_t count : counts) total += static_cast<double>(count);
  return chi_square_errors(counts, std::vector<double>(counts.size(), total / static_cast<double>(counts.size())));
}

/// Σ z_i · z_{i + lag} as a distance from 0 in standard errors, where the products are independent with mean 0.
inline double lag_correlation_errors(std::span<const std::int16_t> z, std::size_t lag) {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i + lag < z.size(); ++i) {
    const double product = double{1} * z[i] * z[i + lag];
    sum += product;
    squares += product * product;
  }
  return squares == 0 ? 0 : standard_errors(sum, 0, squares);
}

/// The identity of a tile in a golden test (little-endian memory).
template <class T>
std::uint64_t hash_of_tile(std::span<const T> tile) {
  return hash_of(reinterpret_cast<const char*>(tile.data()), tile.size_bytes());
}

}  // namespace zolt::test
