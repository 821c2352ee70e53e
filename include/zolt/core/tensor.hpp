#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "zolt/core/error.hpp"
#include "zolt/core/memory.hpp"

namespace zolt::inline v0 {

/// Rows × columns, row-major. A vector is one row. The rows of a weight are its outputs.
struct shape {
  std::size_t rows = 0;
  std::size_t columns = 0;

  constexpr std::size_t size() const { return rows * columns; }
  std::string text() const { return to_text(rows) + "x" + to_text(columns); }
  friend bool operator==(const shape&, const shape&) = default;
};

/// The minimal tensor: contiguous row-major memory that somebody else owns.
template <class T>
class tensor_view {
 public:
  tensor_view() = default;
  tensor_view(T* data, zolt::shape s) : data_(data), shape_(s) {}
  tensor_view(std::span<T> row) : data_(row.data()), shape_{1, row.size()} {}
  template <class U>
    requires(std::is_same_v<const U, T>)
  tensor_view(tensor_view<U> other) : data_(other.data()), shape_(other.shape()) {}

  T* data() const { return data_; }
  zolt::shape shape() const { return shape_; }
  std::size_t rows() const { return shape_.rows; }
  std::size_t columns() const { return shape_.columns; }
  std::size_t size() const { return shape_.size(); }
  std::span<T> row(std::size_t r) const { return {data_ + r * shape_.columns, shape_.columns}; }
  std::span<T> flat() const { return {data_, size()}; }
  tensor_view rows_from(std::size_t first, std::size_t count) const { return {data_ + first * shape_.columns, {count, shape_.columns}}; }
  T& operator()(std::size_t r, std::size_t c) const { return data_[r * shape_.columns + c]; }

 private:
  T* data_ = nullptr;
  zolt::shape shape_;
};

/// A tensor that owns its memory, zero at first.
template <class T>
class tensor {
 public:
  tensor() = default;
  explicit tensor(zolt::shape s) : shape_(s), data_(s.size()) {}

  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  zolt::shape shape() const { return shape_; }
  std::size_t rows() const { return shape_.rows; }
  std::size_t columns() const { return shape_.columns; }
  std::size_t size() const { return data_.size(); }
  std::span<T> flat() { return data_; }
  std::span<const T> flat() const { return data_; }
  tensor_view<T> view() { return {data_.data(), shape_}; }
  tensor_view<const T> view() const { return {data_.data(), shape_}; }
  operator tensor_view<T>() { return view(); }
  operator tensor_view<const T>() const { return view(); }
  T& operator()(std::size_t r, std::size_t c) { return data_[r * shape_.columns + c]; }
  const T& operator()(std::size_t r, std::size_t c) const { return data_[r * shape_.columns + c]; }

 private:
  zolt::shape shape_;
  tensor_memory<T> data_;
};

}  // namespace zolt::inline v0
