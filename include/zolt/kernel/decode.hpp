#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>

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

/// Codes that are decoded together.
inline constexpr std::size_t decode_block = 256;

/// out[j] = value_of(ordinal_of(codes[j])) for a block of codes: widened by one plain loop, which compilers turn into vector moves where
/// they scalarise a conversion of lanes.
template <number_format Format>
void decode_values(const code* codes, std::size_t count, float* out) {
  std::size_t j = 0;
  if constexpr (requires(lanes_f32 & values) { Format::decode_lanes(lanes_i32{}, values); }) {
    alignas(64) std::int32_t wide[decode_block];
    for (std::size_t i = 0; i < count; ++i) wide[i] = codes[i];
    for (; j + lane_count <= count; j += lane_count) {
      lanes_i32 c;
      lanes_f32 values;
      load_lanes(c, wide + j);
      Format::decode_lanes(c, values);
      store_lanes(values, out + j);
    }
  }
  for (; j < count; ++j) out[j] = Format::value_of(Format::ordinal_of(codes[j]));
}

/// values[j] = grid(values[j]).
template <class Grid>
inline void apply_grid(const Grid& grid, float* values, std::size_t count) {
  std::size_t j = 0;
  if constexpr (!std::same_as<Grid, shifted>)  // whose product must not be contracted with its sum
    for (; j + lane_count <= count; j += lane_count) {
      lanes_f32 v;
      load_lanes(v, values + j);
      if constexpr (std::same_as<Grid, affine>) v -= grid.zero;
      store_lanes(v * grid.scale, values + j);
    }
  for (; j < count; ++j) values[j] = grid(values[j]);
}

/// out[j] = the value of code first + j, without its scale.
template <number_format Format>
void decode_unscaled(const std::byte* bytes, std::size_t first, std::span<float> out) {
  alignas(64) code codes[decode_block];
  for (std::size_t i = 0; i < out.size(); i += decode_block) {
    const std::size_t count = std::min(decode_block, out.size() - i);
    packing<Format::bits>::unpack(bytes, first + i, count, codes);
    decode_values<Format>(codes, count, out.data() + i);
  }
}

/// values[j] = grid of weight first + j (values[j]); grids[k] is the k-th grid of the layout.
template <class Grids>
void scale_values(const Grids& grids, const scale_layout& layout, std::size_t first, std::span<float> values) {
  std::size_t k = layout.index(first), end = layout.end(first);
  for (std::size_t i = first, last = first + values.size(); i < last;) {
    const std::size_t until = std::min(last, end);
    apply_grid(grids[k], values.data() + (i - first), until - i);
    if ((i = until) < last) k = layout.next(k, end), end = layout.end(i);
  }
}

/// out[j] = grid of weight first + j (value of code first + j): the same bits on every machine.
template <number_format Format, class Grids>
void decode(const std::byte* bytes, const Grids& grids, const scale_layout& layout, std::size_t first, std::span<float> out) {
  constexpr std::size_t cached = 4 * decode_block;  // values are scaled while they are in the first cache
  for (std::size_t i = 0; i < out.size(); i += cached) {
    const std::span<float> part = out.subspan(i, std::min(cached, out.size() - i));
    decode_unscaled<Format>(bytes, first + i, part);
    scale_values(grids, layout, first + i, part);
  }
}

}  // namespace zolt::inline v0::kernel
