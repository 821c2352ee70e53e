#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zolt/core/executor.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/blocks.hpp"
#include "zolt/optimizer/compact_moments.hpp"
#include "zolt/optimizer/journal.hpp"
#include "zolt/optimizer/narrow_words.hpp"
#include "zolt/optimizer/per_example.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/optimizer/trajectory.hpp"
#include "zolt/update/replayed_residual.hpp"

namespace zolt::inline v0::detail {

/// The tensor pipeline: terms → regenerated estimate, tile by tile → update rule → write-back, with the memory that rules and write-backs
/// keep per weight. Parameters and policies are the optimizer's.
template <parameter_set Parameters, class Composition>
class applier {
  using rule_type = decltype(Composition::rule);
  using direction_policy = decltype(Composition::direction);
  using write_back_type = typename Composition::write_back_type;
  using law = typename Composition::law;
  static constexpr std::size_t moments = moments_of<rule_type>();
  static constexpr int residual_bits = write_back_type::residual_bits;
  static constexpr bool replays_rule = replaying_rule<rule_type>, replays_residual = replaying_write_back<write_back_type>;
  static constexpr bool replays = replays_rule || replays_residual;
  static constexpr bool absorbs = absorbing_direction<direction_policy>;
  static_assert(!(replays_rule && replays_residual), "zolt: an update rule that replays past steps needs a write-back that does not");
  static_assert(!replays_residual || replays_rule || linear_rule<rule_type>,
                "zolt: a write-back that replays past steps needs an update rule without moments");
  static_assert(!replays || !absorbs, "zolt: what replays past steps needs a direction that does not learn from them");
  static_assert(!absorbing_curvatures<direction_policy> || curvature_estimator<decltype(Composition::estimator)>,
                "zolt: a direction that learns from curvatures needs an estimator that measures them (see zolt::curvature_estimator)");

 public:
  applier(const Parameters& parameters, const Composition& policies, std::uint64_t run, std::size_t lanes)
      : parameters_(parameters), policies_(policies), run_(run), events_(lanes), sums_(sign_factored_law<law> ? lanes : 0) {
    states_.resize(parameters_.size());
    for_each_parameter(parameters_, [this]<class S>(std::size_t i, const parameter<S>& p) {
      require_landing<write_back_type, S>();
      states_[i].moments.assign(moments * p.size(), 0.0f);
      if constexpr (compact_rule<rule_type>) compact_moments<inner_rule_t<rule_type>>::assign(states_[i], p.size());
      if constexpr (coded_storage<S> && residual_bits > 0)
        states_[i].residuals.assign(residual_field<residual_bits>::bytes_for(p.size()), 0);
    });
    const std::size_t queries = policies_.estimator.queries;
    std::size_t steps_at_once = 1;
    if constexpr (replays) {
      past_.steps.reserve(window());
      past_.terms.reserve(window() * queries);
      steps_at_once += window();
    }
    reserve_sums(queries);
    if constexpr (absorbs) slopes_.reserve(queries), curvatures_.reserve(queries);
    applied_.reserve(steps_at_once);
    resolved_.reserve(steps_at_once * queries * parameters_.size());
  }

  /// Applies the terms of a step to all weights, a lane of the team at a time, and lets the inputs of the direction absorb it; to a parameter
  /// that its law leaves alone, nothing.
  /// restore(lane, p, first, last, base) is called for every part of those weights before they are touched, or, where all that is done to
  /// them is to add one direction, restore.and_add(lane, p, law, first, last, base, term); restore.adds_in_one_visit(term): see restorer.
  template <executor Executor, class Restore>
  write_events apply(Executor& team, inputs_t<direction_policy>& inputs, const logged_step& step, std::span<const logged_term> terms,
                     const Restore& restore) {
    std::fill(events_.begin(), events_.end(), write_events{});
    resolve_steps(inputs, step, terms);
    reserve_sums(terms.size());
    const law of_probes = law_of(policies_.direction, step.law, inputs);
    const auto touched = [&of_probes](const auto& p) { return touches(of_probes, info_of(p)); };
    const auto absorb = [&](const parameter_info& info, std::size_t first, std::size_t last) {
      if constexpr (absorbs) policies_.direction.absorb(inputs, info, first, last, absorbed_step<law>{of_probes, slopes_, curvatures_});
    };
    if (visits_weights(terms))
      team.run([&](std::size_t lane) {
        for_each_range(parameters_, team.size(), lane, touched,
                       [&](std::size_t i, const auto& p, std::size_t first, std::size_t last, std::uint64_t base) {
                         for_each_part(first, last, part_size_of_updates(i, p, restore), [&](std::size_t begin, std::size_t end) {
                           apply_part(lane, i, p, begin, end, base, restore, absorb);
                         });
                       });
      });
    write_events all;
    for (const write_events& e : events_) all = all + e;
    return all;
  }

  /// Whether applying these terms looks at the weights at all.
  static bool visits_weights(std::span<const logged_term> terms) { return !terms.empty() || replays_residual; }

  std::size_t state_bytes() const {
    std::size_t bytes = 0;
    for (const parameter_state& s : states_) bytes += s.bytes();
    return bytes;
  }

 private:
  void reserve_sums(std::size_t terms) {
    for (example_sums& sums : sums_)
      for_each_parameter(parameters_, [&](std::size_t, const auto& p) { sums.reserve(p.storage.shape(), terms); });
  }

  struct applied_step {
    logged_step step;
    typename Composition::law law;
    std::size_t first_term;  ///< in resolved_, of the first parameter
    std::size_t terms;       ///< of one parameter: those of the estimate
  };
  /// The last steps as they were logged, for a rule or a write-back that replays them.
  struct recent_steps {
    std::vector<logged_step> steps;
    std::vector<logged_term> terms;

    void push(const logged_step& step, std::span<const logged_term> its_terms, std::size_t window) {
      if (steps.size() == window) {
        terms.erase(terms.begin(), terms.begin() + steps.front().terms);
        steps.erase(steps.begin());
      }
      steps.push_back(step);
      terms.insert(terms.end(), its_terms.begin(), its_terms.end());
    }
  };

  std::size_t window() const {
    if constexpr (replays_rule)
      return policies_.rule.window;
    else
      return policies_.write_back.window;
  }

  /// The step to apply, behind those that are looked back on.
  void resolve_steps(const inputs_t<direction_policy>& inputs, const logged_step& step, std::span<const logged_term> terms) {
    resolved_.clear();
    applied_.clear();
    if constexpr (replays) {
      std::size_t at = 0;
      for (const logged_step& s : past_.steps) {
        resolve_terms(inputs, s, std::span(past_.terms).subspan(at, s.terms));
        at += s.terms;
      }
    }
    resolve_terms(inputs, step, terms);
    if constexpr (absorbs) {
      slopes_.clear();
      curvatures_.clear();
      for (const logged_term& t : terms)
        (t.is_curvature() ? curvatures_ : slopes_)
            .push_back({{run_, step.step, t.query & ~logged_term::curvature_mark}, double{t.coefficient}});
    }
    if constexpr (replays) past_.push(step, terms, window());
  }
  /// Rate, amplitude and unit of every term and parameter, multiplied in double and rounded once.
  void resolve_terms(const inputs_t<direction_policy>& inputs, const logged_step& step, std::span<const logged_term> terms) {
    const law step_law = update_law(law_of(policies_.direction, step.law, inputs));
    const auto curvatures =
        static_cast<std::size_t>(std::count_if(terms.begin(), terms.end(), [](const logged_term& t) { return t.is_curvature(); }));
    applied_.push_back({step, step_law, resolved_.size(), terms.size() - curvatures});
    for_each_parameter(parameters_, [&](std::size_t, const auto& p) {
      for (const logged_term& t : terms) {
        if (t.is_curvature()) continue;
        double coefficient;
        if constexpr (linear_rule<rule_type>)
          coefficient = policies_.rule.step_for(double{step.rate}, double{t.coefficient}) * step_law.amplitude() * p.unit_or_one();
        else
          coefficient = double{t.coefficient} * step_law.amplitude();
        const auto rounded = static_cast<float>(exact::round_to_significant(coefficient, exact::coefficient_bits(law::bits)));
        if (!exact::is_finite(rounded))
          fail(p.name, "coefficient of query " + to_text(t.query), coefficient, "be finite in single precision");
        resolved_.push_back({{run_, step.step, t.query}, rounded});
      }
    });
  }
  std::span<const resolved_term> terms_of(const applied_step& s, std::size_t parameter) const {
    return std::span(resolved_).subspan(s.first_term + parameter * s.terms, s.terms);
  }

  /// Whether an update is one direction, which is added to the weights as it is made.
  template <class S>
  bool is_added(std::size_t index, const parameter<S>& p) const {
    if constexpr (linear_rule<rule_type> && adding_law<law> && dense_storage<S> && !absorbs) {
      const std::span<const resolved_term> terms = terms_of(applied_.back(), index);
      return terms.size() == 1 && terms[0].coefficient != 0 && !p.relative && !exact::is_finite(p.lowest) && !exact::is_finite(p.highest);
    }
    return false;
  }
  template <class S, class Restore>
  std::size_t part_size_of_updates(std::size_t index, const parameter<S>& p, const Restore& restore) const {
    if (is_added(index, p) && restore.adds_in_one_visit(terms_of(applied_.back(), index)[0])) return block_size;
    if constexpr (sign_factored_law<law>)
      return block_size;  // its signs are made for whole rows
    else if constexpr (linear_rule<rule_type>)
      return part_size(applied_.back().law);
    else
      return 8 * tile_size;
  }

  template <class S, class Restore, class Absorb>
  void apply_part(std::size_t lane, std::size_t index, const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t base,
                  const Restore& restore, const Absorb& absorb) {
    const applied_step& now = applied_.back();
    const std::span<const resolved_term> terms = terms_of(now, index);
    if constexpr (adding_law<law> && dense_storage<S>)
      if (is_added(index, p)) return restore.and_add(lane, p, now.law, first, last, base, terms[0]);
    restore(lane, p, first, last, base);
    if constexpr (absorbing_before_update<direction_policy>) absorb(info_of(p), first, last);
    update_part(lane, index, p, first, last);
    if constexpr (!absorbing_before_update<direction_policy>) absorb(info_of(p), first, last);
  }
  template <class S>
  void update_part(std::size_t lane, std::size_t index, const parameter<S>& p, std::size_t first, std::size_t last) {
    write_events& events = events_[lane];
    const applied_step& now = applied_.back();
    const std::span<const resolved_term> terms = terms_of(now, index);
    if constexpr (replays_residual && coded_storage<S>) {
      apply_replayed_residual(index, p, first, last, events);
    } else if (terms.empty()) {
      return;
    } else if constexpr (linear_rule<rule_type> && sign_factored_law<law>) {
      apply_per_example<write_back_type>(p, now.law, terms, states_[index], sums_[lane], first, last, events);
    } else if constexpr (linear_rule<rule_type> && sparse_law<law>) {
      apply_sparse<write_back_type>(p, now.law, terms, states_[index], first, last, events);
    } else {
      const direction_key key{run_, now.step.step, 0};
      if constexpr (linear_rule<rule_type> && coded_storage<S> && std::same_as<write_back_type, thrifty>)
        if (const double bound = most_probable_move<law>(terms); bound <= thrifty::most_skipped)
          return apply_skipping(p, now.law, terms, bound, key, states_[index], first, last, events);
      if constexpr (std::same_as<law, dense_law<distribution::rademacher>> && linear_rule<rule_type> && coded_storage<S> &&
                    std::same_as<write_back_type, thrifty>)
        if constexpr (kernel::format_of_byte_lanes<typename S::format>)
          if (terms.size() == 1 && std::fabs(terms[0].coefficient) < 1) return apply_signs(p, terms[0], key, first, last, events);
      if constexpr (kernel_rule<rule_type> && dense_storage<S>)
        if (!p.relative) {
          events.clamped += apply_kernel_rule(index, p, first, last);
          return;
        }
      alignas(64) float gradient[tile_size], delta[tile_size];
      for (std::size_t tile = first; tile < last; tile += tile_size) {
        const std::size_t count = std::min(tile_size, last - tile);
        if constexpr (linear_rule<rule_type>) {
          accumulate(now.law, info_of(p), terms, tile, std::span(gradient, count));
          write_tile<write_back_type>(p, key, states_[index], tile, std::span<const float>(gradient, count), 1.0f, events);
        } else {
          apply_rule(index, p, tile, key, std::span(gradient, count), std::span(delta, count));
          write_tile<write_back_type>(p, key, states_[index], tile, std::span<const float>(delta, count),
                                      static_cast<float>(p.unit_or_one()), events);
        }
      }
    }
  }
  /// What the rule makes of a tile of the estimate, with its moments wherever they come from. `gradient` is for its use.
  template <class S>
  void apply_rule(std::size_t index, const parameter<S>& p, std::size_t tile, const direction_key& key, std::span<float> gradient,
                  std::span<float> delta) {
    using rule = inner_rule_t<rule_type>;
    const auto apply_step = [&](const applied_step& s, std::uint64_t completed, const moment_tile<rule::moments>& state) {
      const rule& how = inner_rule(policies_.rule);
      accumulate(s.law, info_of(p), terms_of(s, index), tile, gradient);
      how.apply(how.at(double{s.step.rate}, completed), std::span<const float>(gradient), state, delta);
    };
    const applied_step& now = applied_.back();
    if constexpr (replays_rule) {
      alignas(64) float made[rule::moments][tile_size] = {};
      moment_tile<rule::moments> state;
      for (std::size_t m = 0; m < state.size(); ++m) state[m] = std::span(made[m], gradient.size());
      for (std::size_t k = 0; k < applied_.size(); ++k)
        if (applied_[k].terms != 0) apply_step(applied_[k], k, state);
    } else if constexpr (compact_rule<rule_type>) {
      compact_moments<rule> kept;
      apply_step(now, now.step.step, kept.load(states_[index], p.size(), tile, gradient.size()));
      kept.store(states_[index], p.size(), tile, gradient.size(), key, p.id);
    } else {
      apply_step(now, now.step.step, moments_at(index, p.size(), tile, gradient.size()));
    }
  }
  moment_tile<moments> moments_at(std::size_t index, std::size_t plane, std::size_t first, std::size_t count) {
    moment_tile<moments> some;
    for (std::size_t m = 0; m < moments; ++m) some[m] = std::span(states_[index].moments).subspan(m * plane + first, count);
    return some;
  }
  /// A rule on floats that takes weights and moments in one visit, and one direction without a tile of it; how many stopped at a bound.
  template <dense_storage S>
  std::uint64_t apply_kernel_rule(std::size_t index, const parameter<S>& p, std::size_t first, std::size_t last) {
    const applied_step& now = applied_.back();
    const std::span<const resolved_term> terms = terms_of(now, index);
    const std::span<float> w = p.storage.values();
    const auto step = policies_.rule.at(double{now.step.rate}, now.step.step);
    const kernel::landing where{static_cast<float>(p.unit_or_one()), p.lowest, p.highest};
    if constexpr (requires { now.law.apply_rule(terms[0].key, info_of(p), first, 0.0f, w, step, moments_at(0, 0, 0, 0), 1.0f); })
      if (terms.size() == 1 && !where.is_bounded()) {
        now.law.apply_rule(terms[0].key, info_of(p), first, terms[0].coefficient, w.subspan(first, last - first), step,
                           moments_at(index, p.size(), first, last - first), where.unit);
        return 0;
      }
    std::uint64_t clamped = 0;
    alignas(64) float gradient[tile_size];
    for (std::size_t tile = first; tile < last; tile += tile_size) {
      const std::size_t count = std::min(tile_size, last - tile);
      accumulate(now.law, info_of(p), terms, tile, std::span(gradient, count));
      clamped += kernel::apply_rule_to(w.subspan(tile, count), step, std::span<const float>(gradient, count),
                                       moments_at(index, p.size(), tile, count), where);
    }
    return clamped;
  }
  template <coded_storage S>
  void apply_replayed_residual(std::size_t index, const parameter<S>& p, std::size_t first, std::size_t last, write_events& events) {
    alignas(64) float update[tile_size], residual[tile_size];
    const auto retention = static_cast<float>(policies_.write_back.retention);
    for (std::size_t tile = first; tile < last; tile += tile_size) {
      const std::size_t count = std::min(tile_size, last - tile);
      std::fill_n(residual, count, 0.0f);
      for (const applied_step& s : applied_) {
        accumulate(s.law, info_of(p), terms_of(s, index), tile, std::span(update, count));
        const bool now = &s == &applied_.back();
        feed_back<write_back_type>(p, tile, std::span<const float>(update, count), retention, std::span(residual, count),
                                   now ? &events : nullptr);
      }
    }
  }

  const Parameters& parameters_;
  const Composition& policies_;
  std::uint64_t run_;
  std::vector<write_events> events_;  ///< of each lane
  std::vector<example_sums> sums_;    ///< of each lane, for per-example directions
  std::vector<parameter_state> states_;
  std::vector<resolved_term> resolved_;
  std::vector<applied_step> applied_;
  std::vector<directional> slopes_, curvatures_;  ///< of the step, for inputs that absorb it
  recent_steps past_;
};

}  // namespace zolt::inline v0::detail
