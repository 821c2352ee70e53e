#pragma once

#include <cmath>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/update/rule.hpp"
#include "zolt/update/two_decays.hpp"

namespace zolt::inline v0 {

/// Heavy-ball momentum without dampening.
///
///   m ← β m + ĝ,      Δ = −η m
///
/// Units    rate η: as sgd; a steady gradient moves 1/(1 − β) times as far.
/// Cost     4 bytes per weight; one pass over all weights per step.
/// Source   Polyak 1964; ZO-SGD-MMT of ZO-Bench (Zhang et al. 2024, arXiv 2402.11592).
struct momentum {
  static constexpr std::string_view name = "momentum";
  static constexpr std::size_t moments = 1;
  static constexpr bool non_negative[] = {false};
  double rate = 0.01;
  double decay = 0.9;

  template <class Field>
  void fields(Field&& field) const {
    field("rate", rate, bound::positive);
    field("decay", decay, bound::fraction_below_one);
  }

  kernel::momentum_step at(double step_rate, std::uint64_t) const { return {static_cast<float>(step_rate), static_cast<float>(decay)}; }
  void apply(const kernel::momentum_step& s, std::span<const float> gradient, moment_tile<1> state, std::span<float> delta) const {
    kernel::apply_rule(s, gradient, state, delta.data());
  }
  using applied_by_kernel = momentum;
  friend bool operator==(const momentum&, const momentum&) = default;
};

/// Adam on the zeroth-order estimate.
///
///   m ← β₁ m + (1 − β₁) ĝ,   v ← β₂ v + (1 − β₂) ĝ²,   Δ = −η · (m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)
///
/// Units    rate η: about the RMS step per weight, in units; ε: as ĝ.
/// Cost     8 bytes per weight; one pass over all weights per step. Its arithmetic is that of the end of §2 of the source, by which no weight
///          is corrected: Δ = −η r/(1 − β₁ᵗ) · m/(√v + r ε) with r = √(1 − β₂ᵗ).
/// Source   Kingma & Ba 2015 Algorithm 1; ZO-Adam of ZO-Bench (arXiv 2402.11592).
/// Differs  under one scalar per step v carries no per-weight information (see running_rms); here for comparison and for many queries.
struct adam {
  static constexpr std::string_view name = "adam";
  static constexpr std::size_t moments = 2;
  static constexpr bool non_negative[] = {false, true};
  double rate = 0.01;
  double first_decay = 0.9;
  double second_decay = 0.999;
  double epsilon = 1e-8;

  template <class Field>
  void fields(Field&& field) const {
    detail::fields_of_two_decays(*this, field);
  }

  kernel::adam_step at(double step_rate, std::uint64_t completed) const {
    const double first = 1 - exact::opaque(exact::power(first_decay, completed + 1));
    const double root = std::sqrt(1 - exact::opaque(exact::power(second_decay, completed + 1)));
    return detail::step_of_two_decays<kernel::adam_step>(*this, step_rate * root / first, epsilon * root);
  }
  void apply(const kernel::adam_step& s, std::span<const float> gradient, moment_tile<2> state, std::span<float> delta) const {
    kernel::apply_rule(s, gradient, state, delta.data());
  }
  using applied_by_kernel = adam;
  friend bool operator==(const adam&, const adam&) = default;
};

}  // namespace zolt::inline v0
