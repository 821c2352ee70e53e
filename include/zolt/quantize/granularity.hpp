#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>

#include "zolt/core/tensor.hpp"
#include "zolt/kernel/scale_layout.hpp"

namespace zolt::inline v0 {

/// Who shares a scale: a layout for every shape that `fits`.
template <class G>
concept granularity = requires(const shape& s) {
  { G::layout(s) } -> std::same_as<scale_layout>;
  { G::fits(s) } -> std::same_as<bool>;
};

struct per_tensor {
  static constexpr scale_layout layout(const shape& s) { return {s.size(), s.size()}; }
  static constexpr bool fits(const shape&) { return true; }
};

/// One scale per row of the weight, that is per output.
struct per_channel {
  static constexpr scale_layout layout(const shape& s) { return {s.columns, s.columns}; }
  static constexpr bool fits(const shape&) { return true; }
};

/// What a row does whose length the group does not divide: it is an error, or its last group is shorter.
enum class last_group { full, shorter };

/// One scale per N neighbouring weights of a row. No group reaches over the end of a row.
template <std::size_t N, last_group Last = last_group::full>
  requires(N > 0)
struct per_group {
  static constexpr scale_layout layout(const shape& s) { return {s.columns, N}; }
  static constexpr bool fits(const shape& s) { return Last == last_group::shorter || s.columns % N == 0; }
};

/// One scale per block of Rows × Columns neighbouring weights. Blocks at the right and lower edge are smaller if Last says so.
template <std::size_t Rows, std::size_t Columns, last_group Last = last_group::full>
  requires(Rows > 0 && Columns > 0)
struct per_block {
  static constexpr scale_layout layout(const shape& s) { return {s.columns, Columns, Rows}; }
  static constexpr bool fits(const shape& s) { return Last == last_group::shorter || (s.columns % Columns == 0 && s.rows % Rows == 0); }
};

template <granularity G>
constexpr std::size_t scale_count(const shape& s) {
  return G::layout(s).count(s.size());
}

}  // namespace zolt::inline v0
