#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0 {

/// How often a direction is rounded: once for probe and update, once with the bias divided out, or for each of them anew.
enum class roundings : std::uint8_t { one, one_corrected, two };

namespace detail {

/// How many of the 2¹⁶ half words make |u| of distribution::gaussian, for |u| = 0 … 124: four times the levels of a nibble.
inline constexpr std::array<std::uint32_t, 125> gaussian_counts = [] {
  constexpr int levels[] = {1, 4, 6, 8, 10, 15, 17, 31}, middle = 124;
  std::array<std::uint32_t, 2 * middle + 1> all{};
  all[middle] = 1;
  for (int nibble = 0; nibble < 4; ++nibble) {
    const auto before = all;
    all = {};
    for (int u = -93; u <= 93; ++u)  // of three levels at most
      for (const int level : levels)
        for (const int step : {level, -level})
          all[static_cast<std::size_t>(middle + u + step)] += before[static_cast<std::size_t>(middle + u)];
  }
  std::array<std::uint32_t, 125> counts{};
  for (int u = -middle; u <= middle; ++u) counts[static_cast<std::size_t>(u < 0 ? -u : u)] += all[static_cast<std::size_t>(middle + u)];
  return counts;
}();

/// √846, the deviation of distribution::gaussian.
inline constexpr double gaussian_deviation = 29.086079144497972;

}  // namespace detail

/// z = SR(u/(σ step)) for the library's integer Gaussian u, of deviation σ = √846. The grid is 1/steps_per_unit = 2²⁴/`reciprocal` of u's
/// own units, so position and fraction are the halves of one integer product:
///
///   p = |u|·reciprocal;   |z| = ⌊p/2²⁴⌋ + (word/2⁸ < p mod 2²⁴)
struct rounded_law {
  static constexpr int bits = 8;
  static constexpr bool whole_units = true;
  static constexpr int fraction_bits = 24;
  std::uint32_t reciprocal = 1u << fraction_bits;
  roundings times = roundings::two;
  bool updating = false;  ///< the law of the update, where it is another one

  /// The step in standard deviations of u, as it is after rounding to the integer `reciprocal`.
  double step() const { return 1 / (detail::gaussian_deviation * (reciprocal * 0x1p-24)); }
  double second_moment() const {
    std::uint64_t sum = 0;  // of 2⁴⁰·E z²; below 2⁵⁶
    for (std::uint64_t u = 0; u < detail::gaussian_counts.size(); ++u) {
      const std::uint64_t p = u * reciprocal, below = p >> fraction_bits, fraction = p & fraction_mask;
      sum += detail::gaussian_counts[u] * ((below * below << fraction_bits) + (2 * below + 1) * fraction);
    }
    return static_cast<double>(sum) * 0x1p-40;
  }
  /// κ = step²·E z² = 1 + step²·E f(1 − f) for the fraction f that is rounded.
  double kappa() const { return second_moment() * step() * step(); }

  double density() const {
    std::uint64_t sum = 0;
    for (std::uint64_t u = 0; u < detail::gaussian_counts.size(); ++u)
      sum += detail::gaussian_counts[u] * std::min<std::uint64_t>(u * reciprocal, fraction_mask + 1);
    return static_cast<double>(sum) * 0x1p-40;
  }
  double spread() const { return times == roundings::one_corrected ? std::sqrt(second_moment()) : 1 / step(); }
  double amplitude() const { return 1 / spread(); }
  std::uint32_t record() const { return 0; }
  rounded_law for_update() const { return {reciprocal, times, times == roundings::two}; }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    distribution::fill<distribution::gaussian>(random_stream(key, info.id, stream::direction), first, z);
    const random_stream source(key, info.id, updating ? stream::round_direction : stream::round_probe);
    alignas(64) std::uint32_t words[random_stream::group_size];
    for (std::size_t done = 0; done < z.size();) {
      const std::uint64_t at = first + done;
      const auto skipped = static_cast<std::size_t>(at % random_stream::group_size);
      const std::size_t count = std::min(random_stream::group_size - skipped, z.size() - done);
      source.group(at / random_stream::group_size, words);
      for (std::size_t j = 0; j < count; ++j) z[done + j] = rounded(z[done + j], words[skipped + j]);
      done += count;
    }
  }
  friend bool operator==(const rounded_law&, const rounded_law&) = default;

 private:
  static constexpr std::uint32_t fraction_mask = (1u << fraction_bits) - 1;

  std::int16_t rounded(int u, std::uint32_t word) const {
    const std::uint32_t p = static_cast<std::uint32_t>(u < 0 ? -u : u) * reciprocal;  // below 2³² for every step that law_at allows
    const auto size = static_cast<int>((p >> fraction_bits) + (word >> (32 - fraction_bits) < (p & fraction_mask)));
    return static_cast<std::int16_t>(u < 0 ? -size : size);
  }
};

/// Gaussian directions on a grid: each component is rounded stochastically to a whole number of steps, so that a probe is whole codes, or
/// floats of few bits.
///
///   z = SR₁(u/(σ step)) in the probes,   z' = SR₂(u/(σ step)) in the update,   E z z' = 1/step²,   E z² = κ/step²
///   κ = 1 + step²·E f(1 − f):   1.05 at step 8/15 (4 bits over ±4σ),  1.22 at 8/7,  2.14 at 8/3,  3.19 at 4,  about 0.8·step from there on
///
///   two             SR₂ has words of its own: unbiased, variance κ² times that of one_corrected
///   one             SR₂ = SR₁: κ times the gradient
///   one_corrected   SR₂ = SR₁ and the estimate divided by κ: unbiased, least variance; on steps above 4 the only one of use
///
/// Units    step: standard deviations of u. Radius ε moves a weight by ε·z whole units: on codes a probe of deviation s codes is step = 1/s
///          and radius 1; on floats the step of a b-bit grid over ±4σ is 8/(2^b − 1), and radius ε·step makes the deviation ε.
/// Cost     16 + 32 random bits per weight and traversal; every weight is visited, however large the step.
/// Source   QuZO (arXiv 2502.12346), its estimators Q-RGE1 and Q-RGE2; κ follows from E SR(x)² = x² + f(1 − f).
/// Differs  the grid is the same for every tensor and has no ends: a range taken from each draw needs two passes, and a clip is biased. For
///          `step` outside 0.02 … 4096 the nearer end is taken. It is rounded to an integer reciprocal (relative 2⁻²⁰·step), which every
///          constant here takes into account. Probabilities have 24 bits.
struct rounded {
  static constexpr std::string_view name = "rounded";
  double step = 8.0 / 15;
  roundings times = roundings::two;

  template <class Field>
  void fields(Field&& field) const {
    field("step", step, bound::positive);
    field("times", static_cast<double>(times), bound::non_negative);
  }
  rounded_law law_at(double, std::uint32_t) const { return law_of(0); }
  rounded_law law_of(std::uint32_t) const {
    const double grid = exact::product(detail::gaussian_deviation, std::clamp(step, 0.02, 4096.0));
    return {static_cast<std::uint32_t>(0x1p24 / grid + 0.5), times, false};
  }
  friend bool operator==(const rounded&, const rounded&) = default;
};

}  // namespace zolt::inline v0
