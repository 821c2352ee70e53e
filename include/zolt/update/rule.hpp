#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "zolt/kernel/update.hpp"

namespace zolt::inline v0 {

/// An update that is linear in each term and keeps no state: Δ = Σ_q step_for(c_q) · amplitude · z_q, in units. Its steps are folded into
/// one coefficient per term and parameter, and a sparse law then touches its non-zeros alone.
///
/// What the compiler cannot check: step_for is a pure function.
template <class U>
concept linear_rule = std::copyable<U> && requires(const U& u, double rate, double coefficient) {
  { u.rate } -> std::convertible_to<double>;
  { u.step_for(rate, coefficient) } -> std::same_as<double>;
};

/// The state of a tile of weights: `Moments` floats per weight.
template <std::size_t Moments>
using moment_tile = std::array<std::span<float>, Moments>;

/// An update that is a map per weight, with `moments` floats of state per weight, zero at first.
///
///   apply(step, gradient, moments, delta):  Δ_j = f(ĝ_j, state_j), everything in units
///
/// `static constexpr bool non_negative[moments]` says which moments are never below 0, for storage that makes use of it.
///
/// What the compiler cannot check: element j of the result depends on element j of the arguments alone; every product that is added to
/// something goes through exact::product, so that a replay has the same bits everywhere.
template <class U>
concept elementwise_rule = std::copyable<U> && requires(const U& u, double rate, std::uint64_t step, std::span<const float> gradient,
                                                        moment_tile<U::moments> moments, std::span<float> delta) {
  { u.rate } -> std::convertible_to<double>;
  u.apply(u.at(rate, step), gradient, moments, delta);
};

/// An elementwise rule whose apply is kernel::apply_rule of its step, so that other kernels may be asked for the same changes. It says so of
/// itself by name: a rule that is derived from it may have another apply.
template <class U>
concept kernel_rule = elementwise_rule<U> && !linear_rule<U> && std::same_as<typename U::applied_by_kernel, U>;

/// What has an elementwise rule as its member `rule` and says where the moments of that are, without being one itself.
template <class U>
concept wrapped_rule = std::copyable<U> && !elementwise_rule<U> && !linear_rule<U> && requires(const U& u) {
  requires elementwise_rule<std::remove_cvref_t<decltype(u.rule)>>;
};

/// A rule whose moments are made again from the last `window` steps: see replayed.
template <class U>
concept replaying_rule = wrapped_rule<U> && requires(const U& u) {
  { u.window } -> std::convertible_to<std::size_t>;
};

/// A rule whose moments are kept in few bits: see byte_moments.
template <class U>
concept compact_rule = wrapped_rule<U> && requires {
  { U::bits_per_moment } -> std::convertible_to<int>;
};

template <class U>
concept update_rule = linear_rule<U> || elementwise_rule<U> || replaying_rule<U> || compact_rule<U>;

/// The rule that has the rate and, if it is elementwise, maps gradients to changes: the one that is wrapped, or the rule itself.
template <class U>
constexpr const auto& inner_rule(const U& rule) {
  if constexpr (wrapped_rule<U>)
    return rule.rule;
  else
    return rule;
}
template <class U>
using inner_rule_t = std::remove_cvref_t<decltype(inner_rule(std::declval<const U&>()))>;

/// Floats per weight that the optimizer keeps for a rule.
template <class U>
constexpr std::size_t moments_of() {
  if constexpr (elementwise_rule<U>)
    return U::moments;
  else
    return 0;
}

}  // namespace zolt::inline v0
