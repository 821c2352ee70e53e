#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "zolt/estimator/purity.hpp"
#include "zolt/optimizer/applier.hpp"
#include "zolt/optimizer/displacer.hpp"
#include "zolt/optimizer/loss.hpp"
#include "zolt/optimizer/run_description.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/optimizer/validation.hpp"

namespace zolt::inline v0 {

/// What a step did. Events are counted here, never thrown.
struct report {
  bool finished = true;                    ///< false: the estimator wants another round; ask again
  std::uint32_t step = 0;                  ///< the step this report is about, from 0
  double loss = 0;                         ///< mean of the finite losses; NaN if there was none
  double rate = 0;                         ///< of this step, schedule included
  double density = 1;                      ///< fraction of weights that a direction touched
  std::uint32_t probes = 0;                ///< loss evaluations
  std::uint32_t lost_queries = 0;          ///< directions dropped for a loss that was not finite
  std::uint32_t clipped_coefficients = 0;  ///< coefficients that the clip cut short
  std::uint64_t clamped_probes = 0;        ///< coded weights that a probe could not move all the way: their estimate is biased toward 0
  std::uint32_t lost_examples = 0;         ///< examples without part in the step, for a loss or a response that was not finite
  std::uint64_t clipped_gradients = 0;     ///< elements of an outer estimate beyond the normaliser's limit
  std::uint64_t lost_gradients = 0;        ///< elements of it that were not finite or beyond 2⁴⁸, and taken as 0
  double forwards = 0;                     ///< forward passes of the batch; one that starts in the middle counts by its multiply-adds
  double work = 0;                         ///< the same with outer products, and transposed ones of the head and of blocks
  write_events writes;
  std::uint64_t growths = 0;            ///< buffers that grew beyond their reservation, since the optimizer was made
  std::span<const std::string> unread;  ///< parameters that no forward on read had read when a first step moved them
};

/// Fine-tunes parameters with loss evaluations alone.
///
///   θ ← θ + write_back(rule(Σ_q c_q · amplitude · z(key_q)))
///
/// `ask → evaluate → tell` is the primitive, `step(loss)` is the three in a row, and `apply` is where tell, replay and a remote rank end.
/// Parameters are views: the optimizer owns no weight. With the default policies it owns nothing per weight at all.
///
/// Units    radius in parameter units (codes), rate as the update rule says.
/// Cost     per step: the estimator's loss evaluations; one visit of the touched weights per probe, in place and on read; one visit of the
///          touched weights to apply (all weights for a rule with moments), in which the last probe in place is undone. Memory: moments and residuals as documented by their policies;
///          in place: a byte per float weight and two per 16-bit weight under a dense law, twice two per touched 16-bit weight under a
///          sparse one, and twice 16 bytes per exception (a few percent of the touched codes).
/// Errors   the constructor throws every problem of find_problems. A loss that throws leaves the weights as they were and the step undone.
template <parameter_set Parameters, class Composition, executor Executor = thread_team>
class optimizer {
 public:
  using law = typename Composition::law;
  /// What a step reads: losses, one per example where every example has a direction of its own.
  static constexpr purity_class purity =
      sign_factored_law<law> ? purity_class::p1 : purity_of_estimator<decltype(Composition::estimator)>();

  /// Policies, methods and options, in any order.
  template <class... Given>
  explicit optimizer(const Parameters& parameters, const Given&... given)
      : parameters_(parameters),
        policies_(compose(given...)),
        options_(detail::pick_from<options>(detail::flat(given...))),
        team_(validated_executor(detail::flat(given...))) {
    static_assert(composable(std::type_identity<decltype(detail::flat(given...))>{}));
    static_assert(!(method_with_head<Given> || ...), "zolt: a method with a head is for zolt::elastic_optimizer, which trains both parts");
    make_buffers();
  }
  optimizer(const optimizer&) = delete;
  optimizer& operator=(const optimizer&) = delete;

  /// Throws every problem there is now, for instance weights that somebody made NaN since.
  void validate() const {
    if (auto problems = find_problems(parameters_, policies_, options_); !problems.empty()) throw error(std::move(problems));
  }

  /// The probes to evaluate next. Asking again before telling gives the same ones.
  std::span<const probe> ask() {
    if (plan_.empty()) {
      require_undisturbed("ask");
      if (seen_.empty()) resolve_step();
      make_plan();
      if (plan_.empty()) fail(policy_name<decltype(policies_.estimator)>(), "probes of a plan", 0, text_of(bound::at_least_one));
    }
    return plan_;
  }

  /// The model under all probes of the plan, for a caller that evaluates by himself.
  probe_view probes() { return {this, &read_from, ask(), sign_factored_law<law> ? &multiply_from : nullptr, &moves_from}; }

  /// Evaluates the plan with any of the three forms of a loss. If it throws, the weights are as they were and the step starts anew.
  template <class Loss>
  std::span<const double> evaluate(Loss&& loss) {
    static_assert(loss_function<Loss>,
                  "zolt: the loss must be callable as f() or f(const zolt::probe_view&) and return a number, or one number per probe");
    if constexpr (loss_function<Loss>) {
      evaluate_displaced(loss);
      displacer_.displace(team_, nullptr);
    }
    return losses_;
  }

  /// Takes one loss per probe of the plan; plans another round or applies the estimate.
  report tell(std::span<const double> losses) {
    if (losses.size() != plan_.size() || plan_.empty())
      fail("tell", "losses", losses.size(), "be one per probe of the plan, which has " + to_text(plan_.size()));
    require_undisturbed("tell");
    return take(losses);
  }

  /// One step: as many rounds as the estimator wants. In place, a probe becomes the next, and the last one the update, in one visit of the
  /// weights.
  template <class Loss>
  report step(Loss&& loss) {
    static_assert(loss_function<Loss>,
                  "zolt: the loss must be callable as f() or f(const zolt::probe_view&) and return a number, or one number per probe");
    report r;
    if constexpr (loss_function<Loss>) {
      try {
        do {
          evaluate_displaced(loss);
          r = take(losses_);
        } while (!r.finished);
      } catch (...) {
        displacer_.displace(team_, nullptr);
        throw;
      }
      displacer_.displace(team_, nullptr);  // unless the update did
    }
    return r;
  }

  /// Applies resolved terms and counts the step: the one place where weights change for good. A plan that waits for its losses is dropped.
  write_events apply(const logged_step& step, std::span<const logged_term> terms) {
    require_undisturbed("apply");
    return apply_displaced(step, terms);
  }

  /// Repeats a logged run from the weights it started from. Afterwards the optimizer is where that run was, and goes on as it would have.
  ///
  /// Errors   another composition, run, base or set of parameters, steps that do not add up, or steps already taken: nothing is applied
  ///          then. A coefficient that is beyond single precision together with its rate stops the replay at its step.
  void replay(const trajectory& t) {
    const trajectory here = detail::empty_trajectory(parameters_, policies_, options_.run);
    if (step_ != 0) fail("replay", "steps already taken", step_, "be 0: a trajectory starts from the base weights");
    if (t.composition != here.composition) fail("replay", "composition", t.composition, "be " + here.composition);
    if (t.run != here.run) fail("replay", "run", t.run, "be " + to_text(here.run));
    if (t.parameters != here.parameters)
      fail("replay", "parameters", t.parameters.size(), "be the same tensors: ids, shapes, formats and units in order");
    if (t.base != here.base) fail("replay", "base weights", "other bytes", "be those that the run started from");
    check(t, "replay");
    require_own_terms(t.terms, "replay");
    std::size_t at = 0;
    for (const logged_step& s : t.steps) {
      apply(s, std::span(t.terms).subspan(at, s.terms));
      at += s.terms;
    }
    statistics_ = t.statistics;
  }

  /// The log so far, with the statistics that continue it.
  trajectory recorded() const {
    trajectory t = log_;
    t.statistics = statistics_;
    return t;
  }

  std::uint32_t step_number() const { return step_; }
  const Parameters& parameters() const { return parameters_; }
  const Composition& policies() const { return policies_; }
  /// Bytes of moments, residuals and what the direction law reads: all that the policies keep beside the weights.
  std::size_t state_bytes() const { return inputs_.bytes() + applier_.state_bytes(); }
  /// Bytes that undoing in place holds at most so far.
  std::size_t journal_bytes() const { return displacer_.bytes(); }

  /// The weights as a probe of the plan sees them, in place, for as long as this lives: for a caller that evaluates by himself.
  /// Errors   a probe that is not of the plan, a second scope, telling, applying or asking for another plan while one lives.
  class in_place {
   public:
    in_place(optimizer& o, const probe& p) : optimizer_(o) { o.enter(p); }
    in_place(const in_place&) = delete;
    in_place& operator=(const in_place&) = delete;
    ~in_place() { optimizer_.leave(); }

   private:
    optimizer& optimizer_;
  };

 private:
  using direction_policy = decltype(Composition::direction);
  static constexpr std::size_t most_reserved_terms = std::size_t{1} << 20;
  static constexpr bool logs_curvatures = absorbing_curvatures<direction_policy>;

  void make_buffers() {
    ranges_ = detail::memory_ranges(parameters_);
    read_.assign(parameters_.size(), 0);
    judged_.assign(parameters_.size(), 0);
    const std::size_t queries = policies_.estimator.queries;
    plan_.reserve(2 * queries + 3);
    seen_.reserve(2 * queries + 3);
    losses_.reserve(2 * queries + 3);
    terms_.reserve(queries);
    if constexpr (logs_curvatures) curvatures_.reserve(queries);
    const std::size_t logged_terms = logs_curvatures ? 2 * queries : queries;
    logged_.reserve(logged_terms);
    log_ = detail::empty_trajectory(parameters_, policies_, options_.run);
    if (options_.record) {
      log_.steps.reserve(options_.reserved_steps);
      log_.terms.reserve(std::min(options_.reserved_steps * logged_terms, most_reserved_terms));
    }
  }
  template <class Flat>
  Executor validated_executor(const Flat& given) const {
    validate();
    return detail::executor_from<Executor>(given);
  }
  void reserve_log(std::size_t terms) {
    const auto make_room = [this](auto& list, std::size_t count) {
      if (list.capacity() - list.size() >= count) return;
      ++growths_;
      list.reserve(std::max(list.size() + count, 2 * list.capacity()));
    };
    make_room(log_.steps, 1);
    make_room(log_.terms, terms);
  }

  void resolve_step() {
    const double factor = policies_.schedule.factor(step_);
    rate_ = static_cast<float>(inner_rule(policies_.rule).rate * factor);
    if (!exact::is_finite(rate_) || rate_ < 0)
      fail(policy_name<decltype(policies_.schedule)>(), "rate of step " + to_text(step_), rate_, text_of(bound::non_negative));
    refresh_inputs();
    law_ = detail::law_at(policies_.direction, rate_ / policies_.estimator.radius, static_cast<std::uint32_t>(policies_.estimator.queries),
                          inputs_);
  }
  /// What the law reads, as the weights are before this step: once per step, live or in a replay.
  void refresh_inputs() {
    if (refreshed_for_ == step_) return;
    detail::refresh(policies_.direction, inputs_, parameters_, direction_key{options_.run, step_, 0});
    refreshed_for_ = step_;
  }
  /// The next round, if the estimator wants one. Whatever it throws, the step starts anew.
  void make_plan() {
    try {
      policies_.estimator.plan({options_.run, step_, 0}, scale_of_step(), seen_, plan_);
      for_each_parameter(parameters_, [this]<class S>(std::size_t, const parameter<S>& p) {
        if constexpr (coded_storage<S>)
          for (const probe& k : plan_)
            if (const double codes = k.offset * policies_.estimator.radius; !detail::whole_codes<typename S::format>(codes))
              fail(p.name, "offset times radius", codes, "be a whole number of codes within the range of " + std::string(S::format::name));
      });
      losses_.assign(plan_.size(), std::numeric_limits<double>::quiet_NaN());
    } catch (...) {
      abandon_step();
      throw;
    }
  }
  probe_scale scale_of_step() const { return {law_.spread(), rate_}; }
  void require_undisturbed(std::string_view call) const {
    if (in_scope_) fail(call, "weights", "displaced by an in_place scope", "be back first: end the scope");
  }
  /// Curvatures are for a direction that absorbs them.
  static void require_own_terms(std::span<const logged_term> terms, std::string_view call) {
    if constexpr (!logs_curvatures)
      for (const logged_term& t : terms)
        if (t.is_curvature())
          fail(call, "query", t.query, "be below " + to_text(logged_term::curvature_mark) + ": this direction absorbs no curvatures");
  }
  void abandon_step() {
    plan_.clear();
    seen_.clear();
  }

  void enter(const probe& p) {
    require_undisturbed("in_place");
    if (std::find(plan_.begin(), plan_.end(), p) == plan_.end())
      fail("in_place", "offset of the probe", p.offset, "be that of a probe of the plan: ask first");
    displacer_.displace(team_, &p);
    in_scope_ = true;
  }
  void leave() noexcept {
    displacer_.displace(team_, nullptr);
    in_scope_ = false;
  }

  /// Evaluates the plan; an evaluation in place leaves the weights under its last probe.
  template <class Loss>
  void evaluate_displaced(Loss& loss) {
    require_undisturbed("evaluate");
    ask();
    try {
      if constexpr (in_place_loss<Loss>)
        evaluate_in_place(loss);
      else if constexpr (probe_loss<Loss>)
        evaluate_on_read(loss);
      else
        evaluate_plan(loss);
    } catch (...) {
      displacer_.displace(team_, nullptr);
      abandon_step();
      throw;
    }
  }
  struct during {
    bool& flag;
    explicit during(bool& f) : flag(f) { flag = true; }
    ~during() { flag = false; }
  };
  template <class Loss>
  void evaluate_in_place(Loss& loss) {
    for (std::size_t k = 0; k < plan_.size(); ++k) {
      displacer_.displace(team_, &plan_[k]);
      const during scope(in_scope_);  // whatever the loss calls
      losses_[k] = number_of(loss());
    }
  }
  template <class Loss>
  void evaluate_on_read(Loss& loss) {
    const probe_view all = probes();
    const auto evaluate_every = [&](std::size_t from, std::size_t stride) {
      for (std::size_t k = from; k < plan_.size(); k += stride) losses_[k] = number_of(loss(all.one(k)));
    };
    if (options_.concurrent_probes)
      team_.run([&](std::size_t lane) { evaluate_every(lane, team_.size()); });
    else
      evaluate_every(0, 1);
    after_read();
  }
  template <class Loss>
  void evaluate_plan(Loss& loss) {
    std::size_t k = 0;
    for (auto&& value : loss(probes())) {
      if (k < losses_.size()) losses_[k] = number_of(value);
      ++k;
    }
    if (k != plan_.size()) fail("evaluate", "losses returned", k, "be one per probe of the plan, which has " + to_text(plan_.size()));
    after_read();
  }
  /// A parameter is judged in the first step that moves it: before, a forward may do without it.
  void after_read() {
    if (reads_checked_) return;
    reads_checked_ = true;
    for_each_parameter(parameters_, [this](std::size_t i, const auto& p) {
      if (judged_[i] != 0) return;
      if (!detail::touches(law_, info_of(p))) {
        reads_checked_ = false;
        return;
      }
      judged_[i] = 1;
      if (read_[i] == 0) unread_.push_back(p.name);
    });
  }

  /// The parameter that begins at an address; none if the address is in no parameter's memory.
  std::optional<std::size_t> parameter_at(const std::byte* address) const {
    const detail::memory_range* range = detail::range_at(ranges_, address);
    if (range == nullptr) return {};
    if (address != range->begin)
      fail(detail::name_of(parameters_, range->parameter), "address read", "inside the tensor",
           "be its first weight; say where to read by `first`");
    return range->parameter;
  }
  /// The same, noted as read.
  std::optional<std::size_t> parameter_read_at(const std::byte* address) {
    const std::optional<std::size_t> index = parameter_at(address);
    if (index) std::atomic_ref(read_[*index]).store(1, std::memory_order_relaxed);
    return index;
  }
  static bool moves_from(const void* self, const std::byte* address) {
    const optimizer& o = *static_cast<const optimizer*>(self);
    bool moves = false;
    if (const std::optional<std::size_t> index = o.parameter_at(address))
      o.parameters_.visit(*index, [&](const auto& p) { moves = detail::touches(o.law_, info_of(p)); });
    return moves;
  }
  static bool read_from(void* self, const std::byte* address, std::size_t first, std::size_t count, bool unscaled,
                        std::span<const probe> probes, std::span<float> out) {
    optimizer& o = *static_cast<optimizer*>(self);
    const std::optional<std::size_t> index = o.parameter_read_at(address);
    if (!index) return false;
    o.parameters_.visit(*index, [&](const auto& p) {
      if (first > p.size() || count > p.size() - first)
        fail(p.name, "weights read, up to", first + count, "be at most " + to_text(p.size()));
      const std::uint64_t clamped = detail::read_probes(p, o.law_, o.policies_.estimator.radius, probes, first, out, unscaled);
      if (clamped != 0) o.clamped_reads_.fetch_add(clamped, std::memory_order_relaxed);
    });
    return true;
  }
  static bool multiply_from(void* self, const std::byte* address, const shape& weights, std::span<const probe> probes,
                            tensor_view<const float> x, tensor_view<float> y) {
    if constexpr (sign_factored_law<law>) {
      optimizer& o = *static_cast<optimizer*>(self);
      if (!detail::one_length(probes) || x.columns() != weights.columns || y.columns() != weights.rows) return false;
      const std::optional<std::size_t> index = o.parameter_read_at(address);
      bool known = false;
      if (index)
        o.parameters_.visit(*index, [&](const auto& p) {
          known = p.storage.shape() == weights;  // a list may be read as a matrix, whose rows and columns have no signs then
          if (!known) return;
          const std::uint64_t clamped = detail::multiply_per_example(p, o.law_, o.policies_.estimator.radius, probes, x, y);
          if (clamped != 0) o.clamped_reads_.fetch_add(clamped, std::memory_order_relaxed);
        });
      return known;
    } else {
      return false;
    }
  }

  /// From here on the weights may still be displaced by the last probe of an evaluation in place.
  write_events apply_displaced(const logged_step& step, std::span<const logged_term> terms) {
    if (step.step != step_) fail("apply", "step", step.step, "be " + to_text(step_) + ", the next one");
    if (!exact::is_finite(step.rate) || step.rate < 0) fail("apply", "rate", step.rate, text_of(bound::non_negative));
    if (step.terms != terms.size()) fail("apply", "terms", terms.size(), "be " + to_text(step.terms) + ", as the step says");
    require_own_terms(terms, "apply");
    abandon_step();
    refresh_inputs();
    if (options_.record) reserve_log(terms.size());
    write_events events;
    try {
      events = applier_.apply(team_, inputs_, step, terms, displacer_.start_restoring());
    } catch (...) {
      displacer_.finish_restoring(team_);
      throw;
    }
    if (applier_.visits_weights(terms)) displacer_.end_restoring();
    if (options_.record) {
      log_.steps.push_back(step);
      log_.terms.insert(log_.terms.end(), terms.begin(), terms.end());
    }
    ++step_;
    return events;
  }

  report take(std::span<const double> losses) {
    try {
      for (std::size_t k = 0; k < plan_.size(); ++k) seen_.push_back({plan_[k], losses[k]});
    } catch (...) {
      abandon_step();
      throw;
    }
    plan_.clear();
    make_plan();
    if (plan_.empty()) return finish_step();
    report r;
    r.finished = false;
    r.step = step_;
    return r;
  }
  report finish_step() {
    report r;
    r.step = step_;
    r.rate = rate_;
    r.density = law_.density();
    r.probes = static_cast<std::uint32_t>(seen_.size());
    r.forwards = r.work = r.probes;
    r.loss = mean_loss();
    terms_.clear();
    try {
      policies_.estimator.estimate(seen_, scale_of_step(), terms_);
      if constexpr (logs_curvatures) curvatures_.clear(), policies_.estimator.curvatures(seen_, scale_of_step(), curvatures_);
    } catch (...) {
      abandon_step();
      throw;
    }
    std::uint32_t asked = 0;  // an estimator may ask for fewer in some steps
    for (const evaluation& e : seen_) asked = std::max(asked, e.probe.key.query + 1);
    seen_.clear();
    const auto drop_overflow = [](std::vector<term>& terms) {  // finite losses may be too far apart for a finite coefficient
      std::erase_if(terms, [](const term& t) { return !exact::is_finite(static_cast<float>(t.coefficient)); });
    };
    drop_overflow(terms_);
    drop_overflow(curvatures_);
    const std::array<coefficient_statistics, 2> before = statistics_;
    r.clipped_coefficients = policies_.normalise.apply(terms_, statistics_[0]);
    r.clipped_coefficients += policies_.clip.apply(terms_, statistics_[1]);
    drop_overflow(terms_);
    r.lost_queries = asked - static_cast<std::uint32_t>(terms_.size());
    r.clamped_probes = clamped_reads_.exchange(0, std::memory_order_relaxed);
    r.clamped_probes += displacer_.take_clamped();
    logged_.clear();
    for (const term& t : terms_) logged_.push_back({t.query, static_cast<float>(t.coefficient)});
    for (const term& t : curvatures_) logged_.push_back({t.query | logged_term::curvature_mark, static_cast<float>(t.coefficient)});
    try {
      r.writes = apply_displaced({step_, law_.record(), rate_, static_cast<std::uint32_t>(logged_.size())}, logged_);
    } catch (...) {  // a step that cannot be applied was not seen
      statistics_ = before;
      throw;
    }
    r.growths = growths_ + displacer_.growths();
    r.unread = unread_;
    return r;
  }
  double mean_loss() const {
    double sum = 0;
    std::size_t count = 0;
    for (const evaluation& e : seen_)
      if (exact::is_finite(e.loss)) sum += e.loss, ++count;
    return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
  }

  Parameters parameters_;
  Composition policies_;
  options options_;
  mutable Executor team_;

  std::uint32_t step_ = 0;
  float rate_ = 0;
  std::uint32_t refreshed_for_ = ~std::uint32_t{0};
  inputs_t<direction_policy> inputs_{};
  law law_ = detail::law_of(policies_.direction, 0u, inputs_);
  detail::applier<Parameters, Composition> applier_{parameters_, policies_, options_.run, team_.size()};
  detail::displacer<Parameters, Composition> displacer_{parameters_, policies_, law_, team_.size()};
  std::array<coefficient_statistics, 2> statistics_{};

  std::vector<probe> plan_;
  std::vector<evaluation> seen_;
  std::vector<double> losses_;
  std::vector<term> terms_, curvatures_;
  std::vector<logged_term> logged_;

  std::vector<detail::memory_range> ranges_;
  std::vector<std::uint8_t> read_, judged_;
  std::vector<std::string> unread_;
  bool reads_checked_ = false;
  bool in_scope_ = false;
  std::atomic<std::uint64_t> clamped_reads_{0};
  std::uint64_t growths_ = 0;
  trajectory log_;
};

template <parameter_set Parameters, class... Policies>
optimizer(const Parameters&, const Policies&...) -> optimizer<Parameters, composition_of<Policies...>, executor_of<Policies...>>;

namespace detail {

/// Stands for a first argument that is no set of parameters, so that the compiler says one sentence instead of listing constructors.
template <class Given>
struct no_parameters {
  static_assert(parameter_set<Given>,
                "zolt: the first argument of an optimizer must be a set of parameters: zolt::parameters(...) or a zolt::parameter_list");
  no_parameters(const Given&) {}
  std::size_t size() const { return 0; }
  void visit(std::size_t, any_parameter_visitor) const {}
};

}  // namespace detail

template <class Given, class... Policies>
  requires(!parameter_set<Given>)
optimizer(const Given&, const Policies&...)
->optimizer<detail::no_parameters<Given>, composition_of<Policies...>>;

}  // namespace zolt::inline v0
