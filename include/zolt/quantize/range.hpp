#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/kernel/magnitude.hpp"
#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/integer.hpp"

namespace zolt::inline v0 {

/// Whole numbers that count from zero need a zero point: their grids are affine.
template <class Format>
concept asymmetric_format =
    number_format<Format> && Format::lowest == 0 &&
    Format::value_of(0) == 0.0f && Format::value_of(Format::highest) == static_cast<float>(Format::highest) && Format::value_of(1) == 1.0f;

/// The map that weights of a format get: scaled, or affine where a zero point is needed.
template <number_format Format>
using grid_for = std::conditional_t<asymmetric_format<Format>, affine, scaled>;

/// A range policy: the grid of weights that share one. All weights are finite and at least one is not zero.
///
/// What the compiler cannot check: the scale depends on the weights alone, not on their order.
template <class R>
concept range_policy = requires(const R& r, std::span<const float> weights) {
  { r.template fit<int8>(weights) } -> std::same_as<scaled>;
};

namespace detail {

/// The grid that takes [lowest, highest] onto the range of a format. 0 lies in [lowest, highest], which is not empty.
template <number_format Format>
grid_for<Format> grid_of_range(float lowest, float highest) {
  if constexpr (asymmetric_format<Format>) {
    constexpr float greatest = Format::value_of(Format::highest);
    const auto scale = static_cast<float>((double{highest} - double{lowest}) / double{greatest});  // the range may be no float
    return {scale, std::min(static_cast<float>(nearest_even{}(locate_on_integers(-lowest / scale))), greatest)};
  } else {
    constexpr float greatest = Format::value_of(Format::highest), least = Format::value_of(Format::lowest);
    constexpr bool reaches_below = least < 0;  // a format without negative numbers leaves those outside
    float scale = std::max(highest / greatest, reaches_below ? lowest / least : 0.0f);
    while (scale > 0 && (highest / scale > greatest || (reaches_below && lowest / scale < least)))
      scale = std::nextafter(scale, std::numeric_limits<float>::infinity());
    return {scale};
  }
}

struct value_range {
  float lowest = 0, highest = 0;
};
inline value_range range_of(std::span<const float> weights) {
  value_range r;
  kernel::range_of(weights, r.lowest, r.highest);
  return r;
}
/// Σ |decode(encode(w)) − w|^norm.
template <number_format Format>
double quantization_error(const grid_for<Format>& grid, std::span<const float> weights, double norm) {
  double sum = 0;
  for (const float w : weights) {
    const int ordinal = encode_weight<Format>(grid, w, nearest_even{}).ordinal;
    const double e = std::fabs(double{grid(Format::value_of(ordinal))} - double{w});
    sum += norm == 2 ? e * e : std::pow(e, norm);
  }
  return sum;
}

}  // namespace detail

/// The whole range: the largest magnitude becomes the largest code. The scale is up by one float where the quotient is rounded so far down
/// that the largest weight would lie outside.
///
///   s = max(max w / value_of(highest), min w / value_of(lowest)), which for a symmetric format is max|w| / value_of(highest)
///   with a zero point: s = (max − min) / (2^b − 1), z = round(−min / s), 0 in [min, max]
///
/// Units    weight per code value.
/// Cost     one pass.
/// Source   Jacob et al. 2018 §3; range extended to 0 as in GPTQ, so that 0 is a grid point.
struct absmax {
  static constexpr std::string_view name = "absmax";
  template <number_format Format>
  grid_for<Format> fit(std::span<const float> weights) const {
    const auto [lowest, highest] = detail::range_of(weights);
    return detail::grid_of_range<Format>(lowest, highest);
  }
};

/// The largest magnitude itself instead of a scale, for scale storage that derives its scales from it.
///
/// Units    weights.
/// Cost     one pass.
/// Source   nvfp4_scales.
struct largest_magnitude {
  static constexpr std::string_view name = "largest_magnitude";
  template <number_format Format>
  scaled fit(std::span<const float> weights) const {
    const auto [lowest, highest] = detail::range_of(weights);
    return {std::max(highest, -lowest)};
  }
};

/// The range without its tails: `kept` of the weights (of each sign, where the format is asymmetric) lie inside, the others saturate.
///
/// Units    kept: fraction of the weights.
/// Cost     a partial sort.
/// Source   quantization.md §8: the order statistic ⌈kept·n⌉ of |w|; on groups of 128 or fewer it is absmax for kept ≥ 0.999.
struct percentile {
  static constexpr std::string_view name = "percentile";
  double kept = 0.999;

  template <class Field>
  void fields(Field&& field) const {
    field("kept", kept, bound::fraction);
  }
  template <number_format Format>
  grid_for<Format> fit(std::span<const float> weights) const {
    if constexpr (asymmetric_format<Format>) {
      const float highest = std::max(0.0f, at(weights, [](float w) { return w; }));
      const float lowest = std::min(0.0f, -at(weights, [](float w) { return -w; }));
      if (highest - lowest > 0) return detail::grid_of_range<Format>(lowest, highest);
    } else if (const float largest = at(weights, [](float w) { return std::fabs(w); }); largest > 0) {
      return detail::grid_of_range<Format>(-largest, largest);
    }
    return absmax{}.fit<Format>(weights);  // most weights are zero
  }

 private:
  template <class Measure>
  float at(std::span<const float> weights, Measure measure) const {
    std::vector<float> values(weights.size());
    std::transform(weights.begin(), weights.end(), values.begin(), measure);
    const auto rank = static_cast<std::size_t>(std::ceil(kept * static_cast<double>(values.size())));
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
    std::nth_element(values.begin(), place, values.end());
    return *place;
  }
};

/// The best of a grid of ranges p·[min, max], p = 1, 1 − 1/steps, … down to `smallest`.
///
///   p* = argmin_p Σ |w − decode(encode_p(w))|^norm
///
/// Units    none.
/// Cost     steps·(1 − smallest) encodings of the weights.
/// Source   GPTQ's Quantizer (`mse=True`): 100 steps, smallest 0.2, norm 2.4; norm 2 here is the mean squared error.
struct mse_grid {
  static constexpr std::string_view name = "mse_grid";
  double steps = 100;
  double smallest = 0.2;
  double norm = 2;

  template <class Field>
  void fields(Field&& field) const {
    field("steps", steps, bound::at_least_one);
    field("smallest", smallest, bound::fraction);
    field("norm", norm, bound::positive);
  }
  template <number_format Format>
  grid_for<Format> fit(std::span<const float> weights) const {
    const auto [lowest, highest] = detail::range_of(weights);
    grid_for<Format> best = detail::grid_of_range<Format>(lowest, highest);
    double least = detail::quantization_error<Format>(best, weights, norm);
    for (int i = 1; 1 - i / steps >= smallest - 1e-9; ++i) {
      const auto p = static_cast<float>(1 - i / steps);
      const auto grid = detail::grid_of_range<Format>(p * lowest, p * highest);
      if (!(grid.scale > 0)) break;
      const double error = detail::quantization_error<Format>(grid, weights, norm);
      if (error < least) least = error, best = grid;
    }
    return best;
  }
};

/// Alternating least squares from absmax on: codes for the scale, then the best scale for the codes. The squared error never grows.
///
///   s ← ⟨w, v⟩ / ⟨v, v⟩ for the values v of the codes (v − z with a zero point)
///
/// Units    none.
/// Cost     iterations encodings of the weights.
/// Source   quantization.md §8 (Lloyd 1982 with a scaled codebook).
struct least_squares {
  static constexpr std::string_view name = "least_squares";
  double iterations = 5;

  template <class Field>
  void fields(Field&& field) const {
    field("iterations", iterations, bound::at_least_one);
  }
  template <number_format Format>
  grid_for<Format> fit(std::span<const float> weights) const {
    grid_for<Format> grid = absmax{}.fit<Format>(weights), best = grid;
    double least = detail::quantization_error<Format>(grid, weights, 2);
    for (int i = 0; i < iterations; ++i) {
      double product = 0, square = 0;
      for (const float w : weights) {
        double v = Format::value_of(encode_weight<Format>(grid, w, nearest_even{}).ordinal);
        if constexpr (asymmetric_format<Format>) v -= grid.zero;
        product += v * w;
        square += v * v;
      }
      if (square == 0) break;
      const float before = grid.scale;
      grid.scale = static_cast<float>(product / square);
      if (!(grid.scale > 0)) break;
      const double error = detail::quantization_error<Format>(grid, weights, 2);
      if (error < least) least = error, best = grid;
      if (std::fabs(grid.scale - before) < 1e-7f * before) break;
    }
    return best;
  }
};

namespace detail {
/// ⌊log₂ x⌋ of a positive float, subnormal ones included.
inline int floor_log2(float x) {
  const float_parts parts(x);
  return parts.exponent - 23 + leading_bit(parts.significand);
}
}  // namespace detail

/// A power of two such that the largest magnitude shares its binade with the format's largest: up to a quarter of it may saturate.
///
///   s = 2^(⌊log₂ max|w|⌋ − ⌊log₂ value_of(highest)⌋), at least 2⁻¹²⁷
///
/// Units    weight per code value.
/// Cost     one pass.
/// Source   OCP Microscaling Formats v1.0 §6.3; quantization.md §5.1.
struct power_of_two_floor {
  static constexpr std::string_view name = "power_of_two_floor";
  template <number_format Format>
  scaled fit(std::span<const float> weights) const {
    const float largest = largest_magnitude{}.fit<Format>(weights).scale;
    return {std::ldexp(1.0f, std::clamp(detail::floor_log2(largest) - detail::floor_log2(Format::value_of(Format::highest)), -127, 127))};
  }
};

/// The least power of two under which no weight saturates.
///
///   s = 2^⌈log₂(max|w| / value_of(highest))⌉, at least 2⁻¹²⁷
///
/// Units    weight per code value.
/// Cost     one pass.
/// Source   NVIDIA Transformer Engine and cuBLAS (float_to_e8m0 of amax / max).
struct power_of_two_ceil {
  static constexpr std::string_view name = "power_of_two_ceil";
  template <number_format Format>
  scaled fit(std::span<const float> weights) const {
    const double largest = largest_magnitude{}.fit<Format>(weights).scale, greatest = Format::value_of(Format::highest);
    int exponent = detail::floor_log2(static_cast<float>(largest)) - detail::floor_log2(static_cast<float>(greatest)) - 1;
    while (std::ldexp(greatest, exponent) < largest) ++exponent;
    return {std::ldexp(1.0f, std::clamp(exponent, -127, 127))};
  }
};

}  // namespace zolt::inline v0
