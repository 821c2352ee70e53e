#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/core/memory.hpp"
#include "zolt/core/parallel.hpp"

namespace ratio {

/// Memory as tensors have it, for kernels and references alike: which small pages a system gives differs from run to run, and with it how fast
/// memory is.
template <class T>
class buffer {
 public:
  explicit buffer(std::size_t count) : values_(count) {}

  std::size_t size() const { return values_.size(); }
  T* data() const { return values_.data(); }
  std::span<T> all() const { return values_; }
  std::span<T> part(std::size_t first, std::size_t count) const { return all().subspan(first, count); }

 private:
  mutable zolt::tensor_memory<T> values_;
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
