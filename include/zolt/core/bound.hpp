#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "zolt/core/error.hpp"
#include "zolt/core/exact.hpp"

namespace zolt::inline v0 {

/// What a field of a policy must be. A policy names its fields once, in `fields(field)`, and is checked, recorded and printed by that.
enum class bound { positive, non_negative, fraction, fraction_below_one, at_least_one };

constexpr std::string_view text_of(bound b) {
  switch (b) {
    case bound::positive: return "be positive and finite";
    case bound::non_negative: return "be finite and not negative";
    case bound::fraction: return "be above 0 and at most 1";
    case bound::fraction_below_one: return "be at least 0 and below 1";
    case bound::at_least_one: return "be at least 1 and finite";
  }
  return "";
}

/// Tested in single precision, in which most fields are used: a value that rounds to the bound breaks it.
constexpr bool holds(bound b, double given) {
  if (!exact::is_finite(given) || given > 3.4e38 || given < -3.4e38) return false;
  const float value = static_cast<float>(given);
  switch (b) {
    case bound::positive: return value > 0;
    case bound::non_negative: return value >= 0;
    case bound::fraction: return value > 0 && value <= 1;
    case bound::fraction_below_one: return value >= 0 && value < 1;
    case bound::at_least_one: return value >= 1;
  }
  return false;
}

namespace detail {
struct any_field_visitor {
  void operator()(std::string_view, double, bound) const {}
};
}  // namespace detail

template <class P>
concept policy_with_fields = requires(const P& p) {
  p.fields(detail::any_field_visitor{});
};

namespace detail {

/// Names of policies that are made of others: static strings one after another.
template <const std::string_view&... Parts>
struct joined {
  static constexpr auto text = [] {
    std::array<char, (std::size_t{0} + ... + Parts.size())> all{};
    std::size_t at = 0;
    for (const std::string_view part : {Parts...})
      for (const char letter : part) all[at++] = letter;
    return all;
  }();
  static constexpr std::string_view value{text.data(), text.size()};
};

}  // namespace detail

/// The name under which a policy appears in errors and trajectories.
template <class P>
constexpr std::string_view policy_name() {
  if constexpr (requires { std::string_view(P::name); })
    return P::name;
  else
    return "user policy";
}

/// Appends every field of a policy that breaks its bound.
template <class P>
void check_fields(const P& policy, std::vector<problem>& problems) {
  if constexpr (policy_with_fields<P>)
    policy.fields([&](std::string_view field, double value, bound b) {
      if (!holds(b, value))
        problems.push_back({std::string(policy_name<P>()), std::string(field), to_text(value), std::string(text_of(b))});
    });
}

/// Appends what a policy finds wrong about the parameters it is to work on, if it looks at them.
template <class P, class Parameters>
void check_against(const P& policy, const Parameters& parameters, std::vector<problem>& problems) {
  if constexpr (requires { policy.check(parameters, problems); }) policy.check(parameters, problems);
}

}  // namespace zolt::inline v0
