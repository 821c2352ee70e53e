#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "zolt/kernel/scale_layout.hpp"
#include "zolt/numeric/packing.hpp"

namespace zolt::inline v0::kernel {

/// value_of(ordinal_of(c)) for every code: one load decodes a code of any format.
template <number_format Format>
inline constexpr auto decode_table = [] {
  std::array<float, std::size_t{1} << Format::bits> table{};
  for (std::size_t c = 0; c < table.size(); ++c)
    if (Format::has_ordinal(static_cast<code>(c))) table[c] = Format::value_of(Format::ordinal_of(static_cast<code>(c)));
  return table;
}();

/// out[j] = value_of(code first + j) · its scale: one multiplication, rounded once, the same bits on every machine.
template <number_format Format>
void decode(const std::byte* bytes, const float* scales, const scale_layout& layout, std::size_t first, std::span<float> out) {
  constexpr std::size_t block = 256;
  alignas(64) code codes[block];
  std::size_t scale_index = layout.index(first), scale_end = layout.end(first);
  for (std::size_t i = first, last = first + out.size(); i < last;) {
    const std::size_t count = std::min(block, last - i);
    packing<Format::bits>::unpack(bytes, i, count, codes);
    for (std::size_t j = 0; j < count;) {
      const std::size_t end = std::min(count, scale_end - i);
      const float scale = scales[scale_index];
      float* to = out.data() + (i - first);
      for (; j < end; ++j) to[j] = decode_table<Format>[codes[j]] * scale;
      if (i + j == scale_end && i + j < last) scale_end = layout.end(i + j), ++scale_index;
    }
    i += count;
  }
}

}  // namespace zolt::inline v0::kernel
