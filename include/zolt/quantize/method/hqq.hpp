#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "zolt/quantize/quantizer.hpp"

namespace zolt::inline v0 {

/// Half-quadratic quantization: the scale covers the range, and the zero point, which need not be whole, is the one that serves most
/// weights well and lets outliers be wrong.
///
///   min_z Σ |w − ŵ|^p,   s = max((max − min) / value_of(highest), 1/20000),   z₀ = −min / s
///   d = w − ŵ,   e = sign(d)·max(|d| − |d|^(p − 1) / β, 0),   z ← mean(value(w) − (w − e) / s)
///
/// The iteration starts from this grid and from that of `absmax`, and the best of all grids is kept: the sum is never larger than that of
/// rounding to nearest.
///
/// Units    exponent: none. beta: weight^(p − 2), so that weights of a small range are all taken as outliers. zero: values.
/// Cost     4·iterations encodings of the weights at most, with a power each. No data.
/// Errors   a format without a zero point does not compile.
/// Source   Badri & Shaji 2023 (HQQ), optimize_weights_proximal: p 0.7, β 10, 20 iterations.
/// Differs  the zero point is chosen by the sum that is minimised, not by the mean error, and all iterations are done; its code starts from
///          z₀ alone, and may end worse than rounding to nearest. β does not grow.
struct half_quadratic {
  static constexpr std::string_view name = "half_quadratic";
  double exponent = 0.7;
  double beta = 10;
  double iterations = 20;

  template <class Field>
  void fields(Field&& field) const {
    field("exponent", exponent, bound::fraction);
    field("beta", beta, bound::positive);
    field("iterations", iterations, bound::at_least_one);
  }
  template <number_format Format>
  grid_for<Format> fit(std::span<const float> weights) const {
    static_assert(asymmetric_format<Format>, "zolt: half-quadratic quantization fits zero points, so its format must be unsigned (uint4)");
    const affine nearest = absmax{}.fit<Format>(weights);
    affine best = nearest;
    double least = detail::quantization_error<Format>(best, weights, exponent);
    const auto [lowest, highest] = std::minmax_element(weights.begin(), weights.end());
    constexpr double greatest = Format::value_of(Format::highest), smallest_scale = 1 / 2e4;
    const auto scale = static_cast<float>(std::max((double{*highest} - double{*lowest}) / greatest, smallest_scale));
    for (affine grid : {affine{scale, static_cast<float>(-double{*lowest} / scale)}, nearest})
      for (int i = 0; i <= iterations; ++i) {
        // Beyond 2²² a float has no fractions to choose from (weights that are almost alike, far from 0).
        if (!(std::fabs(grid.zero) < 0x1p22f)) break;
        const double error = detail::quantization_error<Format>(grid, weights, exponent);
        if (error < least) least = error, best = grid;
        const float before = std::exchange(grid.zero, next_zero<Format>(grid, weights));
        if (grid.zero == before) break;
      }
    return best;
  }

 private:
  template <number_format Format>
  float next_zero(const affine& grid, std::span<const float> weights) const {
    double sum = 0;
    for (const float w : weights) {
      const float value = Format::value_of(encode_weight<Format>(grid, w, nearest_even{}).ordinal);
      const double d = double{w} - double{grid(value)};
      // The power is infinite at 0, where nothing is left to shrink.
      const double shrunk = d == 0 ? 0 : std::copysign(std::max(std::fabs(d) - std::pow(std::fabs(d), exponent - 1) / beta, 0.0), d);
      sum += double{value} - (double{w} - shrunk) / double{grid.scale};
    }
    return static_cast<float>(sum / static_cast<double>(weights.size()));
  }
};

/// A quantizer of zero points by half_quadratic: hqq<uint4, per_group<64>>{}("layer", weights).
template <number_format Format, granularity Granularity = per_group<64>, class Scales = affine_scales>
using hqq = quantizer<Format, Granularity, half_quadratic, nearest_even, Scales>;

}  // namespace zolt::inline v0
