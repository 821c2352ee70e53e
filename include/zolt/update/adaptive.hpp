#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/update/rule.hpp"
#include "zolt/update/two_decays.hpp"

namespace zolt::inline v0 {

/// Adaptive moments with a second moment that never falls.
///
///   m ← β₁ m + (1 − β₁) ĝ,   v ← β₂ v + (1 − β₂) ĝ²,   v̂ ← max(v̂, v),   Δ = −η m/(√v̂ + ε)
///
/// Units    rate η: at most about the step of a weight, in units, and less after every peak of ĝ; ε: as ĝ.
/// Cost     12 bytes per weight; one pass over all weights per step.
/// Source   AMSGrad, Reddi et al. 2018 Algorithm 2; on zeroth-order estimates ZO-AdaMM, Chen et al. 2019 (arXiv 1910.06513) Algorithm 1.
/// Differs  ε, for a weight that no direction has touched; no set to project onto other than the bounds of a parameter.
struct amsgrad {
  static constexpr std::string_view name = "amsgrad";
  static constexpr std::size_t moments = 3;
  static constexpr bool non_negative[] = {false, true, true};
  double rate = 0.01;
  double first_decay = 0.9;
  double second_decay = 0.999;
  double epsilon = 1e-8;

  template <class Field>
  void fields(Field&& field) const {
    detail::fields_of_two_decays(*this, field);
  }

  kernel::amsgrad_step at(double step_rate, std::uint64_t) const {
    return detail::step_of_two_decays<kernel::amsgrad_step>(*this, step_rate, epsilon);
  }
  void apply(const kernel::amsgrad_step& s, std::span<const float> gradient, moment_tile<3> state, std::span<float> delta) const {
    kernel::apply_rule(s, gradient, state, delta.data());
  }
  using applied_by_kernel = amsgrad;
  friend bool operator==(const amsgrad&, const amsgrad&) = default;
};

/// Adam whose second moment is that of the first moment, from which most of an estimate's noise is gone.
///
///   m ← β₁ m + (1 − β₁) ĝ,   v ← β₂ v + (1 − β₂) m²,   Δ = −η m/√(v + ζ)
///
/// Units    rate η: about the step of a weight, in units, once v has come to rest; the first step is 1/√(1 − β₂) times as long, 32 times for
///          0.999, since nothing is corrected. ζ: as ĝ².
/// Cost     8 bytes per weight; one pass over all weights per step.
/// Source   R-AdaZO (Shu et al. 2025, arXiv 2502.01014), as secondary notes have it.
struct refined_adam {
  static constexpr std::string_view name = "refined_adam";
  static constexpr std::size_t moments = 2;
  static constexpr bool non_negative[] = {false, true};
  double rate = 0.01;
  double first_decay = 0.9;
  double second_decay = 0.99;
  double epsilon = 1e-8;

  template <class Field>
  void fields(Field&& field) const {
    detail::fields_of_two_decays(*this, field);
  }

  kernel::refined_adam_step at(double step_rate, std::uint64_t) const {
    return detail::step_of_two_decays<kernel::refined_adam_step>(*this, step_rate, epsilon);
  }
  void apply(const kernel::refined_adam_step& s, std::span<const float> gradient, moment_tile<2> state, std::span<float> delta) const {
    kernel::apply_rule(s, gradient, state, delta.data());
  }
  using applied_by_kernel = refined_adam;
  friend bool operator==(const refined_adam&, const refined_adam&) = default;
};

}  // namespace zolt::inline v0
