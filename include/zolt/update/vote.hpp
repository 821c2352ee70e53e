#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/update/rule.hpp"

namespace zolt::inline v0 {

/// One unit against the gradient where the queries agree on its sign, and nothing elsewhere: a test of significance per weight.
///
///   Δ_j = −sign(ĝ_j)·[|ĝ_j| ≥ t],      t = Φ⁻¹(1 − η/2)
///
/// With coefficients of mean square 1/Q that know nothing of weight j, ĝ_j is about normal with unit variance: the fraction η of such weights
/// moves by chance. Signs are the natural coefficients (sign_of_coefficient); scores and running_rms have that mean square too. Since
/// |ĝ_j| ≤ √Q for signs of dense ±1 directions, weights move at all only for more than t² queries. A law whose density follows the rate
/// takes η for a step: give it a fixed one.
///
/// Units    rate η: a fraction, its schedule included; at 1 every weight that the estimate touches moves. Δ: one unit (one code).
/// Cost     no state.
/// Source   the integer trainer of EGGROLL (arXiv 2511.16652); the quantile by Abramowitz & Stegun 26.2.23, 4.5·10⁻⁴ off at most.
/// Differs  t is rounded to 10 significant bits, so that no mathematical library shows in a weight.
struct vote {
  static constexpr std::string_view name = "vote";
  static constexpr std::size_t moments = 0;
  double rate = 0.05;

  template <class Field>
  void fields(Field&& field) const {
    field("rate", rate, bound::fraction);
  }
  /// The threshold for a fraction.
  kernel::sign_step at(double fraction, std::uint64_t) const {
    if (!(fraction > 0)) return {1, std::numeric_limits<float>::max()};
    if (fraction >= 1) return {1, 0};
    const auto polynomial = [](double x, double third, double second, double first, double zeroth) {
      const double upper = exact::product(x, third) + second, middle = exact::product(x, upper) + first;
      return exact::product(x, middle) + zeroth;
    };
    const double x = std::sqrt(-2 * std::log(fraction / 2));
    const double quantile = x - polynomial(x, 0, 0.010328, 0.802853, 2.515517) / polynomial(x, 0.001308, 0.189269, 1.432788, 1);
    return {1, static_cast<float>(exact::round_to_significant(quantile > 0 ? quantile : 0, 10))};
  }
  void apply(const kernel::sign_step& s, std::span<const float> gradient, moment_tile<0> state, std::span<float> delta) const {
    kernel::apply_rule(s, gradient, state, delta.data());
  }
  friend bool operator==(const vote&, const vote&) = default;
};

}  // namespace zolt::inline v0
