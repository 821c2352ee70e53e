#pragma once

#include <algorithm>
#include <cstddef>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// Which scale a weight has: rows of `row` weights, each cut into groups of `group`, the last of a row perhaps shorter.
struct scale_layout {
  std::size_t row = 1;
  std::size_t group = 1;

  constexpr std::size_t groups_per_row() const { return (row + group - 1) / group; }
  constexpr std::size_t count(std::size_t weights) const { return weights / row * groups_per_row(); }
  constexpr std::size_t index(std::size_t i) const { return i / row * groups_per_row() + i % row / group; }
  /// One past the last weight that shares the scale of weight i.
  constexpr std::size_t end(std::size_t i) const { return i - i % row + std::min(row, (i % row / group + 1) * group); }
};

}  // namespace zolt::inline v0
