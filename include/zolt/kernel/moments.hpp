#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "zolt/core/exact.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/kernel/encode.hpp"
#include "zolt/kernel/magnitude.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/numeric/unsigned_minifloat.hpp"

/// Moments of a rule in a byte each, a tile at a time: what update/byte_moments.hpp says.
namespace zolt::inline v0::kernel {

/// UE5M3 in which 0 alone is encoded as 0, in vectors: what lies between it and the smallest number becomes that one.
struct positive_ue5m3 : ue5m3 {
  template <class Floats, class Lanes>
  [[gnu::always_inline]] static void locate_lanes_exactly(const Floats& magnitude, Lanes& below, Lanes& threshold) {
    ue5m3::locate_lanes_exactly(magnitude, below, threshold);
    Lanes pattern;
    __builtin_memcpy(&pattern, &magnitude, sizeof pattern);
    const Lanes small = ((below - 1) & -pattern) >> 31;  // below is 0 and the magnitude is not
    below -= small;
    threshold = (threshold & ~small) | (small & std::numeric_limits<std::int32_t>::min());
  }
};

template <bool NonNegative>
using moment_format = std::conditional_t<NonNegative, positive_ue5m3, e4m3fn>;

/// The least power of two, from 2⁻¹⁰⁰ on, under which a format reaches `largest`: no product with a code is subnormal, and a quotient that
/// is not is exact.
template <number_format Format>
float moment_scale(float largest) {
  constexpr float greatest = Format::value_of(Format::highest);
  const auto exponent = [](float x) { return static_cast<int>(std::bit_cast<std::uint32_t>(x) >> 23); };
  const int power = std::max(exponent(largest) - exponent(greatest), -100);
  const float scale = std::bit_cast<float>(static_cast<std::uint32_t>(127 + power) << 23);
  return largest > greatest * scale ? 2 * scale : scale;
}

/// m[j] = scale times the value of codes[j].
template <number_format Format>
void load_moments(const code* codes, float scale, std::span<float> m) {
  const scaled grids[] = {{scale}};
  decode<Format>(reinterpret_cast<const std::byte*>(codes), grids, {tile_size, tile_size}, 0, m);
}

/// codes[j] ← m[j] / scale, rounded stochastically with words[j]; the scale that it chose for at most a tile of them. m is used up.
template <number_format Format>
float store_moments(std::span<float> m, const std::uint32_t* words, code* codes) {
  group_numbers<1> largest;
  largest_magnitudes(m.data(), m.size(), 1, largest);
  constexpr float most = 0x1p127f;  // a code times the scale; what is above may be rounded up to infinity
  if (!(largest.values[0] <= most)) {
    for (float& x : m) x = x != x ? 0 : std::clamp(x, -most, most);
    largest_magnitudes(m.data(), m.size(), 1, largest);
  }
  const float scale = moment_scale<Format>(largest.values[0]);
  const scaled grids[] = {{scale}};
  alignas(64) std::int32_t lanes[tile_size];
  scale_runs runs({tile_size, tile_size}, 0);
  encoding met;
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    encode_kernels<Set>::template encode<Format, stochastic_rounding>(m.data(), words, 0, m.size(), grids, runs, lanes, met);
  });
  pack<8>(lanes, 0, m.size(), reinterpret_cast<std::byte*>(codes));
  return scale;
}

}  // namespace zolt::inline v0::kernel
