#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "zolt/kernel/scale_layout.hpp"
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

/// values[j] *= scale.
inline void scale_values(float* values, std::size_t count, float scale) {
  std::size_t j = 0;
  for (; j + lane_count <= count; j += lane_count) {
    lanes_f32 v;
    load_lanes(v, values + j);
    store_lanes(v * scale, values + j);
  }
  for (; j < count; ++j) values[j] *= scale;
}

/// out[j] = value_of(code first + j) · its scale: one multiplication, rounded once, the same bits on every machine.
template <number_format Format>
void decode(const std::byte* bytes, const float* scales, const scale_layout& layout, std::size_t first, std::span<float> out) {
  alignas(64) code codes[decode_block];
  std::size_t scale_index = layout.index(first), scale_end = layout.end(first);
  for (std::size_t i = first, last = first + out.size(); i < last;) {
    const std::size_t count = std::min(decode_block, last - i);
    packing<Format::bits>::unpack(bytes, i, count, codes);
    float* to = out.data() + (i - first);
    decode_values<Format>(codes, count, to);
    for (std::size_t j = 0; j < count;) {
      const std::size_t end = std::min(count, scale_end - i);
      scale_values(to + j, end - j, scales[scale_index]);
      j = end;
      if (i + j == scale_end && i + j < last) scale_end = layout.end(i + j), ++scale_index;
    }
    i += count;
  }
}

}  // namespace zolt::inline v0::kernel
