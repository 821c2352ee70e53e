#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "zolt/core/tensor.hpp"
#include "zolt/kernel/outer.hpp"

namespace zolt::inline v0::detail {

/// Weights of a tile that a transposed product decodes at a time.
inline constexpr std::size_t transposed_tile = std::size_t{1} << 14;

/// dx = dy W for weights that read(first, out) decodes, a tile of rows at a time.
///
/// Shapes   W: outputs × inputs; dy: rows × outputs; dx: rows × inputs.
template <class Read>
void multiply_transposed(Read&& read, const shape& w, tensor_view<const float> dy, tensor_view<float> dx) {
  thread_local std::vector<float> memory;
  const std::size_t at_once = std::clamp<std::size_t>(transposed_tile / w.columns, 1, w.rows), whole = at_once * w.columns;
  if (memory.size() < whole + dx.size()) memory.resize(whole + dx.size());
  const std::span<float> tile = std::span(memory).first(whole), part = std::span(memory).subspan(whole, dx.size());
  std::fill_n(dx.data(), dx.size(), 0.0f);
  for (std::size_t first = 0; first < w.rows; first += at_once) {
    const std::size_t count = std::min(at_once, w.rows - first);
    read(first * w.columns, tile.first(count * w.columns));
    kernel::sum_outer_products({dy.data() + first, 1, w.rows}, tile.data(), w.columns, count, dy.rows(), w.columns, part.data(), w.columns);
    for (std::size_t j = 0; j < part.size(); ++j) dx.data()[j] += part[j];
  }
}

}  // namespace zolt::inline v0::detail
