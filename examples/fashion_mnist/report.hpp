#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fashion_mnist {

/// One run, one line of summary.csv.
///
/// Units    accuracies: percent of the test images; shipped: upright, before; turned: turned, before; adapted: turned, after. A network from
///          scratch was never shipped, and its images are upright throughout. Times: milliseconds. A figure that a method does not have is
///          NaN and is shown as "-".
struct result_row {
  std::string format;
  std::string method;
  std::string purity;  ///< class of what the method reads
  unsigned seed;
  std::uint64_t forwards;
  double work;  ///< in forward passes: these, outer products and transposed ones
  double accuracy_shipped;
  double accuracy_turned;
  double accuracy_adapted;
  std::size_t weight_bytes;
  std::size_t optimizer_bytes;
  double ms_per_step;
  double ms_per_forward;
  double ms_float_forward;
  double step_over_two_forwards;
};

/// Accuracy of one run on the turned test images after so many forward passes, one line of curves.csv.
struct curve_point {
  std::string format;
  std::string method;
  unsigned seed;
  std::uint64_t forwards;
  double accuracy;
};

/// Median and extremes of the runs that differ in nothing but the seed. The median of an even number of runs is the mean of the middle two.
struct spread {
  double median;
  double smallest;
  double largest;
};

spread spread_of(std::vector<double> values);

/// Both create `folder` if it is missing, and throw std::runtime_error naming the file if it cannot be written.
void write_summary(const std::filesystem::path& folder, std::string_view name, std::span<const result_row> rows);
void write_curves(const std::filesystem::path& folder, std::span<const curve_point> points);

/// One line per format, method and number of forward passes, in the order in which they first occur.
std::string table(std::span<const result_row> rows);
void print_table(std::span<const result_row> rows);

}  // namespace fashion_mnist
