#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/core/lanes.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/direction/weight_values.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0 {

/// What a cone leans on: a running mean of past estimates.
///
/// Units    loss per unit.
/// Source   ours.
struct cone_axis {
  weight_values mean;
  double squares = 0;  ///< Σ of the mean's squares, before this step
  double count = 0;    ///< of weights

  std::size_t bytes() const { return mean.bytes(); }
  friend bool operator==(const cone_axis&, const cone_axis&) = default;
};

/// z = round(across·g + along·m) for the library's integer Gaussian g and the mean m of the weight, 4 times as large as g is alone: the
/// rounding is 1/400 of a component's deviation. A component stops at ±4095, 35 deviations.
struct cone_law {
  static constexpr int bits = 12;
  static constexpr bool whole_units = false;
  static constexpr int magnification = 4, largest = (1 << bits) - 1;
  double across = magnification;
  double along = 0;  ///< per unit of m; 0 where there is no m yet
  const weight_values* mean = nullptr;

  double density() const { return 1; }
  double spread() const { return 1; }
  double amplitude() const { return 1 / (magnification * std::sqrt(distribution::gaussian::second_moment)); }
  std::uint32_t record() const { return 0; }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    distribution::fill<distribution::gaussian>(random_stream(key, info.id, stream::direction), first, z);
    const std::span<const float> m = along == 0 ? std::span<const float>() : mean->of(info.id);
    if (m.empty()) {
      for (std::int16_t& each : z) each = static_cast<std::int16_t>(magnification * each);
      return;
    }
    for (std::size_t j = 0; j < z.size(); ++j) {
      const double component = exact::product(across, static_cast<double>(z[j])) + exact::product(along, double{m[first + j]});
      z[j] = static_cast<std::int16_t>(std::clamp(std::floor(component + 0.5), -1.0 * largest, 1.0 * largest));
    }
  }
  friend bool operator==(const cone_law&, const cone_law&) = default;
};

/// Gaussian directions that lean toward the mean of past estimates: a cone around it.
///
///   z = cos θ·√d·m/‖m‖ + sin θ·u,   u ~ N(0, I);      m ← β m + (1 − β) Σ_q c_q z_q after the step,   m = 0 at first
///
/// E ‖z‖² = d as for u alone, over all parameters together. While m is 0, z = u. The mean of z is not 0: given m, the estimate is one of
/// (d cos²θ m̂ m̂ᵀ + sin²θ I)∇L, never uphill, and up to d cos²θ times as long where m̂ = m/‖m‖ is right. What it gains where gradients
/// last for many steps it cannot gain at the largest rate that a loss bears, since steps along m̂ are the longer ones.
///
/// Units    radius ε is the RMS displacement in units. cosine = cos θ and decay β are pure numbers. Not for coded storage: its
///          displacements are no whole codes.
/// Cost     4 bytes per weight; 16 random bits and a rounding per weight and traversal, and two traversals more per step, of which the one
///          that measures m runs in one lane.
/// Source   ConMeZO (Behric et al. 2025, arXiv 2511.02757), as its released code has it: θ = 1.35, β = 0.99 (0.95 on some tasks).
/// Differs  the cosine is given, because that of an angle may be rounded differently on another machine. β is the same in every step; the
///          code raises it from 0.1 in its first 2000. ‖m‖ is measured, where the code follows its expectation. m begins at 0 and not at a
///          random direction.
struct cone {
  static constexpr std::string_view name = "cone";
  double cosine = 0.219;
  double decay = 0.99;
  using inputs = cone_axis;

  template <class Field>
  void fields(Field&& field) const {
    field("cosine", cosine, bound::fraction_below_one);
    field("decay", decay, bound::fraction_below_one);
  }
  template <class Parameters>
  void refresh(inputs& in, const Parameters& parameters, const direction_key&) const {
    in.mean.make(parameters);
    in.squares = in.count = 0;
    in.mean.for_each([&in](float m) { in.squares += exact::product(double{m}, double{m}), ++in.count; });
  }
  cone_law law_at(double, std::uint32_t, const inputs& in) const { return law_of(0, in); }
  cone_law law_of(std::uint32_t, const inputs& in) const {
    if (!(in.squares > 0)) return {.mean = &in.mean};
    const double length = cone_law::magnification * std::sqrt(distribution::gaussian::second_moment);
    return {.across = cone_law::magnification * std::sqrt(1 - exact::product(cosine, cosine)),
            .along = cosine * length * std::sqrt(in.count / in.squares),
            .mean = &in.mean};
  }
  void absorb(inputs& in, const parameter_info& info, std::size_t first, std::size_t last, const absorbed_step<cone_law>& step) const {
    if (step.slopes.empty()) return;
    const std::span<float> mean = in.mean.of(info.id);
    alignas(64) std::int16_t z[tile_size];
    alignas(64) double estimate[tile_size];
    for (std::size_t tile = first; tile < last; tile += tile_size) {
      const std::size_t count = std::min(tile_size, last - tile);
      std::fill_n(estimate, count, 0.0);
      for (const directional& slope : step.slopes) {
        step.law.fill(slope.key, info, tile, std::span(z, count));
        const double length = slope.value * step.law.amplitude();
        for (std::size_t j = 0; j < count; ++j) estimate[j] += exact::product(length, static_cast<double>(z[j]));
      }
      for (std::size_t j = 0; j < count; ++j) {
        float& m = mean[tile + j];
        m = static_cast<float>(exact::product(decay, double{m}) + exact::product(1 - decay, estimate[j]));
      }
    }
  }
  friend bool operator==(const cone&, const cone&) = default;
};

}  // namespace zolt::inline v0
