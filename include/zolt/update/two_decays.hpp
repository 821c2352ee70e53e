#pragma once

#include "zolt/core/bound.hpp"

/// What rules with the fields rate, first_decay, second_decay and epsilon have in common.
namespace zolt::inline v0::detail {

template <class Rule, class Field>
void fields_of_two_decays(const Rule& rule, Field&& field) {
  field("rate", rule.rate, bound::positive);
  field("first_decay", rule.first_decay, bound::fraction_below_one);
  field("second_decay", rule.second_decay, bound::fraction_below_one);
  field("epsilon", rule.epsilon, bound::positive);
}

/// The numbers of a kernel's step in single precision.
template <class Step, class Rule>
Step step_of_two_decays(const Rule& rule, double rate, double epsilon) {
  const auto single = [](double x) { return static_cast<float>(x); };
  return {single(rate),   single(rule.first_decay), single(1 - rule.first_decay), single(rule.second_decay), single(1 - rule.second_decay),
          single(epsilon)};
}

}  // namespace zolt::inline v0::detail
