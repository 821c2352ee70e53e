#pragma once

#include <cstddef>
#include <limits>

#include "zolt/core/config.hpp"

#include <Eigen/Cholesky>

namespace zolt::inline v0::detail {

/// A row-major n × n matrix that is zero below its diagonal.
struct upper_triangle {
  double* data;
  std::size_t n;
  double* row(std::size_t i) const { return data + i * n; }
  double& operator()(std::size_t i, std::size_t j) const { return data[i * n + j]; }
};

/// The upper triangle of a symmetric A becomes U with A⁻¹ = UᵀU. With the order of rows and columns reversed, A = LLᵀ, so that U = L⁻¹ in the
/// order as it was: one factorization and one inversion of a triangle, and no inverse of A. False if A is not positive definite beyond
/// rounding.
inline bool factor_inverse(const upper_triangle& a) {
  using matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(a.n);
  Eigen::Map<matrix> upper(a.data, n, n);
  const matrix reversed = matrix(upper.selfadjointView<Eigen::Upper>()).reverse();
  const Eigen::LLT<matrix> factor(reversed);
  const double rounding = static_cast<double>(n) * std::numeric_limits<double>::epsilon();
  const auto pivots = factor.matrixLLT().diagonal().array().square();
  if (factor.info() != Eigen::Success || (pivots <= rounding * reversed.diagonal().array()).any()) return false;
  const matrix inverse = factor.matrixL().solve(matrix::Identity(n, n));
  upper = inverse.reverse();
  return true;
}

}  // namespace zolt::inline v0::detail
