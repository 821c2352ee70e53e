#pragma once

#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/update/rule.hpp"

namespace zolt::inline v0 {

/// A rule whose moments are kept in a byte each, under one scale per tile of 2048 weights.
///
///   every step, tile by tile:   s ← scale · code,   (s, Δ) ← rule(s, ĝ),   code ← SR(s / scale′)
///   code: E4M3, or UE5M3 for moments that are never negative;   scale′: the least power of two under which the tile is in range
///
/// Rounding is stochastic, so that an average moves in the mean as it would in floats, by changes that are far below a code as well:
/// (1 − β₂)(ĝ² − v) is a thousandth of v. A scale that is a power of two moves no number from its grid: a moment that does not change stays.
/// A moment that is never negative is 0 if it is 0, and otherwise at least the smallest code, about 2⁻³³ of the tile's largest, so
/// that m/√v is no surprise where v is small. What is beyond ±2¹²⁷ is kept as that, NaN as 0.
///
/// Between codes 1/8 to 1/16 apart a change δ is rounded with variance |δ|·gap. In an average of noise that adds up to a deviation of
/// about 20 % of v, which is 10 % of a step, and to a fifth of the variance of m with β₁ = 0.9.
///
/// Units    as the rule.
/// Cost     per moment and weight 1 + 4/2048 bytes (4 bytes per tile, the last of a tensor perhaps shorter) and a random word per step.
/// Source   blocks with scales of their own: 8-bit optimizers (Dettmers et al. 2022, arXiv 2110.02861).
/// Differs  minifloats rounded stochastically, for a table of 256 numbers rounded to nearest. The largest of noisy averages, as in amsgrad,
///          is too large, and its steps are too short.
template <elementwise_rule Rule>
  requires(moments_of<Rule>() > 0)
struct byte_moments {
  static constexpr bool says_signs = requires { Rule::non_negative[Rule::moments - 1]; };
  static_assert(says_signs,
                "zolt: moments in bytes need a rule that says which of them are never negative: static constexpr bool "
                "non_negative[moments]");
  static constexpr std::string_view suffix = " in bytes", rule_name = policy_name<Rule>();
  static constexpr std::string_view name = detail::joined<rule_name, suffix>::value;
  static constexpr int bits_per_moment = 8;
  Rule rule = {};

  template <class Field>
  void fields(Field&& field) const {
    if constexpr (policy_with_fields<Rule>) rule.fields(field);
  }
  friend bool operator==(const byte_moments&, const byte_moments&) = default;
};

}  // namespace zolt::inline v0
