#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "zolt/core/bound.hpp"
#include "zolt/core/error.hpp"
#include "zolt/core/executor.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/estimator/coefficient.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/estimator/schedule.hpp"
#include "zolt/update/gradient_normaliser.hpp"
#include "zolt/update/replayed_residual.hpp"
#include "zolt/update/sgd.hpp"
#include "zolt/update/write_back.hpp"

namespace zolt::inline v0 {

/// What is no policy: how the optimizer runs.
struct options {
  std::uint64_t run = 0;              ///< the seed of every random stream; 0 is a seed like any other
  std::size_t threads = 1;            ///< lanes of passes over weights, which no result depends on; 1: OpenMP's number, if compiled in
  bool concurrent_probes = false;     ///< evaluate a one-probe loss on all threads at once; the loss must be safe to call so
  bool record = true;                 ///< keep the trajectory
  std::size_t reserved_steps = 4096;  ///< steps of trajectory to reserve memory for; more are kept and counted as growth
  bool record_codes = false;          ///< keep the code-delta log of an estimator that reads layers
  friend bool operator==(const options&, const options&) = default;
};

template <class T>
concept normaliser = coefficient_transform<T> && T::phase == coefficient_phase::normalise;
template <class T>
concept coefficient_clip = coefficient_transform<T> && T::phase == coefficient_phase::clip;

/// Who runs the lanes is no policy either, but stands in the same list: an executor that can be copied, as an executor_reference to any can.
template <class T>
concept given_executor = executor<T> && std::copy_constructible<T>;

template <class T>
concept policy = estimator<T> || update_rule<T> || direction_law<T> || write_back<T> || rate_schedule<T> || coefficient_transform<T> ||
    layer_estimator<T> || gradient_normaliser<T> || std::same_as<T, batches_per_write> || std::same_as<T, options> || given_executor<T>;

/// Policies that belong together, made by `policies(...)`: given to an optimizer, each takes its slot.
template <class... Policies>
struct policy_bundle {
  std::tuple<Policies...> all;
};
template <class... Policies>
policy_bundle<Policies...> policies(const Policies&... given) {
  return {{given...}};
}

namespace detail {

template <class T>
inline constexpr bool is_bundle = false;
template <class... Policies>
inline constexpr bool is_bundle<policy_bundle<Policies...>> = true;

}  // namespace detail

/// A composition under a name: its policies() are taken for it. Every method of zolt::method is one, and so may be your own.
template <class M>
concept method_of_policies = requires(const M& m) {
  requires detail::is_bundle<decltype(m.policies())>;
};

/// Two compositions under one name: policies() for the body of a network, which is seen by its loss alone, and head() for its last layers.
template <class M>
concept method_with_head = method_of_policies<M> && requires(const M& m) {
  requires detail::is_bundle<decltype(m.head())>;
};

namespace detail {

/// Everything that was given as one flat tuple of policies.
template <class T>
auto flat_one(const T& given) {
  static_assert(given_executor<T> || !executor<T>,
                "zolt: an executor that cannot be copied is given as zolt::executor_reference{&executor}");
  const auto flatten = [](const auto&... each) { return std::tuple_cat(flat_one(each)...); };
  if constexpr (executor<T> && !given_executor<T>)
    return std::tuple<>();
  else if constexpr (is_bundle<T>)
    return std::apply(flatten, given.all);
  else if constexpr (method_of_policies<T>)
    return std::apply(flatten, given.policies().all);
  else
    return std::tuple<T>(given);
}
template <class... T>
auto flat(const T&... given) {
  return std::tuple_cat(flat_one(given)...);
}

template <class T>
struct is_estimator : std::bool_constant<estimator<T>> {};
template <class T>
struct is_update_rule : std::bool_constant<update_rule<T>> {};
template <class T>
struct is_direction_law : std::bool_constant<direction_law<T>> {};
template <class T>
struct is_write_back : std::bool_constant<write_back<T>> {};
template <class T>
struct is_rate_schedule : std::bool_constant<rate_schedule<T>> {};
template <class T>
struct is_normaliser : std::bool_constant<normaliser<T>> {};
template <class T>
struct is_clip : std::bool_constant<coefficient_clip<T>> {};
template <class T>
struct is_layer_estimator : std::bool_constant<layer_estimator<T>> {};
template <class T>
struct is_gradient_normaliser : std::bool_constant<gradient_normaliser<T>> {};
template <class T>
struct is_batches_per_write : std::is_same<T, batches_per_write> {};
template <class T>
struct is_options : std::is_same<T, options> {};
template <class T>
struct is_executor : std::bool_constant<given_executor<T>> {};

template <template <class> class Is, class... T>
inline constexpr std::size_t count_of = (std::size_t{0} + ... + std::size_t{Is<T>::value});

/// The policy of a slot, wherever it stands in the list; the default if nobody gave one.
template <template <class> class Is, class Default, class... T>
struct slot {
  using type = Default;
};
template <template <class> class Is, class Default, class Head, class... T>
struct slot<Is, Default, Head, T...> {
  using type = typename std::conditional_t<Is<Head>::value, std::type_identity<Head>, slot<Is, Default, T...>>::type;
};
template <template <class> class Is, class Default, class... T>
using slot_t = typename slot<Is, Default, T...>::type;

/// A type that was meant for a slot, by its most telling member, and misses the slot's concept.
template <class T>
concept nearly_estimator = !estimator<T> && requires(const T& t) {
  t.radius;
};
template <class T>
concept nearly_update_rule = !update_rule<T> && requires(const T& t) {
  t.rate;
};
template <class T>
concept nearly_direction_law = !direction_law<T> && requires {
  &T::law_at;
};
template <class T>
concept nearly_write_back = !write_back<T> && requires {
  T::residual_bits;
};
template <class T>
concept nearly_rate_schedule = !rate_schedule<T> && requires {
  &T::factor;
};
template <class T>
concept nearly_coefficient_transform = !coefficient_transform<T> && requires {
  T::phase;
};
template <class T>
concept nearly_layer_estimator = !layer_estimator<T> && !estimator<T> && requires {
  typename T::state;
};
template <class T>
concept nearly_policy = nearly_layer_estimator<T> || nearly_estimator<T> || nearly_update_rule<T> || nearly_direction_law<T> ||
    nearly_write_back<T> || nearly_rate_schedule<T> || nearly_coefficient_transform<T>;

template <class Wanted, class T>
void take_if_wanted(Wanted& result, const T& given) {
  if constexpr (std::same_as<T, Wanted>) result = given;
}
template <class Wanted, class... T>
Wanted pick(const T&... given) {
  Wanted result{};
  (take_if_wanted(result, given), ...);
  return result;
}
template <class Wanted, class... T>
Wanted pick_from(const std::tuple<T...>& given) {
  return std::apply([](const T&... each) { return pick<Wanted>(each...); }, given);
}

}  // namespace detail

/// Every policy of an optimizer, each in its slot. The same type for the same policies, in whatever order they were given.
template <estimator Estimator, update_rule Rule, direction_law Direction, write_back WriteBack, rate_schedule Schedule,
          normaliser Normaliser, coefficient_clip Clip>
struct composition {
  using law = law_t<Direction>;
  using write_back_type = WriteBack;

  Estimator estimator;
  Rule rule;
  Direction direction;
  WriteBack write_back;
  Schedule schedule;
  Normaliser normalise;
  Clip clip;

  /// f(policy) for each of them.
  template <class Function>
  void for_each(Function&& f) const {
    f(estimator), f(rule), f(direction), f(write_back), f(schedule), f(normalise), f(clip);
  }
};

/// The same for an estimator that reads layers: no direction over the weights, and a normaliser of gradients instead of coefficients.
template <layer_estimator Estimator, update_rule Rule, write_back WriteBack, rate_schedule Schedule, gradient_normaliser Normaliser>
struct layer_composition {
  using write_back_type = WriteBack;

  Estimator estimator;
  Rule rule;
  WriteBack write_back;
  Schedule schedule;
  Normaliser normalise;
  batches_per_write batches;

  /// f(policy) for each of them.
  template <class Function>
  void for_each(Function&& f) const {
    f(estimator), f(rule), f(write_back), f(schedule), f(normalise), f(batches);
  }
};

template <class C>
concept composition_of_layers = requires(const C& c) {
  { c.batches } -> std::convertible_to<batches_per_write>;
};

/// The composition that a list of policies makes. A slot that nobody fills has the default: step-matched sparse Rademacher probes, two-point,
/// normalised and clipped, ZO-SGD, stochastic write-back, a constant rate. It keeps no state per weight.
template <class... Policies>
using composition_of_flat =
    composition<detail::slot_t<detail::is_estimator, two_point, Policies...>, detail::slot_t<detail::is_update_rule, sgd, Policies...>,
                detail::slot_t<detail::is_direction_law, sparse_rademacher, Policies...>,
                detail::slot_t<detail::is_write_back, stochastic, Policies...>,
                detail::slot_t<detail::is_rate_schedule, constant, Policies...>,
                detail::slot_t<detail::is_normaliser, running_rms, Policies...>, detail::slot_t<detail::is_clip, clip, Policies...>>;

/// The same with an estimator that reads layers: ZO-SGD, factored normalisation, stochastic write-back, a constant rate, one batch per write.
template <class... Policies>
using layer_composition_of_flat = layer_composition<
    detail::slot_t<detail::is_layer_estimator, void, Policies...>, detail::slot_t<detail::is_update_rule, sgd, Policies...>,
    detail::slot_t<detail::is_write_back, stochastic, Policies...>, detail::slot_t<detail::is_rate_schedule, constant, Policies...>,
    detail::slot_t<detail::is_gradient_normaliser, factored_rms, Policies...>>;

namespace detail {
template <class Flat>
struct composed;
template <class... Policies>
struct composed<std::tuple<Policies...>> {
  using type = composition_of_flat<Policies...>;
};
template <class... Policies>
  requires(layer_estimator<Policies> || ...)
struct composed<std::tuple<Policies...>> {
  using type = layer_composition_of_flat<Policies...>;
};
}  // namespace detail

/// The same where some of the list are methods.
template <class... Given>
using composition_of = typename detail::composed<decltype(detail::flat(std::declval<const Given&>()...))>::type;

/// Whether a flat list can be composed; one sentence from the compiler if not.
template <class... Policies>
constexpr bool composable(std::type_identity<std::tuple<Policies...>>) {
  using namespace detail;
  static_assert(
      !(nearly_estimator<Policies> || ...),
      "zolt: an estimator needs radius, queries, plan(key, scale, evaluations, probes) and estimate(evaluations, scale, terms) (see "
      "zolt::estimator)");
  static_assert(
      !(nearly_update_rule<Policies> || ...),
      "zolt: an update rule needs rate, and either step_for(rate, coefficient) or moments, at(rate, step) and apply(at, gradient, "
      "moments, delta) (see zolt::update_rule)");
  static_assert(!(nearly_direction_law<Policies> || ...),
                "zolt: a direction law needs law_at(rate, queries) and law_of(record), which return one zolt::resolved_law (see "
                "zolt::direction_law)");
  static_assert(!(nearly_write_back<Policies> || ...),
                "zolt: a write-back needs residual_bits and a static round, which is a zolt::rounding (see zolt::write_back)");
  static_assert(!(nearly_rate_schedule<Policies> || ...), "zolt: a rate schedule needs double factor(step) (see zolt::rate_schedule)");
  static_assert(!(nearly_coefficient_transform<Policies> || ...),
                "zolt: a coefficient transform needs phase and apply(terms, statistics), which returns how many it cut (see "
                "zolt::coefficient_transform)");
  static_assert(!(nearly_layer_estimator<Policies> || ...),
                "zolt: an estimator that reads layers needs purity and signals(state, key, trace) (see zolt::layer_estimator)");
  static_assert(
      ((policy<Policies> || nearly_policy<Policies>)&&...),
      "zolt: every argument after the parameters must be a policy: an estimator, an update rule, a direction law, a write-back, a rate "
      "schedule, a coefficient transform, a gradient normaliser, zolt::batches_per_write, zolt::options, or an executor");
  constexpr bool layers = (layer_estimator<Policies> || ...);
  static_assert(!layers || !((direction_law<Policies> || coefficient_transform<Policies>) || ...),
                "zolt: an estimator that reads layers perturbs no weight: leave out the direction law and the coefficient transforms");
  static_assert(layers || !((gradient_normaliser<Policies> || std::same_as<Policies, batches_per_write>) || ...),
                "zolt: a gradient normaliser or batches_per_write belongs to an estimator that reads layers (see zolt::layer_estimator)");
  static_assert(!layers || !(replaying_write_back<Policies> || ...),
                "zolt: a write-back that replays past steps needs an estimator of loss scalars: outer estimates are not kept");
  static_assert(!layers || !(replaying_rule<Policies> || ...),
                "zolt: an update rule that replays past steps needs an estimator of loss scalars: outer estimates are not kept");
  static_assert(!layers || !(compact_rule<Policies> || ...),
                "zolt: moments in bytes need an estimator of loss scalars: outer estimates do not come by tiles");
  static_assert(count_of<is_estimator, Policies...> + count_of<is_layer_estimator, Policies...> <= 1, "zolt: the estimator is given twice");
  static_assert(count_of<is_gradient_normaliser, Policies...> <= 1, "zolt: the normaliser is given twice");
  static_assert(count_of<is_batches_per_write, Policies...> <= 1, "zolt: batches_per_write is given twice");
  static_assert(count_of<is_update_rule, Policies...> <= 1, "zolt: the update rule is given twice");
  static_assert(count_of<is_direction_law, Policies...> <= 1, "zolt: the direction law is given twice");
  static_assert(count_of<is_write_back, Policies...> <= 1, "zolt: the write-back is given twice");
  static_assert(count_of<is_rate_schedule, Policies...> <= 1, "zolt: the rate schedule is given twice");
  static_assert(count_of<is_normaliser, Policies...> <= 1, "zolt: the normaliser is given twice");
  static_assert(count_of<is_clip, Policies...> <= 1, "zolt: the clip is given twice");
  static_assert(count_of<is_options, Policies...> <= 1, "zolt: the options are given twice");
  static_assert(count_of<is_executor, Policies...> <= 1, "zolt: the executor is given twice");
  return true;
}

template <class... Given>
composition_of<Given...> compose(const Given&... given) {
  using result = composition_of<Given...>;
  return std::apply(
      [](const auto&... each) {
        if constexpr (composition_of_layers<result>)
          return result{detail::pick<decltype(result::estimator)>(each...),  detail::pick<decltype(result::rule)>(each...),
                        detail::pick<decltype(result::write_back)>(each...), detail::pick<decltype(result::schedule)>(each...),
                        detail::pick<decltype(result::normalise)>(each...),  detail::pick<batches_per_write>(each...)};
        else
          return result{detail::pick<decltype(result::estimator)>(each...), detail::pick<decltype(result::rule)>(each...),
                        detail::pick<decltype(result::direction)>(each...), detail::pick<decltype(result::write_back)>(each...),
                        detail::pick<decltype(result::schedule)>(each...),  detail::pick<decltype(result::normalise)>(each...),
                        detail::pick<decltype(result::clip)>(each...)};
      },
      detail::flat(given...));
}

namespace detail {
template <class Default, class Flat>
struct chosen_executor;
template <class Default, class... Policies>
struct chosen_executor<Default, std::tuple<Policies...>> {
  using type = slot_t<is_executor, Default, Policies...>;
};

/// The executor of a flat list: the one that it holds, or a team with as many lanes as the options say.
template <class Executor, class... Policies>
Executor executor_from(const std::tuple<Policies...>& given) {
  const options o = pick_from<options>(given);
  if constexpr ((std::same_as<Executor, Policies> || ...)) {
    const Executor& chosen = std::get<Executor>(given);
    if (o.threads != options{}.threads) fail("options", "threads", o.threads, "be left out: the executor has its own number of lanes");
    if (chosen.size() == 0) fail("executor", "size", 0, text_of(bound::at_least_one));
    return chosen;
  } else {
    static_assert(count_of<is_executor, Policies...> == 0, "zolt: the executor given is not that of the optimizer's type");
    return o.threads == options{}.threads ? Executor() : Executor(o.threads);
  }
}
}  // namespace detail

/// The executor of what is given beside the parameters; the default if nobody gave one.
template <class... Given>
using executor_of = typename detail::chosen_executor<default_executor, decltype(detail::flat(std::declval<const Given&>()...))>::type;

}  // namespace zolt::inline v0
