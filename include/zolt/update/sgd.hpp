#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/update/rule.hpp"

namespace zolt::inline v0 {

/// Zeroth-order stochastic gradient descent.
///
///   Δ = −η ĝ
///
/// Units    rate η: units² per loss for plain coefficients; after running_rms the RMS step per weight, in units.
/// Cost     no state.
/// Source   Ghadimi & Lan 2013 eq. 3.1; Malladi et al. 2023 (arXiv 2305.17333) Algorithm 1.
struct sgd {
  static constexpr std::string_view name = "sgd";
  double rate = 0.01;

  template <class Field>
  void fields(Field&& field) const {
    field("rate", rate, bound::positive);
  }
  double step_for(double step_rate, double coefficient) const { return -step_rate * coefficient; }
  friend bool operator==(const sgd&, const sgd&) = default;
};

/// The sign of every component of the estimate.
///
///   Δ_j = −η sign(ĝ_j)
///
/// Units    rate η: step of every weight that the estimate touches, in units.
/// Cost     no state.
/// Source   Liu et al. 2019, signSGD via zeroth-order oracle, Algorithm 1.
struct sign_of_gradient {
  static constexpr std::string_view name = "sign_of_gradient";
  static constexpr std::size_t moments = 0;
  double rate = 0.01;

  template <class Field>
  void fields(Field&& field) const {
    field("rate", rate, bound::positive);
  }
  kernel::sign_step at(double step_rate, std::uint64_t) const { return {static_cast<float>(step_rate), 0}; }
  void apply(const kernel::sign_step& s, std::span<const float> gradient, moment_tile<0> state, std::span<float> delta) const {
    kernel::apply_rule(s, gradient, state, delta.data());
  }
  using applied_by_kernel = sign_of_gradient;
  friend bool operator==(const sign_of_gradient&, const sign_of_gradient&) = default;
};

}  // namespace zolt::inline v0
