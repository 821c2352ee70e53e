#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

#include "zolt/core/parallel.hpp"

namespace ratio {

/// Memory that begins on a page, so that no register's worth of it crosses a cache line, for kernels and references alike.
template <class T>
class buffer {
 public:
  explicit buffer(std::size_t count) : size_(count) {
    const std::size_t bytes = (count * sizeof(T) + page - 1) / page * page;
    data_.reset(static_cast<T*>(std::aligned_alloc(page, std::max(bytes, page))));
    if (!data_) throw std::bad_alloc();
    std::fill_n(data_.get(), count, T{});
  }

  std::size_t size() const { return size_; }
  T* data() const { return data_.get(); }
  std::span<T> all() const { return {data_.get(), size_}; }
  std::span<T> part(std::size_t first, std::size_t count) const { return {data_.get() + first, count}; }

 private:
  static constexpr std::size_t page = 4096;
  struct release {
    void operator()(T* p) const { std::free(p); }
  };
  std::size_t size_;
  std::unique_ptr<T, release> data_;
};

/// Scattered over (−0.5, 0.5), none of them 0.
inline void fill_weights(std::span<float> w) {
  for (std::size_t i = 0; i < w.size(); ++i) {
    const auto scattered = static_cast<std::uint32_t>(i) * 2654435761u >> 8;
    w[i] = (static_cast<float>(scattered) + 0.5f) * 0x1p-24f - 0.5f;
  }
}
inline buffer<float> weights_of(std::size_t count) {
  buffer<float> w(count);
  fill_weights(w.all());
  return w;
}

/// f(lane, first, count) on every lane's part of n elements, cut at whole rows of every stream.
template <class Function>
void on_parts(zolt::thread_team& team, std::size_t n, Function&& f) {
  constexpr std::size_t row = 2048;
  const std::size_t part = (n / team.size() + row - 1) / row * row;
  team.run([&](std::size_t lane) {
    const std::size_t first = std::min(n, lane * part), last = lane + 1 == team.size() ? n : std::min(n, first + part);
    if (first < last) f(lane, first, last - first);
  });
}

}  // namespace ratio
