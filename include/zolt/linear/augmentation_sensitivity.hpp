#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "zolt/core/error.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

/// How far a channel is from letting an augmentation pass: whether augmenting its map does what augmenting the input would have done.
///
///   s_c = 1 − mean over examples x of cos(f_c(A(x)), A(f_c(x)))
///
/// Two maps of zeros are alike; a map of zeros is unlike any other.
///
/// Units    none: 0 where they agree, up to 2.
/// Shapes   of_augmented: f(A(x)), augmented: A(f(x)); both examples × (channels · positions), a channel's positions side by side.
/// Cost     one pass over both.
/// Errors   two shapes, no example, or channels that do not divide the columns.
/// Source   similarity-aware channel augmentation: arXiv 2508.15033, read in its abstract; the measure is inferred from it.
inline std::vector<double> augmentation_sensitivity(tensor_view<const float> of_augmented, tensor_view<const float> augmented,
                                                    std::size_t channels) {
  if (augmented.shape() != of_augmented.shape())
    fail("augmentation_sensitivity", "shape of augmented", augmented.shape().text(), "be " + of_augmented.shape().text());
  if (augmented.size() == 0) fail("augmentation_sensitivity", "shape", augmented.shape().text(), "have at least one element");
  if (channels == 0 || augmented.columns() % channels != 0)
    fail("augmentation_sensitivity", "channels", channels, "divide " + to_text(augmented.columns()) + ", the columns");
  const std::size_t positions = augmented.columns() / channels;
  std::vector<double> sensitivity(channels);
  for (std::size_t row = 0; row < augmented.rows(); ++row)
    for (std::size_t c = 0; c < channels; ++c) {
      const float *a = of_augmented.row(row).data() + c * positions, *b = augmented.row(row).data() + c * positions;
      double ab = 0, aa = 0, bb = 0;
      for (std::size_t i = 0; i < positions; ++i) {
        ab += double{a[i]} * b[i];
        aa += double{a[i]} * a[i];
        bb += double{b[i]} * b[i];
      }
      sensitivity[c] += aa == 0 && bb == 0 ? 0 : aa == 0 || bb == 0 ? 1 : 1 - ab / (std::sqrt(aa) * std::sqrt(bb));
    }
  for (double& s : sensitivity) s /= static_cast<double>(augmented.rows());
  return sensitivity;
}

/// The channels to keep in variants of their own, ascending: the part of them that is most sensitive, the first of equals. The others are
/// augmented on their maps.
///
/// Units    part: 0 to 1 of the channels, rounded.
/// Cost     a sort.
/// Errors   a part outside.
/// Source   as augmentation_sensitivity.
inline std::vector<std::size_t> most_sensitive_channels(std::span<const double> sensitivity, double part) {
  if (!(part >= 0 && part <= 1)) fail("most_sensitive_channels", "part", part, "be at least 0 and at most 1");
  std::vector<std::size_t> channels(sensitivity.size());
  std::iota(channels.begin(), channels.end(), std::size_t{0});
  std::stable_sort(channels.begin(), channels.end(), [&](std::size_t a, std::size_t b) { return sensitivity[a] > sensitivity[b]; });
  channels.resize(static_cast<std::size_t>(std::lround(part * static_cast<double>(channels.size()))));
  std::sort(channels.begin(), channels.end());
  return channels;
}

}  // namespace zolt::inline v0
