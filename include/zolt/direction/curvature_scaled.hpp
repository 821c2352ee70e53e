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

/// z = g·s for the library's integer Gaussian g and a level s of the weight, a whole number of 64ths of its scale σ = s/64:
///
///   s_j = round(64/√H_j), at least 1 and at most 256:   σ from 1/64 to 4, H from 4096 down to 1/16
///
/// Amplitude is that of H = 1, and so is spread: a weight is displaced by ε·σ_j.
struct curvature_scaled_law {
  static constexpr int bits = 15;  // 124·256 < 2¹⁵
  static constexpr bool whole_units = false;
  static constexpr int level_of_one = 64, highest_level = 256;
  const weight_values* excess = nullptr;  ///< H − 1

  double density() const { return 1; }
  double spread() const { return 1; }
  double amplitude() const { return 1 / (level_of_one * std::sqrt(distribution::gaussian::second_moment)); }
  std::uint32_t record() const { return 0; }

  static int level(float excess_of_one) {
    const double h = 1 + double{excess_of_one};
    if (!(h > 0x1p-4)) return highest_level;
    return std::max(1, static_cast<int>(level_of_one / std::sqrt(h) + 0.5));
  }
  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    distribution::fill<distribution::gaussian>(random_stream(key, info.id, stream::direction), first, z);
    const std::span<const float> learned = excess->of(info.id);
    if (learned.empty()) {
      for (std::int16_t& each : z) each = static_cast<std::int16_t>(each * level_of_one);
    } else {
      const float* const of_weight = learned.data() + first;
      for (std::size_t j = 0; j < z.size(); ++j) z[j] = static_cast<std::int16_t>(z[j] * level(of_weight[j]));
    }
  }
  friend bool operator==(const curvature_scaled_law&, const curvature_scaled_law&) = default;
};

/// Gaussian directions that are short where the loss is curved: N(0, diag H⁻¹), with H learned from second derivatives along them.
///
///   z_j = u_j σ_j,   σ_j ≈ 1/√H_j,   u ~ N(0, I);      H_j ← (1 − a) H_j + a Σ_q κ_q u_qj²/σ_j²
///
/// H is 1 at first, and absorbs a step before its update, which is made along u/√H of the new H. On a quadratic of curvatures h the mean of
/// κ u²/σ² is h + ½ (Σ h σ²)/σ²: the second part pulls every H toward itself, and where they come to rest H_j = ½(d + 2)·h_j for d weights.
/// With a ±1 direction every u² would be 1 and every H the same.
///
/// What is kept is H − 1, so that a small `a` is not lost in the rounding of 1 + a. H stays below 2¹⁰⁰; beyond 1/16 … 4096 σ is that of the
/// nearer end, where H goes on learning.
///
/// Units    radius ε is the RMS displacement where H is 1. `smoothing` a is a pure number, H loss per unit². Not for coded storage: its
///          displacements are no whole codes.
/// Cost     4 bytes per weight; 16 random bits, a division and a root per weight and traversal, and one traversal more per step.
/// Source   HiZOO (Zhao et al. 2025, arXiv 2402.15173): the diagonal of its Σ⁻¹, without the part that would make it unbiased, as there.
/// Differs  σ is rounded to 64ths (relative 2⁻⁷·√H at most) and clamped; κ u² is divided by the σ² that the probe had where the paper
///          multiplies it by H, which is the same but for that rounding and keeps H finite where σ is clamped. The released trainer for
///          large models averages 1/H with estimates of H.
struct curvature_scaled {
  static constexpr std::string_view name = "curvature_scaled";
  static constexpr bool absorbs_before_update = true, absorbs_curvatures = true;
  double smoothing = 1e-8;
  using inputs = weight_values;

  template <class Field>
  void fields(Field&& field) const {
    field("smoothing", smoothing, bound::fraction_below_one);
  }
  template <class Parameters>
  void refresh(inputs& in, const Parameters& parameters, const direction_key&) const {
    in.make(parameters);
  }
  curvature_scaled_law law_at(double, std::uint32_t, const inputs& in) const { return {&in}; }
  curvature_scaled_law law_of(std::uint32_t, const inputs& in) const { return {&in}; }

  void absorb(inputs& in, const parameter_info& info, std::size_t first, std::size_t last,
              const absorbed_step<curvature_scaled_law>& step) const {
    using law = curvature_scaled_law;
    if (step.curvatures.empty()) return;
    const std::span<float> excess = in.of(info.id);
    constexpr double unit = double{law::level_of_one} * law::level_of_one / distribution::gaussian::second_moment;
    alignas(64) std::int16_t g[tile_size];
    alignas(64) double observed[tile_size];  // Σ κ g²
    for (std::size_t tile = first; tile < last; tile += tile_size) {
      const std::size_t count = std::min(tile_size, last - tile);
      std::fill_n(observed, count, 0.0);
      for (const directional& c : step.curvatures) {
        distribution::fill<distribution::gaussian>(random_stream(c.key, info.id, stream::direction), tile, std::span(g, count));
        for (std::size_t j = 0; j < count; ++j) observed[j] += exact::product(c.value, static_cast<double>(g[j] * g[j]));
      }
      for (std::size_t j = 0; j < count; ++j) {
        float& x = excess[tile + j];
        const int s = law::level(x);
        const double new_excess = exact::product(unit, observed[j]) / (s * s) - 1;
        x = static_cast<float>(std::min(exact::product(1 - smoothing, double{x}) + exact::product(smoothing, new_excess), 0x1p100));
      }
    }
  }
  friend bool operator==(const curvature_scaled&, const curvature_scaled&) = default;
};

}  // namespace zolt::inline v0
