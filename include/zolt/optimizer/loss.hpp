#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <ranges>
#include <type_traits>

#include "zolt/optimizer/probe_view.hpp"

namespace zolt::inline v0 {

/// What a loss may return for one probe: a number, or nothing where it cannot be evaluated.
template <class R>
concept one_loss = std::convertible_to<R, double> || std::same_as<std::remove_cvref_t<R>, std::optional<double>>;

/// One number per probe of the plan.
template <class R>
concept many_losses = !one_loss<R> && std::ranges::input_range<R> && one_loss<std::ranges::range_value_t<R>>;

/// Reads its own weights, which the optimizer has moved in place.
template <class F>
concept in_place_loss = std::invocable<F&> && one_loss<std::invoke_result_t<F&>>;

/// Reads weights through a view of one probe.
template <class F>
concept probe_loss = std::invocable<F&, const probe_view&> && one_loss<std::invoke_result_t<F&, const probe_view&>>;

/// Reads weights through a view of the whole plan and returns one loss per probe.
template <class F>
concept plan_loss = std::invocable<F&, const probe_view&> && many_losses<std::invoke_result_t<F&, const probe_view&>>;

template <class F>
concept loss_function = in_place_loss<F> || probe_loss<F> || plan_loss<F>;

/// The loss as a double; a declined one is NaN, which loses its query.
template <one_loss R>
double number_of(const R& loss) {
  if constexpr (std::same_as<std::remove_cvref_t<R>, std::optional<double>>)
    return loss.value_or(std::numeric_limits<double>::quiet_NaN());
  else
    return static_cast<double>(loss);
}

}  // namespace zolt::inline v0
