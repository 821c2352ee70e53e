#pragma once

#include <optional>
#include <string>
#include <vector>

#include "targets.hpp"

namespace ratio {

struct row {
  row_key key;
  std::optional<double> value;  ///< none: nothing here to measure
  std::optional<target> wanted;

  std::string verdict() const;
};

/// A kernel, or a limit beside it, as a point of the roofline chart.
struct roof_point {
  std::string name, set, threads;
  double bytes_per_element = 0, gigabytes_per_second = 0;
};

/// What was measured, each with its target, and the targets that nothing was measured for.
std::vector<row> joined(std::vector<row> measured, const std::vector<target>& targets);

void print_header();
void print_row(const row& r);
void write_rows(const std::vector<row>& rows, const std::string& file);
void write_roofline(const std::vector<roof_point>& points, const std::string& file);

}  // namespace ratio
