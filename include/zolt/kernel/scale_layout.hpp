#pragma once

#include <algorithm>
#include <cstddef>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// Which scale a weight has: rows of `row` weights, each cut into groups of `group`, the last of a row perhaps shorter; `block_rows` rows
/// that lie one below the other share the scales of their groups, the last of them perhaps fewer.
struct scale_layout {
  std::size_t row = 1;
  std::size_t group = 1;
  std::size_t block_rows = 1;

  constexpr std::size_t groups_per_row() const { return (row + group - 1) / group; }
  constexpr std::size_t count(std::size_t weights) const { return (weights / row + block_rows - 1) / block_rows * groups_per_row(); }
  constexpr std::size_t index(std::size_t i) const { return i / row / block_rows * groups_per_row() + i % row / group; }
  /// Whether groups follow each other as if all weights were one row: weight i has scale ⌊i/group⌋.
  constexpr bool is_one_row() const { return block_rows == 1 && row % group == 0; }
  /// One past the last weight of the run around weight i that shares its scale.
  constexpr std::size_t end(std::size_t i) const { return i - i % row + std::min(row, (i % row / group + 1) * group); }
  /// The scale of weight end(i), where `at` is that of weight i.
  constexpr std::size_t next(std::size_t at, std::size_t end) const { return block_rows == 1 ? at + 1 : index(end); }

  /// f(first, last) for the runs of weights that share scale k, of `weights` in all.
  template <class Function>
  constexpr void for_each_run(std::size_t k, std::size_t weights, Function&& f) const {
    const std::size_t first_row = k / groups_per_row() * block_rows, column = k % groups_per_row() * group;
    for (std::size_t r = first_row; r < std::min(first_row + block_rows, weights / row); ++r)
      f(r * row + column, r * row + std::min(row, column + group));
  }
};

}  // namespace zolt::inline v0
