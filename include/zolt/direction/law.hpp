#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>

#include "zolt/kernel/direction.hpp"
#include "zolt/parameter/parameter.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// A law resolved for one step: a pure function from (key, parameter, index) to a small integer z.
///
/// What the compiler cannot check:
///   • fill and record are pure: the same law, key, parameter and index give the same z for every range, order and thread;
///   • E z = 0, z is odd in nothing but its own sign bit, components are uncorrelated, E z² = 1/amplitude²; a law that its inputs turn or
///     scale says what holds instead;
///   • |z| < 2^bits; density is the expected fraction of non-zeros; law_of(record()) of its policy is the law itself;
///   • spread is the RMS displacement over all weights at radius 1, in units: radius·spread·amplitude·z is what a probe adds. Where
///     `whole_units` says so, spread·amplitude is 1 and z itself is a number of units, as coded storage needs it.
///
/// A law whose probe and update draw differently returns from for_update() the law of the update; for it E z_probe z_update = 1/amplitude².
template <class L>
concept resolved_law = std::copyable<L> &&
    requires(const L& law, const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) {
  { L::bits } -> std::convertible_to<int>;
  { L::whole_units } -> std::convertible_to<bool>;
  { law.density() } -> std::same_as<double>;
  { law.spread() } -> std::same_as<double>;
  { law.amplitude() } -> std::same_as<double>;
  { law.record() } -> std::same_as<std::uint32_t>;
  law.fill(key, info, first, z);
};

namespace detail {
struct any_nonzero_visitor {
  void operator()(std::uint64_t, int, std::uint64_t) const {}
};
}  // namespace detail

/// A law that can name its non-zeros in O(density · range): f(index, z, slot) with ascending index, exactly the non-zeros of fill.
/// `slot` numbers them for other random streams: it is unique, ascending, a function of the index, and dense enough to read in groups.
template <class L>
concept sparse_law = resolved_law<L> && requires(const L& law, const direction_key& key, const parameter_info& info, std::uint64_t index) {
  law.for_each_nonzero(key, info, index, index, detail::any_nonzero_visitor{});
};

/// A law that adds itself to floats without a tile of integers between: to[j] ← to[j] + coefficient·z[first + j], or 0 + coefficient·z.
/// Where z is 0 not even the sign of a zero changes.
template <class L>
concept adding_law = resolved_law<L> && requires(const L& law, const direction_key& key, const parameter_info& info, std::uint64_t first,
                                                 float coefficient, std::span<float> to) {
  law.add(key, info, first, coefficient, to);
  law.set(key, info, first, coefficient, to);
};

/// A law that displaces floats and puts them back in the same way, alone or on the way to something else: see kernel/direction.hpp.
template <class L>
concept displacing_law = adding_law<L> &&
    requires(const L& law, const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient, std::span<float> w,
             const kernel::noted_displacement& to, const kernel::past_displacement& from) {
  { law.displace(key, info, first, w, to) } -> std::same_as<std::size_t>;
  law.put_back(key, info, first, w, from);
  { law.exchange(key, info, first, w, from, to) } -> std::same_as<std::size_t>;
  law.put_back_and_add(key, info, first, w, from, coefficient);
};

/// A law that leaves whole parameters alone for a step: every z of a parameter that touches() denies is 0, and nothing visits its weights.
/// touched_density() is the density on the others; density() is over all weights, as of any law.
template <class L>
concept selective_law = resolved_law<L> && requires(const L& law, const parameter_info& info) {
  { law.touches(info) } -> std::same_as<bool>;
  { law.touched_density() } -> std::same_as<double>;
};

namespace detail {
/// Whether a step under this law may move a parameter.
template <resolved_law Law>
bool touches(const Law& law, const parameter_info& info) {
  if constexpr (selective_law<Law>)
    return law.touches(info);
  else
    return true;
}
/// The expected fraction of non-zeros in a parameter that a step may move.
template <resolved_law Law>
double touched_density(const Law& law) {
  if constexpr (selective_law<Law>)
    return law.touched_density();
  else
    return law.density();
}
}  // namespace detail

namespace detail {
template <resolved_law Law>
void add_direction(const Law& law, const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient,
                   std::span<float> to) {
  if constexpr (adding_law<Law>) {
    law.add(key, info, first, coefficient, to);
  } else {
    alignas(64) std::int16_t z[tile_size];
    for (std::size_t j = 0; j < to.size(); j += tile_size) {
      const std::size_t count = std::min(tile_size, to.size() - j);
      law.fill(key, info, first + j, std::span(z, count));
      kernel::add_scaled(std::span(z, count), coefficient, to.subspan(j, count));
    }
  }
}
template <resolved_law Law>
void set_direction(const Law& law, const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient,
                   std::span<float> to) {
  if constexpr (adding_law<Law>) {
    law.set(key, info, first, coefficient, to);
  } else {
    std::fill(to.begin(), to.end(), 0.0f);
    add_direction(law, key, info, first, coefficient, to);
  }
}
}  // namespace detail

namespace detail {
template <resolved_law Law>
int direction_at(const Law& law, const direction_key& key, const parameter_info& info, std::uint64_t index) {
  if constexpr (requires { law.at(key, info, index); }) {
    return law.at(key, info, index);
  } else {
    std::int16_t z;
    law.fill(key, info, index, std::span(&z, 1));
    return z;
  }
}
}  // namespace detail

/// What most laws read beside keys: nothing.
///
/// Units    none.
/// Source   ours.
struct no_inputs {
  std::size_t bytes() const { return 0; }
  friend bool operator==(const no_inputs&, const no_inputs&) = default;
};

namespace detail {
template <class D>
struct inputs_of {
  using type = no_inputs;
};
template <class D>
  requires requires { typename D::inputs; }
struct inputs_of<D> {
  using type = typename D::inputs;
};
}  // namespace detail

/// What a direction policy reads beside keys: a mask, a pool of numbers. The optimizer owns it; it changes between steps only.
template <class D>
using inputs_t = typename detail::inputs_of<D>::type;

template <class D>
concept direction_with_inputs = !std::same_as<inputs_t<D>, no_inputs>;

namespace detail {
template <class D>
auto law_at(const D& policy, double relative_rate, std::uint32_t queries, const inputs_t<D>& inputs) {
  if constexpr (direction_with_inputs<D>)
    return policy.law_at(relative_rate, queries, inputs);
  else
    return policy.law_at(relative_rate, queries);
}
template <class D>
auto law_of(const D& policy, std::uint32_t record, const inputs_t<D>& inputs) {
  if constexpr (direction_with_inputs<D>)
    return policy.law_of(record, inputs);
  else
    return policy.law_of(record);
}
/// Brings the inputs of a law up to date before step key.step, when the parameters are where the last step left them.
template <class D, class Parameters>
void refresh(const D& policy, inputs_t<D>& inputs, const Parameters& parameters, const direction_key& key) {
  if constexpr (direction_with_inputs<D>) policy.refresh(inputs, parameters, key);
}
template <class L>
concept updates_by_another_law = requires(const L& law) {
  law.for_update();
};

/// The law that an update draws from: the probes' own, unless it says otherwise.
template <resolved_law L>
L update_law(const L& law) {
  if constexpr (updates_by_another_law<L>)
    return law.for_update();
  else
    return law;
}
}  // namespace detail

namespace detail {
template <class D>
concept law_of_keys = std::copyable<D> && !direction_with_inputs<D> &&
                      requires(const D& d, double relative_rate, std::uint32_t queries, std::uint32_t record) {
  { d.law_at(relative_rate, queries) } -> resolved_law;
  { d.law_of(record) } -> std::same_as<decltype(d.law_at(relative_rate, queries))>;
};
template <class D>
concept law_of_inputs = std::copyable<D> && direction_with_inputs<D> && std::default_initializable<inputs_t<D>> &&
    requires(const D& d, double relative_rate, std::uint32_t queries, std::uint32_t record, const inputs_t<D>& inputs) {
  { inputs.bytes() } -> std::same_as<std::size_t>;
  { d.law_at(relative_rate, queries, inputs) } -> resolved_law;
  { d.law_of(record, inputs) } -> std::same_as<decltype(d.law_at(relative_rate, queries, inputs))>;
};
}  // namespace detail

/// A direction policy: resolves to a law for a step's relative rate (RMS step per weight, in radii) and number of queries, or from a record.
///
/// A law that reads more than keys names it: `inputs` is a default-constructible type with bytes(); refresh(inputs, parameters, key) brings
/// it up to date before every step, and law_at and law_of take it as their last argument. A law may keep a pointer to it.
///
/// Inputs may learn from the steps that were made: see absorbing_direction.
///
/// What the compiler cannot check: refresh is a pure function of its arguments, so that a replay makes the same inputs. A policy whose
/// fields are not all in the record is replayed under the same fields only; `record_holds_all` says that they are.
template <class D>
concept direction_law = detail::law_of_keys<D> || detail::law_of_inputs<D>;

template <direction_law D>
using law_t = decltype(detail::law_of(std::declval<const D&>(), 0u, std::declval<const inputs_t<D>&>()));

/// A number that belongs to one direction of a step.
struct directional {
  direction_key key;
  double value = 0;
};

/// A step as inputs absorb it: what was logged of it, nothing else.
///
/// Units    slopes: loss per unit, ĝ = Σ slope · amplitude · z(key); curvatures: loss per unit², see curvature_estimator.
/// Source   ours.
template <resolved_law Law>
struct absorbed_step {
  const Law& law;                             ///< of the probes
  std::span<const directional> slopes;        ///< after every transform, as the update is made of them
  std::span<const directional> curvatures{};  ///< that the estimator measured beside them, to be added up
};

/// A direction whose inputs learn from every step: absorb(inputs, info, first, last, step) takes it in for the weights [first, last) of one
/// parameter. Every weight of a step is absorbed once, by several lanes at the same time, in live steps, replays and remote ranks alike, so
/// that the inputs are a function of the trajectory. A step without terms is not absorbed.
///
/// Where the policy says nothing more, weights are absorbed after their update, which draws from inputs as the probes did. With
/// `absorbs_before_update` it is before, once a displacement is undone: the update draws from what was learned of its own step. With
/// `absorbs_curvatures` the estimator must be a curvature_estimator, and what it measures is logged.
///
/// What the compiler cannot check: absorb reads the inputs of [first, last) and what refresh made alone, and changes the former alone; the
/// law reads no others for a weight in there. Memory was made by refresh. Arithmetic is exact, as in an update rule.
template <class D>
concept absorbing_direction = direction_law<D> && direction_with_inputs<D> &&
    requires(const D& d, inputs_t<D>& inputs, const parameter_info& info, std::size_t first, const absorbed_step<law_t<D>>& step) {
  d.absorb(inputs, info, first, first, step);
};
template <class D>
concept absorbing_before_update = absorbing_direction<D> && requires {
  requires D::absorbs_before_update;
};
template <class D>
concept absorbing_curvatures = absorbing_direction<D> && requires {
  requires D::absorbs_curvatures;
};

}  // namespace zolt::inline v0
