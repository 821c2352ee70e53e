#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "zolt/direction/law.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0 {

/// Gaussian integers g scaled to one length per block of tile_size weights (or fewer at the end of a tensor); n weights in the block:
///
///   z_j = sign(g_j)·⌊(|g_j|·s + 2¹⁵)/2¹⁶⌋,   s = ⌊2¹⁶·rms·√(n/Σ g²) + ½⌋,   at most 2¹² − 1
///
/// A block of zeros, as short ones may be, takes ±rms by the highest bits of its words instead: where g is 0 they are fair signs still.
/// Integers but for one quotient and its root, which every machine rounds alike.
struct spherical_law {
  static constexpr int bits = 12;
  static constexpr bool whole_units = false;
  static constexpr std::int32_t rms = 512;

  double density() const { return 1; }
  double spread() const { return 1; }
  double amplitude() const { return 1.0 / rms; }
  std::uint32_t record() const { return 0; }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    const random_stream source(key, info.id, stream::direction);
    alignas(64) std::int16_t block[tile_size];
    for (std::size_t done = 0; done < z.size();) {
      const std::uint64_t begin = (first + done) / tile_size * tile_size;
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(tile_size, info.shape.size() - begin));
      const auto skipped = static_cast<std::size_t>(first + done - begin);
      make(source, begin, std::span(block, size));
      const std::size_t count = std::min(size - skipped, z.size() - done);
      std::copy_n(block + skipped, count, z.data() + done);
      done += count;
    }
  }
  friend bool operator==(const spherical_law&, const spherical_law&) = default;

 private:
  /// A whole block.
  static void make(const random_stream& source, std::uint64_t begin, std::span<std::int16_t> z) {
    distribution::fill<distribution::gaussian>(source, begin, z);
    std::int32_t squares = 0;
    for (const std::int16_t g : z) squares += g * g;
    if (squares == 0) {
      for (std::size_t j = 0; j < z.size(); ++j) z[j] = static_cast<std::int16_t>(highest_bit(source, begin + j) ? -rms : rms);
      return;
    }
    const double length = static_cast<double>(z.size()) * (static_cast<double>(rms) * rms) * 0x1p32;
    const auto scale = static_cast<std::int32_t>(std::sqrt(length / squares) + 0.5);
    for (std::int16_t& x : z) {
      const std::int32_t g = x, magnitude = std::min((std::abs(g) * scale + (1 << 15)) >> 16, (1 << bits) - 1);
      x = static_cast<std::int16_t>(g < 0 ? -magnitude : magnitude);
    }
  }
  /// Of the half word that makes an element of the distribution.
  static bool highest_bit(const random_stream& source, std::uint64_t index) {
    return (source.word(index / 32 * lane_count + index % lane_count) >> (index % 32 < 16 ? 15 : 31) & 1) != 0;
  }
};

/// z uniform on a sphere: a random direction of one length, the same for all keys.
///
///   z_b = rms·√n · g/|g|,   g ~ N(0, I_n),   for every block b of n = 2048 weights, of what is left at the end of a tensor
///
/// By blocks, so that a weight is had without the rest of its tensor: a direction is uniform on a product of spheres, E z_i z_j = rms² δ_ij as on
/// one. Rounding to whole numbers changes the length of a block by less than one part in 1000; of 2048 weights by 6 in 100 000, RMS.
/// A tensor of one weight moves by ±radius exactly.
///
/// Units    radius ε is the RMS displacement of every block in units: the smoothing radius of the ball, as the sources have it, is ε·√n. Not
///          for coded storage: its displacements are no whole codes.
/// Cost     as gaussian, and a pass over a block of integers; a weight alone costs its block.
/// Source   Flaxman, Kalai, McMahan 2005 (arXiv cs/0408007): (n/δ)·E f(x + δu)·u is the gradient of f smoothed over the ball;
///          Duchi et al. 2015 (arXiv 1312.2139) uses two points.
/// Differs  blocks, and the Gaussian integers of `gaussian`: in a block of few weights directions are few as well.
struct spherical {
  static constexpr std::string_view name = "spherical";
  spherical_law law_at(double, std::uint32_t) const { return {}; }
  spherical_law law_of(std::uint32_t) const { return {}; }
  friend bool operator==(const spherical&, const spherical&) = default;
};

}  // namespace zolt::inline v0
