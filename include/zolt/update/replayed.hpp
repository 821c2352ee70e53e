#pragma once

#include <cstdint>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/update/rule.hpp"

namespace zolt::inline v0 {

/// A rule whose moments are never kept: at every step they are made again, from zero, of the estimates of the last `window` steps and this
/// one, which a key and a scalar each stand for.
///
///   s ← 0;  for τ = t − window … t:   ĝ_τ regenerated,   (s, Δ) ← rule(s, ĝ_τ) at the rate of τ, as step τ − (t − window) of a run;
///   the last Δ is made
///
/// Up to step `window`, from 0, it is the rule with its moments kept, bit for bit. From then on it is that rule started anew `window` steps
/// ago, corrections of a start from zero included. What is missing of an average with decay β has weight β^(window + 1) in it.
///
/// Units    as the rule; window: steps.
/// Cost     no state per weight; window + 1 directions and applications of the rule per query, weight and step; the terms of `window` steps
///          per model. All weights are visited, whatever the law.
/// Source   MeZO (arXiv 2305.17333) appendix, with all steps; AdaMeZO (arXiv 2605.00650), with the last ones.
/// Differs  a law that reads inputs (a mask that moves) regenerates past estimates with those of now. A step that left a parameter alone
///          counts as an estimate of 0 there, where moments that are kept do not notice it.
template <elementwise_rule Rule>
  requires(moments_of<Rule>() > 0)
struct replayed {
  static constexpr std::string_view prefix = "replayed ", rule_name = policy_name<Rule>();
  static constexpr std::string_view name = detail::joined<prefix, rule_name>::value;
  Rule rule = {};
  std::uint32_t window = 16;

  template <class Field>
  void fields(Field&& field) const {
    if constexpr (policy_with_fields<Rule>) rule.fields(field);
    field("window", window, bound::at_least_one);
  }
  friend bool operator==(const replayed&, const replayed&) = default;
};

}  // namespace zolt::inline v0
