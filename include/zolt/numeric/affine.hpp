#pragma once

#include <algorithm>

#include "zolt/core/exact.hpp"
#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// The maps from a format's values to weights. Each rounds as often as it has operations, in a way that no compiler can contract.

/// weight = value · scale.
struct scaled {
  float scale = 1;
  float operator()(float value) const { return value * scale; }
  friend bool operator==(const scaled&, const scaled&) = default;
};

/// weight = (value − zero) · scale. With a whole zero the difference is exact.
struct affine {
  float scale = 1;
  float zero = 0;
  float operator()(float value) const { return (value - zero) * scale; }
  friend bool operator==(const affine&, const affine&) = default;
};

/// weight = value · scale + offset.
struct shifted {
  float scale = 1;
  float offset = 0;
  float operator()(float value) const { return exact::product(value, scale) + offset; }
  friend bool operator==(const shifted&, const shifted&) = default;
};

/// The ordinal of a weight: round(weight / scale), and for a zero point round(weight / scale) + zero if that is whole, otherwise
/// round(weight / scale + zero).
template <number_format Format, rounding Rounding>
constexpr encoded encode_weight(const scaled& grid, float weight, const Rounding& round, std::uint32_t word = 0) {
  return encode<Format>(weight / grid.scale, round, word);
}
template <number_format Format, rounding Rounding>
constexpr encoded encode_weight(const affine& grid, float weight, const Rounding& round, std::uint32_t word = 0) {
  const float value = weight / grid.scale;
  const grid_position zero = locate_on_integers(grid.zero);
  if (zero.fraction != 0) return encode<Format>(value + grid.zero, round, word);
  const std::int64_t ordinal = std::int64_t{round(locate_on_integers(value), word)} + zero.below;
  const auto kept = static_cast<int>(std::clamp<std::int64_t>(ordinal, Format::lowest, Format::highest));
  return {kept, kept != ordinal};
}

}  // namespace zolt::inline v0
