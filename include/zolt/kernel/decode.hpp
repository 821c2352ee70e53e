#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>

#include "zolt/core/vectors.hpp"
#include "zolt/kernel/scale_layout.hpp"
#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/packing.hpp"

namespace zolt::inline v0::kernel {

/// value_of by one load, for weights that are visited one by one.
template <number_format Format>
inline constexpr auto value_table = [] {
  std::array<float, static_cast<std::size_t>(Format::highest - Format::lowest + 1)> table{};
  for (int o = Format::lowest; o <= Format::highest; ++o) table[static_cast<std::size_t>(o - Format::lowest)] = Format::value_of(o);
  return table;
}();

template <number_format Format>
inline float value_at(int ordinal) {
  return value_table<Format>[static_cast<std::size_t>(ordinal - Format::lowest)];
}

/// value_of(ordinal_of(c)) by code, as often as it takes for 16 entries: bits above a code lead nowhere.
template <number_format Format>
inline constexpr auto code_table = [] {
  std::array<float, (Format::bits < 4 ? 16 : std::size_t{1} << Format::bits)> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const int o = Format::ordinal_of(static_cast<code>(c & ((std::size_t{1} << Format::bits) - 1)));
    table[c] = o < Format::lowest || o > Format::highest ? 0.0f : Format::value_of(o);
  }
  return table;
}();

/// Codes that are decoded together.
inline constexpr std::size_t decode_block = 256;

/// From this many floats in one call on, 32 MiB, they are written past the caches, of which few would still hold them when they are read: if
/// they begin with a register, as those of a tensor do; a large std::vector of floats need not.
inline constexpr std::size_t beyond_caches = std::size_t{1} << 23;

/// The grid of values that are left as they are.
struct unscaled {};

/// The runs of weights that share a grid, from a weight on, without a division for each.
class scale_runs {
 public:
  scale_runs(const scale_layout& layout, std::size_t first)
      : layout_(layout), index_(layout.index(first)), row_end_(first - first % layout.row + layout.row), end_(layout.end(first)) {}
  /// Which grid it is.
  std::size_t index() const { return index_; }
  /// One past the last weight.
  std::size_t end() const { return end_; }
  void next() {
    const bool row_ends = end_ == row_end_;
    index_ = row_ends && layout_.block_rows != 1 ? layout_.index(end_) : index_ + 1;
    if (row_ends) row_end_ += layout_.row;
    end_ = std::min(row_end_, end_ + layout_.group);
  }

  /// How many groups of one row lie whole between weight i of this run and weight `last`, one behind the other; 0 if i begins none.
  std::size_t whole_groups(std::size_t i, std::size_t last) const {
    return end_ - i == layout_.group ? (std::min(row_end_, last) - i) / layout_.group : 0;
  }
  /// To the run behind so many of them.
  void skip(std::size_t groups) {
    index_ += groups - 1;
    end_ += (groups - 1) * layout_.group;
    next();
  }

 private:
  scale_layout layout_;
  std::size_t index_, row_end_, end_;
};

}  // namespace zolt::inline v0::kernel

namespace zolt::inline v0 {

/// Codes to floats, and floats under their grids.
template <instruction_set Set>
struct decode_kernels;

#define ZOLT_KERNEL_FILE "zolt/kernel/decode.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// out[j] = value_of(ordinal_of(codes[j])).
template <number_format Format>
void decode_values(const code* codes, std::size_t count, float* out) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    decode_kernels<Set>::template decode_codes<Format>(codes, count, unscaled{}, out);
  });
}

/// values[j] = grid(values[j]).
template <class Grid>
void apply_grid(const Grid& grid, float* values, std::size_t count) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) { decode_kernels<Set>::apply_grid(grid, values, count); });
}

/// out[j] = the value of code first + j, without its scale.
template <number_format Format>
void decode_unscaled(const std::byte* bytes, std::size_t first, std::span<float> out) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    decode_kernels<Set>::template decode_run<Format>(bytes, first, out.size(), unscaled{}, out.data());
  });
}

/// values[j] = grid of weight first + j (values[j]); grids[k] is the k-th grid of the layout.
template <class Grids>
void scale_values(const Grids& grids, const scale_layout& layout, std::size_t first, std::span<float> values) {
  if (values.empty()) return;
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    decode_kernels<Set>::scale_values(grids, layout, first, values.size(), values.data());
  });
}

/// out[j] = grid of weight first + j (value of code first + j): the same bits on every machine.
template <number_format Format, class Grids>
void decode(const std::byte* bytes, const Grids& grids, const scale_layout& layout, std::size_t first, std::span<float> out) {
  if (out.empty()) return;
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    if (out.size() < beyond_caches)
      decode_kernels<Set>::template decode<Format>(bytes, grids, layout, first, out.size(), out.data());
    else
      decode_kernels<Set>::template decode_past_caches<Format>(bytes, grids, layout, first, out.size(), out.data());
  });
}

}  // namespace zolt::inline v0::kernel
