#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "trainee.hpp"

namespace claims {

/// A function with a known gradient.
struct objective {
  std::size_t dimension = 0;
  std::function<double(std::span<const float>)> value;
  std::function<std::vector<double>(std::span<const float>)> gradient;
};

/// How a stiff quadratic is made.
///
///   ½ Σ_j λ_j (y_j − t_j)²,   λ_j = condition^(−j/(n−1)),   y = x, or y = Hadamard · signs · x/√n
///
/// Mixed, no coordinate is an eigenvector, and rules per coordinate see the same curvature everywhere.
struct stiff {
  std::size_t dimension = 1024;  ///< a power of two if mixed
  double condition = 1e4;
  bool mixed = false;
  std::size_t curved = 0;  ///< eigenvalues that are not 0; 0: all
};
objective quadratic(const stiff& how);

/// Σ_j a_j (x_j + s x_jᵏ/k!): at 0, a two-point difference sees its gradient `a` but for the derivative of order k.
objective odd_power(int k, double s);

/// The same values seen through weights that are rounded to the nearest whole number.
objective rounded(const objective& f);

/// The values of an objective under all probes of x, a copy per probe in `seen`.
void losses_of(const objective& f, const zolt::probe_view& probes, const std::vector<float>& x, std::vector<float>& seen,
               std::vector<double>& values);

/// Training on an objective from 0; its score is the loss that is left, in parts of the first one. Losses are multiplied by `scale`.
task<float_list> descent(std::string name, objective f, double forwards, double scale = 1);

}  // namespace claims
