#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/estimator/criterion.hpp"
#include "zolt/optimizer/code_delta_log.hpp"
#include "zolt/optimizer/layer_recorder.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/optimizer/outer_applier.hpp"
#include "zolt/optimizer/transposed_product.hpp"

namespace zolt::inline v0 {

/// Outputs of a forward pass: contiguous floats, one row per example, the copy of the batch leading.
template <class R>
concept network_outputs = (std::ranges::contiguous_range<R> && std::same_as<std::ranges::range_value_t<R>, float>) || requires(const R& r) {
  { r.data() } -> std::convertible_to<const float*>;
  { r.size() } -> std::convertible_to<std::size_t>;
  requires bool(R::IsRowMajor) || R::ColsAtCompileTime == 1;  // an Eigen matrix
}
|| std::convertible_to<R, tensor_view<const float>>;

/// A forward pass that calls zolt::linear for its layers and returns the outputs of the network.
template <class F>
concept network_forward =
    std::invocable<F&, const probe_view&> && network_outputs<std::remove_cvref_t<std::invoke_result_t<F&, const probe_view&>>>;

namespace detail {

template <class Outputs>
std::span<const float> floats_of_outputs(const Outputs& outputs) {
  if constexpr (requires { outputs.outerStride(); })  // a part of an Eigen matrix
    if ((outputs.size() > 1 && outputs.innerStride() != 1) ||
        (outputs.rows() > 1 && outputs.cols() > 1 && outputs.outerStride() != outputs.cols()))
      fail("forward", "outputs", "strided", "be contiguous rows");
  if constexpr (std::convertible_to<Outputs, tensor_view<const float>> && !std::ranges::contiguous_range<Outputs>)
    return static_cast<tensor_view<const float>>(outputs).flat();
  else
    return {outputs.data(), static_cast<std::size_t>(outputs.size())};
}

template <class E>
constexpr layer_needs needs_of() {
  layer_needs needs;
  needs.probes = probing_layer_estimator<E>;
  if constexpr (requires { E::slope; }) needs.slope = E::slope;
  needs.stream_error = requires { requires E::reads_stream; };
  needs.hidden = !requires { requires E::head_only; };
  needs.losses = requires { requires E::reads_losses; };
  needs.backward = requires { requires E::calls_backward; };
  return needs;
}

}  // namespace detail

/// Fine-tunes parameters with forward passes whose layers are seen: the optimizer of an estimator that reads more than loss scalars.
///
///   clean forward → error of the outputs → probes of layers, if the estimator has any → signals
///   ĝ = signalᵀ · input / examples, tile by tile → normaliser → update rule → write-back
///
/// The user's forward is the one that other estimators probe; it calls `linear(probes, w, x, y)` for every layer that is trained. The first
/// step makes one or two forwards more, to learn which layers there are and whether the forward takes several copies of the batch at once.
///
/// Units    rate: RMS step per weight in units, under the default normaliser.
/// Cost     working_bytes(), for rows examples, c classes and layers l of n_l inputs and m_l outputs, 4 bytes each: rows·n_l for the inputs of
///          trained layers and of the one above each hidden one, rows·m_l and rows·c for signals, both once per batch of a write. Probing:
///          rows·m_l for outputs of every layer up to the last hidden trained one, and one displacement of the widest. Slopes: rows·m_l,
///          twice if measured; if several layers move at once, rows·copies·m_l more for all but the first. Responses: rows·copies·c;
///          outputs: rows·c. An error of the stream: twice rows·n of the head, the inputs of blocks that are asked, and inputs and signals
///          of their layers. 192 KiB per thread; 8 bytes per row and 4 per column and 64 rows of a parameter for the normaliser. What an
///          estimator needs of its own is in its comment. What policies keep is in state_bytes().
/// Errors   the constructor throws every problem of find_problems. The first step, or the first write where blocks give signals, throws if a
///          parameter belongs to no layer that the estimator has a signal for. A forward that throws leaves everything as it was.
template <parameter_set Parameters, composition_of_layers Composition, executor Executor>
class optimizer<Parameters, Composition, Executor> {
  using estimator_type = decltype(Composition::estimator);
  static constexpr detail::layer_needs needs = detail::needs_of<estimator_type>();
  static constexpr bool probing = probing_layer_estimator<estimator_type>;
  static_assert(probing || needs.slope != activation_slope::measured, "zolt: a slope is measured by probes, which this estimator has not");

 public:
  static constexpr purity_class purity = estimator_type::purity;

  /// Policies, methods and options, in any order.
  template <class... Given>
  explicit optimizer(const Parameters& parameters, const Given&... given)
      : parameters_(parameters),
        policies_(compose(given...)),
        options_(detail::pick_from<options>(detail::flat(given...))),
        team_(validated_executor(detail::flat(given...))) {
    static_assert(composable(std::type_identity<decltype(detail::flat(given...))>{}));
    static_assert(!(method_with_head<Given> || ...), "zolt: a method with a head is for zolt::elastic_optimizer, which trains both parts");
    if (options_.record_codes) log_.emplace(detail::empty_code_delta_log(parameters_, policies_, options_.run), parameters_);
  }
  optimizer(const optimizer&) = delete;
  optimizer& operator=(const optimizer&) = delete;

  /// Throws every problem there is now, for instance weights that somebody made NaN since.
  void validate() const {
    if (auto problems = find_problems(parameters_, policies_, options_); !problems.empty()) throw error(std::move(problems));
  }

  /// One batch: its forwards, its estimate and, with every batches_per_write-th one, an update.
  template <class Forward, class Criterion>
  report step(Forward&& forward, const Criterion& loss) {
    return step(forward, loss, [] {});
  }
  /// The same, with something done when all that the update needs is there and nothing has moved yet. If it throws, the step is none; what
  /// the estimator has learned of the batch stays.
  template <class Forward, class Criterion, std::invocable Before>
  report step(Forward&& forward, const Criterion& loss, Before&& before_update) {
    static_assert(network_forward<Forward>,
                  "zolt: an estimator that reads layers needs a forward that takes const zolt::probe_view&, calls zolt::linear for its "
                  "layers, and returns the outputs of the network, row-major floats");
    static_assert(criterion<Criterion>,
                  "zolt: the second argument of step must be a criterion: loss(example, outputs) and slope(example, outputs, slope) (see "
                  "zolt::softmax_cross_entropy)");
    if constexpr (network_forward<Forward> && criterion<Criterion>) {
      const waiting before = waiting_;
      const std::size_t signals = block_signals_.count();
      try {
        return step_on(running(forward), loss, before_update);
      } catch (...) {
        waiting_ = before;
        block_signals_.keep(signals);
        throw;
      }
    }
    return {};
  }
  template <class Forward>
  report step(Forward&&) {
    static_assert(
        sizeof(Forward) == 0,
        "zolt: this estimator reads the layers of a forward, not one loss: call step(forward, criterion) with a forward that takes "
        "const zolt::probe_view&, calls zolt::linear and returns the outputs (see zolt::layer_estimator)");
    return {};
  }

  /// Outputs of the last layer, for a caller that must know them before a step: the layers are learned now instead of in the first one.
  template <network_forward Forward>
  std::size_t outputs_of(Forward&& forward) {
    if (!discovered_) discover(running(forward));
    return recorder_.head().outputs();
  }

  /// What an estimator of loss scalars offers. Here it does not compile.
  template <class... Arguments>
  void replay(const Arguments&...) {
    not_scalars<Arguments...>();
  }
  template <class... Arguments>
  void recorded(const Arguments&...) const {
    not_scalars<Arguments...>();
  }
  template <class... Arguments>
  void apply(const Arguments&...) {
    not_scalars<Arguments...>();
  }
  template <class... Arguments>
  void ask(const Arguments&...) {
    not_scalars<Arguments...>();
  }
  template <class... Arguments>
  void evaluate(const Arguments&...) {
    not_scalars<Arguments...>();
  }
  template <class... Arguments>
  void tell(const Arguments&...) {
    not_scalars<Arguments...>();
  }

  std::uint32_t step_number() const { return step_; }
  const Parameters& parameters() const { return parameters_; }
  const Composition& policies() const { return policies_; }
  const typename estimator_type::state& estimator_state() const { return estimator_state_; }
  /// Bytes of moments, residuals and what the estimator remembers: all that the policies keep beside the weights.
  std::size_t state_bytes() const {
    std::size_t bytes = applier_.state_bytes();
    for_each_memory_of(estimator_state_, [&bytes](const auto& memory) {
      if constexpr (requires { memory.size(); }) bytes += memory.size() * sizeof memory[0];
    });
    return bytes;
  }
  /// The code-delta log so far, with all that continues it: with the base weights it is the checkpoint.
  /// Errors   options that do not record it, or batches that wait for a write.
  code_delta_log code_log() const {
    if (!log_) fail("code_log", "options.record_codes", "false", "be true from the start");
    if (waiting_.batches != 0) fail("code_log", "batches that wait for a write", waiting_.batches, "be 0");
    detail::byte_writer state;
    state.put(writes_);
    for_each_memory(*this, [&state](const auto& memory) {
      if constexpr (requires { memory.size(); }) {
        state.put(std::uint64_t{memory.size()});
        state.put_bytes(memory.data(), memory.size() * sizeof memory[0]);
      } else {
        state.put(memory);
      }
    });
    return log_->with_state(std::move(state.bytes_));
  }

  /// Takes the weights from their base to where a logged run ended, and goes on as that run would have.
  ///
  /// Errors   steps already taken, options that do not record, another run, composition, base or set of parameters, a damaged log: nothing
  ///          is touched then.
  void resume(const code_delta_log& log) {
    constexpr std::string_view subject = "resume";
    if (step_ != 0) fail(subject, "steps already taken", step_, "be 0: a log starts from the base weights");
    if (!log_) fail(subject, "options.record_codes", "false", "be true, so that the log goes on");
    detail::require_same_run(log, detail::empty_code_delta_log(parameters_, policies_, options_.run), subject);
    const auto read_state = [&](bool keeps) {
      detail::byte_reader state(log.state, subject);
      const auto writes = state.template get<std::uint64_t>("writes");
      if (keeps) writes_ = writes;
      for_each_memory(*this, [&]<class Memory>(Memory& memory) {
        if constexpr (requires { memory.size(); }) {
          const std::size_t count = state.get_count("size of a state", sizeof memory[0]);
          if (!memory.empty() && count != memory.size()) fail(subject, "size of a state", count, "be " + to_text(memory.size()));
          const auto bytes = state.take(count * sizeof memory[0], "state");
          if (!keeps) return;
          memory.resize(count);
          if (count != 0) std::memcpy(memory.data(), bytes.data(), bytes.size());
        } else {
          const auto value = state.template get<Memory>("state");
          if (keeps) memory = value;
        }
      });
      state.finish();
    };
    read_state(false);
    restore(parameters_, log, subject);
    read_state(true);
    log_.emplace(log, parameters_);
    step_ = log.steps;
  }

  /// Bytes that steps hold beside the weights, the user's forward and state_bytes(): see Cost.
  std::size_t working_bytes() const {
    std::size_t bytes = recorder_.bytes() + applier_.working_bytes() + block_signals_.bytes();
    for (const auto* floats : {&outputs_, &responses_, &stream_error_, &product_}) bytes += floats->capacity() * sizeof(float);
    for (const auto* doubles : {&losses_, &changes_}) bytes += doubles->capacity() * sizeof(double);
    if constexpr (requires { estimator_state_.working_bytes(); }) bytes += estimator_state_.working_bytes();
    return bytes + lost_.capacity();
  }

 private:
  template <class... Arguments>
  static constexpr void not_scalars() {
    static_assert(
        sizeof...(Arguments) == ~std::size_t{0},
        "zolt: the steps of an estimator that reads layers (purity class P1 with the head, P2, P3) are no list of keys and scalars: "
        "they cannot be replayed, exchanged or applied as such. Checkpoints come from options{.record_codes = true} and "
        "code_log()");
  }
  /// f(memory) for everything that is remembered from step to step.
  template <class Self, class Function>
  static void for_each_memory(Self& self, Function&& f) {
    for_each_memory_of(self.estimator_state_, f);
    self.applier_.for_each_memory(self.applier_, f);
  }
  template <class State, class Function>
  static void for_each_memory_of(State& state, Function&& f) {
    if constexpr (requires { State::for_each_memory(state, f); }) State::for_each_memory(state, f);
  }

  template <class Flat>
  Executor validated_executor(const Flat& given) const {
    validate();
    return detail::executor_from<Executor>(given);
  }

  /// A forward whose outputs are used while they are there, whatever type they have.
  template <class Forward>
  static auto running(Forward& forward) {
    return [&forward](const probe_view& view, auto&& use) {
      const auto& outputs = forward(view);
      use(detail::floats_of_outputs(outputs));
    };
  }

  template <class Run, class Criterion, class Before>
  report step_on(const Run& run, const Criterion& loss, Before& before_update) {
    if (!discovered_) discover(run);
    const direction_key key{options_.run, step_, 0};
    report r;
    r.step = step_;
    r.rate = policies_.rule.rate * policies_.schedule.factor(step_);
    if (const auto rate = static_cast<float>(r.rate); !exact::is_finite(rate) || rate < 0)
      fail(policy_name<decltype(policies_.schedule)>(), "rate of step " + to_text(step_), r.rate, text_of(bound::non_negative));

    run_clean(run, loss, r);
    recorder_.measure_outputs(lost_);
    const double clean_work = recorder_.take_work();
    network_trace trace = trace_of();
    double work = clean_work;
    if constexpr (probing)
      if (!trace.hidden.empty()) run_rounds(run, loss, key, trace, r);
    const double probe_work = recorder_.take_work();
    if constexpr (needs.stream_error) tell_stream(trace, work);
    policies_.estimator.signals(estimator_state_, key, trace);
    silence_lost_examples();
    waiting_.rows += trace.examples();
    waiting_.heard += trace.examples() - r.lost_examples;
    ++waiting_.batches;
    work += probe_work + outer_work(trace.examples());
    r.forwards = 1 + probe_work / clean_work;
    r.work = work / clean_work;
    r.finished = waiting_.batches == policies_.batches.count;
    changed_.clear();
    if (r.finished) collect_factors();
    before_update();
    if (r.finished) write(r, key);
    if (log_) log_->append(step_, changed_, parameters_);
    ++step_;
    return r;
  }

  template <class Run>
  void discover(const Run& run) {
    recorder_.start_discovery();
    run(probe_view(recorder_, copies(1)), [this](std::span<const float> outputs) {
      recorder_.finish_discovery();
      require_rows(outputs);
      outputs_.assign(outputs.begin(), outputs.end());
    });
    if constexpr (probing) {  // a forward written for one probe returns as many rows for two
      recorder_.start_unwatched();
      takes_copies_ = false;
      try {
        run(probe_view(recorder_, copies(2)),
            [this](std::span<const float> outputs) { takes_copies_ = outputs.size() == 2 * outputs_.size(); });
      } catch (const error&) {  // linear refuses rows that two copies do not divide
      }
    }
    if constexpr (!needs.stream_error) require_layers();
    discovered_ = true;
  }

  template <class Run, class Criterion>
  void run_clean(const Run& run, const Criterion& loss, report& r) {
    recorder_.start_clean(waiting_.rows);
    run(probe_view(recorder_, copies(1)), [&](std::span<const float> outputs) {
      require_rows(outputs);
      const std::size_t classes = recorder_.head().outputs(), rows = outputs.size() / classes;
      recorder_.finish_clean(rows);
      outputs_.assign(outputs.begin(), outputs.end());
      losses_.resize(rows);
      lost_.assign(rows, 0);
      double sum = 0;
      const tensor_view<float> error(recorder_.head().signal.data() + waiting_.rows * classes, {rows, classes});
      for (std::size_t b = 0; b < rows; ++b) {
        const std::span<const float> row = outputs.subspan(b * classes, classes);
        losses_[b] = loss.loss(b, row);
        loss.slope(b, row, error.row(b));
        if (!exact::is_finite(losses_[b]) || !all_finite(error.row(b)))
          lose(b, r);
        else
          sum += losses_[b];
      }
      r.probes = 1;
      r.loss = sum / static_cast<double>(rows - r.lost_examples);  // NaN if all are lost
    });
  }

  template <class Run, class Criterion>
  void run_rounds(const Run& run, const Criterion& loss, const direction_key& key, const network_trace& trace, report& r) {
    const estimator_type& e = policies_.estimator;
    const std::size_t classes = trace.error.columns(), rows = trace.examples();
    for (std::size_t i = 0; i < e.rounds(trace.hidden.size()); ++i) {
      const node_round round = e.round(i, trace.hidden.size());
      displacing at{this, key, round};
      recorder_.start_round(round, &displace, &at);
      responses_.resize(round.count * rows * classes);
      if constexpr (needs.losses) changes_.resize(round.count * rows);
      const std::uint32_t at_once = takes_copies_ ? round.count : 1;
      for (std::uint32_t copy = 0; copy < round.count; copy += at_once) {
        recorder_.start_copies(copy, at_once);
        run(probe_view(recorder_, copies(at_once)), [&](std::span<const float> outputs) {
          recorder_.finish_copies();
          if (outputs.size() != at_once * rows * classes)
            fail("forward", "numbers returned for copies of the batch", outputs.size(), "be " + to_text(at_once * rows * classes));
          take_response(outputs, copy * rows, loss, r);
        });
        ++r.probes;
      }
      recorder_.finish_round();
      for (std::size_t row = 0; row < round.count * rows; ++row)
        if (lost_[row % rows] != 0) std::fill_n(&responses_[row * classes], classes, 0.0f);
      policies_.estimator.observe(estimator_state_, key, trace,
                                  {round, {responses_.data(), {round.count * rows, classes}}, std::span<const double>(changes_)});
    }
  }

  /// What some copies of the batch gave, as a change from the clean forward.
  template <class Criterion>
  void take_response(std::span<const float> outputs, std::size_t first_row, const Criterion& loss, report& r) {
    const std::size_t classes = recorder_.head().outputs(), rows = losses_.size();
    for (std::size_t row = 0; row < outputs.size() / classes; ++row) {
      const std::size_t b = row % rows;
      const std::span<const float> now = outputs.subspan(row * classes, classes);
      const std::span<float> change = std::span(responses_).subspan((first_row + row) * classes, classes);
      for (std::size_t c = 0; c < classes; ++c) change[c] = now[c] - outputs_[b * classes + c];
      double loss_change = 0;
      if constexpr (needs.losses) changes_[first_row + row] = loss_change = lost_[b] != 0 ? 0 : loss.loss(b, now) - losses_[b];
      if (lost_[b] == 0 && !(all_finite(change) && exact::is_finite(loss_change))) lose(b, r);
    }
  }

  /// The error of the head's input: eᵀ through the head's weights, and through a normalisation before it that offers its backward. Blocks are
  /// then asked for the signals of their own layers.
  void tell_stream(network_trace& trace, double& work) {
    detail::recorded_layer& head = recorder_.head();
    const std::size_t rows = trace.examples(), width = head.inputs();
    stream_error_.resize(rows * width);
    product_.resize(rows * width);
    detail::multiply_transposed([&head](std::size_t first, std::span<float> out) { head.call.read(first, out); }, head.call.weights,
                                trace.error, {stream_error_.data(), {rows, width}});
    work += static_cast<double>(rows) * static_cast<double>(head.call.weights.size());
    if (waiting_.batches == 0) block_signals_.clear();  // otherwise those of earlier batches wait for their write
    for (const detail::recorded_local& local : recorder_.locals())
      if ((local.before_head || needs.backward) && local.rows != rows)
        fail("local layer", "rows", local.rows, "be " + to_text(rows) + ", those of the outputs");
    for (detail::recorded_local& local : recorder_.locals())
      if (local.before_head) {
        local.call.backward(local.call.object, {local.input.data(), {rows, width}}, {stream_error_.data(), {rows, width}},
                            {product_.data(), {rows, width}}, block_signals_);
        stream_error_.swap(product_);
      }
    trace.stream_error = {stream_error_.data(), {rows, width}};
    for (const layer_trace& layer : trace.hidden)
      if (layer.outputs != width)
        fail("layer " + to_text(layer.number), "outputs", layer.outputs,
             "be " + to_text(width) + ", the inputs of the last layer, to be told the error of the stream");
    if constexpr (needs.backward)
      for (detail::recorded_local& local : recorder_.locals()) {
        if (local.before_head) continue;
        if (local.columns != width) fail("block", "width", local.columns, "be " + to_text(width) + ", the inputs of the last layer");
        local.call.backward(local.call.object, {local.input.data(), {rows, width}}, trace.stream_error, {product_.data(), {rows, width}},
                            block_signals_);
        work += 2 * local.work;  // its forward again, and as many transposed products
      }
  }

  /// What the update is made of. An error of theirs is one before anything has moved.
  void collect_factors() {
    factors_.clear();
    for (const detail::recorded_layer& layer : recorder_.layers()) {
      const bool head = &layer == &recorder_.head();
      if (!layer.trained() || !(layer.estimated || head)) continue;
      const tensor_view<const float> signal(layer.signal.data(), {waiting_.rows, layer.outputs()});
      if (layer.weight) factors_.push_back({*layer.weight, signal, {layer.input.data(), {waiting_.rows, layer.inputs()}}});
      if (layer.bias) factors_.push_back({*layer.bias, signal, {}});
    }
    block_signals_.for_each([this](const detail::outer_factor& f) { factors_.push_back(f); });
    for (std::size_t i = 0; i < factors_.size(); ++i) factors_[i].order = i;
    std::sort(factors_.begin(), factors_.end(), [](const detail::outer_factor& a, const detail::outer_factor& b) {
      return std::pair(a.parameter, a.order) < std::pair(b.parameter, b.order);
    });
    require_factors();
    applier_.require_shapes(factors_);
  }
  void write(report& r, const direction_key& key) {
    if (waiting_.heard == 0) {
      waiting_ = {};
      return;
    }
    const auto met = applier_.apply(team_, factors_, waiting_.heard, r.rate, key, writes_, log_ ? &changed_ : nullptr);
    ++writes_;
    r.writes = met.writes;
    r.clipped_gradients = met.clipped;
    r.lost_gradients = met.lost;
    waiting_ = {};
  }
  /// Every parameter has an estimate, or nothing is written.
  void require_factors() {
    require_each([this](std::size_t parameter) {
      return std::any_of(factors_.begin(), factors_.end(), [&](const detail::outer_factor& f) { return f.parameter == parameter; });
    });
  }
  /// Every parameter belongs to a layer that gets a signal, or no step is made.
  void require_layers() {
    require_each([this](std::size_t parameter) {
      const auto& all = recorder_.layers();
      return std::any_of(all.begin(), all.end(), [&](const detail::recorded_layer& layer) {
        return (layer.estimated || &layer == &recorder_.head()) && (layer.weight == parameter || layer.bias == parameter);
      });
    });
  }
  template <class Has>
  void require_each(Has&& has) {
    std::vector<problem> problems;
    for_each_parameter(parameters_, [&](std::size_t i, const auto& p) {
      if (!has(i))
        problems.push_back({p.name, "estimate of " + std::string(policy_name<estimator_type>()), "none",
                            needs.hidden ? "be one: train weights that zolt::linear reads and biases that zolt::add_bias adds"
                                         : "be one: train the last layer's weights and bias alone"});
    });
    if (!problems.empty()) throw error(std::move(problems));
  }
  void require_rows(std::span<const float> outputs) {
    if (const std::size_t classes = recorder_.head().outputs(); outputs.size() % classes != 0)
      fail("forward", "numbers returned", outputs.size(), "be rows of " + to_text(classes) + ", the outputs of the last layer");
  }

  network_trace trace_of() {
    const std::size_t classes = recorder_.head().outputs();
    return {recorder_.hidden(), {recorder_.head().signal.data() + waiting_.rows * classes, {losses_.size(), classes}}, {}, lost_};
  }
  double outer_work(std::size_t rows) {
    double work = 0;
    for (const detail::recorded_layer& layer : recorder_.layers())
      if (layer.weight) work += static_cast<double>(rows) * static_cast<double>(layer.call.weights.size());
    double of_blocks = 0;
    block_signals_.for_each([&of_blocks](const detail::outer_factor& f) {
      of_blocks += static_cast<double>(f.signal.rows()) * static_cast<double>(f.outputs() * f.inputs());
    });
    return work + of_blocks - std::exchange(waiting_.block_work, of_blocks);
  }

  void lose(std::size_t example, report& r) {
    lost_[example] = 1;
    ++r.lost_examples;
    const std::size_t classes = recorder_.head().outputs();
    std::fill_n(recorder_.head().signal.data() + (waiting_.rows + example) * classes, classes, 0.0f);
    recorder_.drop(example);
  }
  void silence_lost_examples() {
    for (std::size_t b = 0; b < lost_.size(); ++b)
      if (lost_[b] != 0)
        for (const layer_trace& layer : recorder_.hidden()) std::fill_n(layer.signal.row(b).data(), layer.outputs, 0.0f);
  }
  static bool all_finite(std::span<const float> values) {
    return std::all_of(values.begin(), values.end(), [](float v) { return exact::is_finite(v); });
  }

  std::span<const probe> copies(std::uint32_t count) {
    copies_.clear();
    for (std::uint32_t k = 0; k < count; ++k) copies_.push_back({{options_.run, step_, k}, 0.0});
    return copies_;
  }
  struct displacing {
    optimizer* self;
    direction_key key;
    node_round round;
  };
  static void displace(void* context, std::size_t hidden, std::uint32_t copy, tensor_view<float> out) {
    if constexpr (probing) {
      const displacing& at = *static_cast<displacing*>(context);
      at.self->policies_.estimator.displace(at.key, at.self->recorder_.hidden()[hidden], at.round, copy, out);
    }
  }

  Parameters parameters_;
  Composition policies_;
  options options_;
  Executor team_;
  std::vector<detail::memory_range> ranges_ = detail::memory_ranges(parameters_);
  detail::layer_recorder recorder_{needs, ranges_, policies_.batches.count};
  detail::outer_applier<Parameters, Composition> applier_{parameters_, policies_, team_.size()};
  typename estimator_type::state estimator_state_;

  /// Batches that wait for the next write.
  struct waiting {
    std::uint32_t batches = 0;
    std::size_t rows = 0, heard = 0;  ///< examples, and those of them that are not lost
    double block_work = 0;            ///< multiply-adds of their outer products in blocks
  };

  std::uint32_t step_ = 0;
  std::uint64_t writes_ = 0;
  waiting waiting_;
  bool discovered_ = false, takes_copies_ = false;
  std::vector<probe> copies_;
  std::vector<float> outputs_, responses_, stream_error_, product_;
  std::vector<double> losses_, changes_;
  std::vector<std::uint8_t> lost_;
  std::vector<detail::outer_factor> factors_;
  layer_signals block_signals_{ranges_};
  code_changes changed_;
  std::optional<code_delta_recorder> log_;
};

}  // namespace zolt::inline v0
