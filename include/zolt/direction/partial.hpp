#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0 {

/// Where the parameters of a list stand, by id, and the step that they are asked about.
struct parameter_places {
  struct place {
    std::uint64_t id;
    std::size_t index;
    friend bool operator==(const place&, const place&) = default;
  };
  std::vector<place> all;  ///< by ascending id
  std::uint32_t step = 0;
  double share_on = 1;  ///< of all weights: those whose parameters are on in `step`

  /// The place of a parameter; null if it is not in the list.
  const place* find(std::uint64_t id) const {
    const auto at = std::lower_bound(all.begin(), all.end(), id, [](const place& p, std::uint64_t i) { return p.id < i; });
    return at == all.end() || at->id != id ? nullptr : &*at;
  }
  std::size_t bytes() const { return all.size() * sizeof(place); }
  friend bool operator==(const parameter_places&, const parameter_places&) = default;
};

/// Layers freeze front to back: in a step the first ones of the list are off, and those that were off stay off.
///
///   frozen(t) = 0 for t < first_step,   min(most, 1 + ⌊(t − first_step)/interval⌋) from there on
///
/// The order of the list is that of the layers; `per_layer` neighbouring parameters of it are one, as a weight and its bias are.
///
/// Units    first_step, interval: steps; most: layers; per_layer: parameters.
/// Cost     none.
/// Source   layers that freeze front to back: arXiv 2508.15033, read in its abstract. When they freeze: ours.
/// Errors   most: not below the number of layers, so that nothing would learn any more.
struct frozen_prefix {
  static constexpr std::string_view name = "frozen_prefix";
  std::uint32_t first_step = 1000;
  std::uint32_t interval = 1000;
  std::uint32_t most = 1;
  std::uint32_t per_layer = 1;

  template <class Field>
  void fields(Field&& field) const {
    field("first_step", first_step, bound::non_negative);
    field("interval", interval, bound::at_least_one);
    field("most", most, bound::non_negative);
    field("per_layer", per_layer, bound::at_least_one);
  }
  void check(std::size_t parameters, std::vector<problem>& problems) const {
    if (per_layer == 0) return;  // is a problem of its own
    if (const std::size_t layers = (parameters + per_layer - 1) / per_layer; most >= layers)
      problems.push_back({std::string(name), "most", to_text(most), "be below " + to_text(layers) + ", the number of layers"});
  }
  /// How many layers are off.
  std::uint32_t frozen(std::uint32_t step) const {
    if (step < first_step) return 0;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(most, std::uint64_t{1} + (step - first_step) / interval));
  }
  bool on(std::size_t index, std::size_t, std::uint32_t step) const { return index / per_layer >= frozen(step); }
  friend bool operator==(const frozen_prefix&, const frozen_prefix&) = default;
};

/// Block-coordinate descent: the list is cut into `blocks` runs of neighbours, and block t mod blocks alone is on in step t, for all of its
/// queries.
///
///   parameter i of n belongs to block ⌊i·blocks/n⌋
///
/// Units    blocks: runs of parameters, as equal in number as they can be.
/// Cost     none.
/// Source   cyclic block-coordinate gradient descent (Beck & Tetruashvili 2013), on estimates.
/// Errors   more blocks than parameters: some steps would move nothing.
struct one_block {
  static constexpr std::string_view name = "one_block";
  std::uint32_t blocks = 2;

  template <class Field>
  void fields(Field&& field) const {
    field("blocks", blocks, bound::at_least_one);
  }
  void check(std::size_t parameters, std::vector<problem>& problems) const {
    if (blocks > parameters)
      problems.push_back(
          {std::string(name), "blocks", to_text(blocks), "be at most " + to_text(parameters) + ", the number of parameters"});
  }
  bool on(std::size_t index, std::size_t count, std::uint32_t step) const { return index * blocks / count == step % blocks; }
  friend bool operator==(const one_block&, const one_block&) = default;
};

/// The law of `Base` on the parameters that a choice has on in the step of a key, and 0 on the others.
template <resolved_law Law, class Choice>
struct partial_law {
  static constexpr int bits = Law::bits;
  static constexpr bool whole_units = Law::whole_units;
  Law base;
  Choice choice;
  const parameter_places* places = nullptr;

  double density() const { return base.density() * places->share_on; }
  double spread() const { return base.spread(); }
  double amplitude() const { return base.amplitude(); }
  std::uint32_t record() const { return base.record(); }
  std::uint64_t cell() const requires requires(const Law& l) { l.cell(); }
  { return base.cell(); }
  partial_law for_update() const requires detail::updates_by_another_law<Law> { return {base.for_update(), choice, places}; }

  /// Whether a parameter is on in the step that the places were last asked for. One that is not in the list is on.
  bool touches(const parameter_info& info) const { return is_on(info, places->step) && detail::touches(base, info); }
  double touched_density() const { return detail::touched_density(base); }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    if (is_on(info, key.step))
      base.fill(key, info, first, z);
    else
      std::fill(z.begin(), z.end(), std::int16_t{0});
  }
  int at(const direction_key& key, const parameter_info& info, std::uint64_t index) const {
    return is_on(info, key.step) ? detail::direction_at(base, key, info, index) : 0;
  }
  template <class Function>
    requires(sparse_law<Law>)
  void for_each_nonzero(const direction_key& key, const parameter_info& info, std::uint64_t first, std::uint64_t last, Function&& f) const {
    if (is_on(info, key.step)) base.for_each_nonzero(key, info, first, last, f);
  }

  void add(const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient,
           std::span<float> to) const requires adding_law<Law> {
    if (is_on(info, key.step)) base.add(key, info, first, coefficient, to);
  }
  void set(const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient,
           std::span<float> to) const requires adding_law<Law> {
    if (is_on(info, key.step))
      base.set(key, info, first, coefficient, to);
    else
      std::fill(to.begin(), to.end(), 0.0f);
  }
  /// See kernel::apply_rule_along. A parameter that is off keeps its moments too.
  template <class Step, class Moments>
  void apply_rule(const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient, std::span<float> w,
                  const Step& step, const Moments& moments, float unit) const requires requires(const Law& l) {
    l.apply_rule(key, info, first, coefficient, w, step, moments, unit);
  }
  {
    if (is_on(info, key.step)) base.apply_rule(key, info, first, coefficient, w, step, moments, unit);
  }
  /// See kernel/direction.hpp.
  std::size_t displace(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                       const kernel::noted_displacement& to) const requires displacing_law<Law> {
    if (is_on(info, key.step)) return base.displace(key, info, first, w, to);
    std::fill_n(to.corrections, w.size(), std::int8_t{0});
    return 0;
  }
  void put_back(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                const kernel::past_displacement& from) const requires displacing_law<Law> {
    if (is_on(info, key.step)) base.put_back(key, info, first, w, from);
  }
  std::size_t exchange(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                       const kernel::past_displacement& from, const kernel::noted_displacement& to) const requires displacing_law<Law> {
    if (is_on(info, key.step)) return base.exchange(key, info, first, w, from, to);
    std::fill_n(to.corrections, w.size(), std::int8_t{0});
    return 0;
  }
  void put_back_and_add(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                        const kernel::past_displacement& from, float coefficient) const requires displacing_law<Law> {
    if (is_on(info, key.step)) base.put_back_and_add(key, info, first, w, from, coefficient);
  }
  friend bool operator==(const partial_law&, const partial_law&) = default;

 private:
  bool is_on(const parameter_info& info, std::uint32_t step) const {
    const parameter_places::place* at = places->find(info.id);
    return at == nullptr || choice.on(at->index, places->all.size(), step);
  }
};

/// A direction on some of the parameters, which others from step to step: whole tensors are probed and updated, or left alone.
///
///   z_l = z_base,l where parameter l is on in this step,   0 elsewhere
///
/// A parameter that is off costs nothing, whatever its size: no probe, no undoing and no update visits it, and a rule with moments neither
/// moves it nor forgets. So a forward under probes may share what it computes before the first parameter that is on: probe_view::moves.
/// Spread and amplitude are those of the base: a rate is the step of a weight that is on. Ids draw directions, not places: what is on moves as
/// if nothing else were in the list, where the density of the base does not depend on it.
///
/// A choice has a name, fields, on(index, count, step) for the parameter at `index` of a list of `count`, a pure function, and may have
/// check(count, problems), which adds what it finds wrong about such a list.
///
/// Units    as the base.
/// Cost     as the base on what is on; 16 bytes per parameter, no matter how large, and a search among them per visit of one.
/// Source   block-coordinate descent; frozen prefixes: arXiv 2508.15033 (abstract).
/// Differs  a rule that counts steps, as Adam does, counts those in which a parameter was off too.
template <class Base, class Choice>
struct partial {
  static constexpr std::string_view prefix = "partial ", base_name = policy_name<Base>(), space = " ", choice_name = policy_name<Choice>();
  static constexpr std::string_view name = detail::joined<prefix, base_name, space, choice_name>::value;
  static_assert(!absorbing_direction<Base>, "zolt: a direction that learns from its steps moves all of the parameters that it learns of");
  Base base;
  Choice choice;

  struct inputs {
    inputs_t<Base> base;
    parameter_places places;
    std::size_t bytes() const { return base.bytes() + places.bytes(); }
    friend bool operator==(const inputs&, const inputs&) = default;
  };
  template <class Field>
  void fields(Field&& field) const {
    if constexpr (policy_with_fields<Base>) base.fields(field);
    if constexpr (policy_with_fields<Choice>) choice.fields(field);
  }
  template <class Parameters>
  void check(const Parameters& parameters, std::vector<problem>& problems) const {
    check_against(base, parameters, problems);
    if constexpr (requires { choice.check(parameters.size(), problems); }) choice.check(parameters.size(), problems);
  }
  template <class Parameters>
  void refresh(inputs& in, const Parameters& parameters, const direction_key& key) const {
    detail::refresh(base, in.base, parameters, key);
    parameter_places& places = in.places;
    if (places.all.empty()) {
      for_each_parameter(parameters, [&](std::size_t i, const auto& p) { places.all.push_back({p.id, i}); });
      std::sort(places.all.begin(), places.all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    }
    std::size_t all = 0, on = 0;
    for_each_parameter(parameters, [&](std::size_t i, const auto& p) {
      all += p.size();
      on += choice.on(i, parameters.size(), key.step) ? p.size() : 0;
    });
    places.step = key.step;
    places.share_on = all == 0 ? 1 : static_cast<double>(on) / static_cast<double>(all);
  }
  partial_law<law_t<Base>, Choice> law_at(double relative_rate, std::uint32_t queries, const inputs& in) const {
    return {detail::law_at(base, relative_rate, queries, in.base), choice, &in.places};
  }
  partial_law<law_t<Base>, Choice> law_of(std::uint32_t record, const inputs& in) const {
    return {detail::law_of(base, record, in.base), choice, &in.places};
  }
  friend bool operator==(const partial&, const partial&) = default;
};

/// A direction whose first layers freeze one after another.
template <class Base>
using freeze_prefix = partial<Base, frozen_prefix>;

/// A direction on one block of the parameters after another.
template <class Base>
using block_coordinate = partial<Base, one_block>;

}  // namespace zolt::inline v0
