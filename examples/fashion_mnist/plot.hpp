#pragma once

#include <filesystem>
#include <span>

#include "report.hpp"

namespace fashion_mnist {

/// Draws the curves: one panel per format, per method the median over the seeds as a line and minimum to maximum as a band.
///
/// Writes `folder`/curves.gp, which carries its data with it, and runs gnuplot on it to make `folder`/curves.svg. Returns whether the
/// picture was made; if gnuplot is missing or fails, says so on stderr and leaves the script. Throws std::runtime_error only if the
/// script cannot be written.
bool plot_curves(const std::filesystem::path& folder, std::span<const curve_point> points);

}  // namespace fashion_mnist
