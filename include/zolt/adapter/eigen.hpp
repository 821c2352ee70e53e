#pragma once

#include <Eigen/Core>
#include <concepts>
#include <cstddef>
#include <type_traits>

#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

namespace detail {
template <class M>
concept row_major_matrix = std::derived_from<M, Eigen::PlainObjectBase<M>> && std::same_as<typename M::Scalar, float> &&
    (bool(M::IsRowMajor) || M::ColsAtCompileTime == 1);

template <class M>
zolt::shape shape_of(const M& m) {
  const auto rows = static_cast<std::size_t>(m.rows()), columns = static_cast<std::size_t>(m.cols());
  if constexpr (M::ColsAtCompileTime == 1)
    return {columns, rows};
  else
    return {rows, columns};
}
}  // namespace detail

/// An Eigen matrix or vector of floats as zolt sees it: the same memory, nothing copied. A column vector is one row.
///
/// Shapes   a row-major matrix keeps its rows and columns; column-major ones do not compile, because zolt reads weights row by row.
template <detail::row_major_matrix Matrix>
tensor_view<float> view(Matrix& m) {
  return {m.data(), detail::shape_of(m)};
}
template <detail::row_major_matrix Matrix>
tensor_view<const float> view(const Matrix& m) {
  return {m.data(), detail::shape_of(m)};
}

}  // namespace zolt::inline v0
