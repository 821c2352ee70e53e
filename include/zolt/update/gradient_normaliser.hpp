#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// Which elements of a gradient share a root mean square.
enum class rms_pooling : std::uint8_t { none, matrix, rows_and_columns };

/// Divides an outer estimate by its running root mean square before the update rule, so that a rate is a step length: about η units RMS per
/// weight and step, in every matrix.
///
/// The noise that stochastic write-back adds is what decides how well a good gradient trains. A step of a units, |a| ≪ 1, moves a weight by
/// one code with probability |a|: variance ≈ E|a| for a drift of E a, so
///
///     noise per unit of drift = E|a| / |E a|,     whatever the rate is
///
/// A smaller rate with more steps does not help. What does: a k-bit residual (noise · 2⁻ᵏ), U batches per write (E|a| of a noisy gradient
/// falls as 1/√U), momentum, and a `power` above 1, which gives the clear components more of the step (1.3 and 1.5 times the drift per
/// noise for powers 2 and 3 of a small mean under Gaussian noise). tests/update/write_back_noise_test.cpp measures it.
///
/// What the compiler cannot check: nothing; the fields are read where the estimate is formed.
template <class N>
concept gradient_normaliser = std::copyable<N> && requires(const N& n) {
  { N::pooling } -> std::convertible_to<rms_pooling>;
  { n.decay } -> std::convertible_to<double>;
  { n.floor } -> std::convertible_to<double>;
  { n.limit } -> std::convertible_to<double>;
  { n.power } -> std::convertible_to<double>;
};

/// A running second moment, of rows and columns or of a whole matrix.
///
///   factored_rms   a_ik = clip(ĝ_ik / (√(v_i w_k / v̄) + √(floor · v̄)), limit),     v_i ← decay·v_i + (1 − decay)·mean_k ĝ_ik²,
///                  w_k likewise over rows,     v̄ = mean_i v_i
///   matrix_rms     a_ik = clip(ĝ_ik / (√v + √(floor · v)), limit),                 v ← decay·v + (1 − decay)·mean ĝ²
///   both           then sign(a)|a|^power
///
/// The moments that divide are those before this step, so that a gradient is formed once; the first step forms it twice. Until
/// 1/(1 − decay) steps the moments are plain means. A vector (a bias) has one moment.
///
/// Units    a: 1 RMS, to be multiplied by a rate in units.
/// Cost     rows + columns floats per matrix, or one; while a step goes on, one double per row and one more float row per 64 rows.
/// Source   Adafactor, Shazeer & Stern 2018 (arXiv 1804.04235) Algorithm 4; RMSProp with one moment per matrix.
/// Differs  moments of the steps before, a floor relative to their mean, a clip per element instead of per matrix.
template <rms_pooling Pooling>
struct gradient_rms {
  static constexpr std::string_view name = Pooling == rms_pooling::matrix ? "matrix_rms" : "factored_rms";
  static constexpr rms_pooling pooling = Pooling;
  double decay = 0.98;
  double floor = 1e-3;
  double limit = 5;
  double power = 1;

  template <class Field>
  void fields(Field&& field) const {
    field("decay", decay, bound::fraction_below_one);
    field("floor", floor, bound::non_negative);
    field("limit", limit, bound::positive);
    field("power", power, bound::at_least_one);
  }
  friend bool operator==(const gradient_rms&, const gradient_rms&) = default;
};
using factored_rms = gradient_rms<rms_pooling::rows_and_columns>;
using matrix_rms = gradient_rms<rms_pooling::matrix>;

/// The estimate as it is, loss per unit; nothing is clipped.
struct no_gradient_normalisation {
  static constexpr std::string_view name = "no_gradient_normalisation";
  static constexpr rms_pooling pooling = rms_pooling::none;
  static constexpr double decay = 0, floor = 0, limit = 0, power = 1;
  friend bool operator==(const no_gradient_normalisation&, const no_gradient_normalisation&) = default;
};

/// How many batches go into one update: their factors are kept and multiplied at once, so that no full-size gradient is stored.
///
/// Units    a rate is one of a write.
/// Cost     `count` times the inputs and signals of the trained layers.
struct batches_per_write {
  static constexpr std::string_view name = "batches_per_write";
  std::uint32_t count = 1;

  template <class Field>
  void fields(Field&& field) const {
    field("count", count, bound::at_least_one);
  }
  friend bool operator==(const batches_per_write&, const batches_per_write&) = default;
};

}  // namespace zolt::inline v0
