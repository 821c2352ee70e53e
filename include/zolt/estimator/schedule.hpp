#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"

namespace zolt::inline v0 {

/// A rate schedule: the factor of the update rule's rate at a step, counted from 0. Recorded per step, so that replay asks it nothing.
template <class S>
concept rate_schedule = std::copyable<S> && requires(const S& s, std::uint64_t step) {
  { s.factor(step) } -> std::same_as<double>;
};

struct constant {
  static constexpr std::string_view name = "constant";
  double factor(std::uint64_t) const { return 1; }
  friend bool operator==(const constant&, const constant&) = default;
};

/// Falls in a straight line from 1 to `last` over `steps` steps and stays there.
///
/// Units    a pure number; steps of the optimizer.
/// Source   the decay of MeZO's and most fine-tuning scripts.
struct linear_decay {
  static constexpr std::string_view name = "linear_decay";
  std::uint64_t steps = 1;
  double last = 0.02;

  template <class Field>
  void fields(Field&& field) const {
    field("steps", static_cast<double>(steps), bound::at_least_one);
    field("last", last, bound::fraction);
  }
  double factor(std::uint64_t step) const {
    const double done = std::min(1.0, static_cast<double>(step) / static_cast<double>(steps));
    return 1 - exact::product(done, 1 - last);
  }
  friend bool operator==(const linear_decay&, const linear_decay&) = default;
};

/// Falls along half a cosine from 1 to `last` over `steps` steps and stays there.
///
/// Units    a pure number; steps of the optimizer.
/// Source   Loshchilov & Hutter 2017 eq. 5 without restarts.
struct cosine_decay {
  static constexpr std::string_view name = "cosine_decay";
  std::uint64_t steps = 1;
  double last = 0.02;

  template <class Field>
  void fields(Field&& field) const {
    field("steps", static_cast<double>(steps), bound::at_least_one);
    field("last", last, bound::fraction);
  }
  double factor(std::uint64_t step) const {
    const double done = std::min(1.0, static_cast<double>(step) / static_cast<double>(steps));
    return last + exact::product(1 - last, (1 + std::cos(std::numbers::pi * done)) / 2);
  }
  friend bool operator==(const cosine_decay&, const cosine_decay&) = default;
};

}  // namespace zolt::inline v0
