#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/direction/dense.hpp"
#include "zolt/numeric/packing.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace zolt::inline v0 {

/// How far tensors may be scaled back toward, or on from, the weights that training started from, and how their ratios are searched.
///
/// Units    radius and limit: ratios, 1 is the divergence as it is. rate: ratio² per loss.
/// Source   see divergence_projection.
struct ratio_search {
  static constexpr std::string_view name = "ratio_search";
  std::uint32_t interval = 50;    ///< steps between projections
  std::uint32_t iterations = 10;  ///< two-point steps of one projection
  double radius = 0.1;
  double rate = 2;
  double limit = 0.2;  ///< ratios stay in [1 − limit, 1 + limit]; a probe may leave it by its radius

  template <class Field>
  void fields(Field&& field) const {
    field("interval", interval, bound::at_least_one);
    field("iterations", iterations, bound::at_least_one);
    field("radius", radius, bound::fraction);
    field("rate", rate, bound::positive);
    field("limit", limit, bound::fraction);
  }
  friend bool operator==(const ratio_search&, const ratio_search&) = default;
};

/// Both trajectories of a run: that of the weights and that of the ratios. With the base weights it is the checkpoint.
struct projected_trajectory {
  trajectory weights, ratios;
  friend bool operator==(const projected_trajectory&, const projected_trajectory&) = default;
};

namespace detail {

/// A ratio less 1, in whole 2⁻¹⁶: what is multiplied with a divergence has few bits, and the same on every machine.
inline constexpr int ratio_bits = 16;
inline std::int64_t excess_of(float ratio) {
  const double scaled = (double{ratio} - 1) * (1 << ratio_bits);  // exact
  return static_cast<std::int64_t>(std::floor(std::clamp(scaled, -0x1p20, 0x1p20) + 0.5));
}

/// θ + (a − 1)(θ − θ₀): the same line as θ₀ + a(θ − θ₀), and θ itself to the last bit for a = 1.
inline float projected(float anchor, float w, std::int64_t excess) {
  return excess == 0 ? w : w + exact::product(static_cast<float>(excess) * (1.0f / (1 << ratio_bits)), w - anchor);
}
template <number_format Format>
constexpr int projected_ordinal(int anchor, int ordinal, std::int64_t excess, std::uint32_t word) {
  const std::int64_t move = excess * (ordinal - anchor);
  const auto magnitude = static_cast<std::uint64_t>(move < 0 ? -move : move);
  const int away = move < 0 ? -1 : 1, whole = static_cast<int>(magnitude >> ratio_bits);
  const grid_position at{away * whole, away, magnitude << (64 - ratio_bits)};
  return std::clamp(ordinal + stochastic_rounding{}(at, word), Format::lowest, Format::highest);
}

/// What a projected tensor started from: floats, or codes as tightly packed as their bits allow.
struct anchor {
  std::size_t parameter = 0;
  std::vector<std::byte> start;
  std::vector<std::byte> saved;  ///< the tensor's memory, while a loss sees projected weights in place
};

template <parameter_storage Storage>
anchor anchor_of(std::size_t index, const parameter<Storage>& p) {
  anchor a{index, {}, {}};
  if constexpr (coded_storage<Storage>) {
    using codes = packing<Storage::format::bits>;
    a.start.resize(codes::bytes_for(p.size()));
    for (std::size_t i = 0; i < p.size(); ++i) codes::store(a.start.data(), i, p.storage.code(i));
  } else {
    const auto bytes = memory_of(p.storage);
    a.start.assign(bytes.begin(), bytes.end());
  }
  return a;
}
template <class Weight>
Weight anchor_value(const anchor& a, std::size_t i) {
  Weight w;
  std::memcpy(&w, a.start.data() + i * sizeof w, sizeof w);
  return w;
}

/// f(i, target) for the codes of [first, last) that a ratio moves.
template <coded_storage Storage, class Function>
void for_each_projected(const parameter<Storage>& p, const anchor& a, std::int64_t excess, const direction_key& key, std::size_t first,
                        std::size_t last, Function&& f) {
  using format = typename Storage::format;
  if (excess == 0) return;
  word_reader words(random_stream(key, p.id, stream::round_update));
  for (std::size_t i = first; i < last; ++i) {
    const int start = format::ordinal_of(packing<format::bits>::load(a.start.data(), i)), now = format::ordinal_of(p.storage.code(i));
    if (now == start) continue;
    if (const int target = projected_ordinal<format>(start, now, excess, words(i)); target != now) f(i, target);
  }
}

/// f(i, word) for the 16-bit weights of [first, last) that a ratio moves.
template <narrow_storage Storage, class Function>
void for_each_projected(const parameter<Storage>& p, const anchor& a, std::int64_t excess, const direction_key& key, std::size_t first,
                        std::size_t last, Function&& f) {
  if (excess == 0) return;
  const auto format = p.storage.codec();
  const ordinal_range within = ordinals_within(format, p.lowest, p.highest);
  const double factor = static_cast<double>(excess) / (1 << ratio_bits);
  word_reader words(random_stream(key, p.id, stream::round_update));
  for (std::size_t i = first; i < last; ++i) {
    const auto start = anchor_value<std::uint16_t>(a, i), now = p.storage.words()[i];
    if (now == start) continue;
    const double w = format.value_of(now), target = w + exact::product(factor, w - format.value_of(start));
    f(i, encode_word(format, target, stochastic_rounding{}, words(i), within).word);
  }
}

}  // namespace detail

/// An optimizer that now and then scales how far its tensors have gone from where they started: a ratio per tensor, searched with the same
/// loss evaluations, instead of a rate per tensor.
///
///   every `interval` steps:  a_l ← 1;   `iterations` times:  a_l ← clamp(a_l − η·c·z_l, 1 − limit, 1 + limit),
///                            c = (L(a + r z) − L(a − r z)) / (2 r),  z_l = ±1,   where tensor l is seen as θ0_l + a_l·(θ_l − θ0_l);
///                            θ_l ← θ0_l + a_l·(θ_l − θ0_l)
///
/// On codes θ is the ordinal. What a ratio makes of a divergence of few codes is a fraction of a code: it is rounded stochastically, as are
/// 16-bit weights, with one word per weight for all probes of a projection and for its end, so that the weights that are kept are those
/// that the search has seen.
///
/// The first argument is the set of parameters, then the search, then the names of the tensors to project (none: all), then what an
/// optimizer takes. Losses have any of its three forms. Anchors are the weights as they are when this is made.
///
/// Units    see ratio_search. Ratios are used in whole 2⁻¹⁶.
/// Cost     2·iterations loss evaluations more every `interval` steps. State: a copy of the projected tensors, 4 bytes per float weight, 2
///          per 16-bit weight, bits/8 per code; in place, another one while it projects. One thread.
/// Errors   those of the optimizer; a name that no parameter has. A loss that throws during a projection leaves the weights as the step
///          before left them; the next call of step goes on with that projection first.
/// Source   DiZO (Tan et al. 2025, arXiv 2502.03304): the projection and its zeroth-order search.
/// Differs  ratios instead of lengths ‖θ − θ0‖: a probe of 0.1 is a tenth of every divergence, whatever its length. z = ±1 instead of a
///          clipped normal variable: bounded as it is. The weights are computed from θ0 and θ, and never multiplied and divided back, which
///          drifts. Evaluated as θ + (a − 1)(θ − θ0), so that a = 1 changes no bit.
template <parameter_set Parameters, class Composition>
class divergence_projection {
 public:
  using optimizer_type = optimizer<Parameters, Composition>;
  static_assert(!sign_factored_law<typename Composition::law>, "zolt: a projection needs losses of the whole batch, not one per example");

  template <class... Given>
  divergence_projection(const Parameters& parameters, const ratio_search& search, const std::vector<std::string>& names,
                        const Given&... given)
      : search_(checked(search)),
        run_(detail::pick_from<options>(detail::flat(given...)).run),
        optimizer_(parameters, given...),
        anchors_(anchors_of(parameters, names)),
        ratios_(shape{1, anchors_.size()}),
        ratio_optimizer_(ratio_parameters(), two_point{.radius = search.radius}, sgd{.rate = search.rate}, rademacher{}, constant{},
                         no_normalisation{}, no_clip{}, options{.run = run_}) {
    for (const detail::memory_range& range : detail::memory_ranges(parameters))
      for (std::size_t l = 0; l < anchors_.size(); ++l)
        if (anchors_[l].parameter == range.parameter) ranges_.push_back({range.begin, range.end, l});
  }

  /// One step of the optimizer, and a projection after every `interval` of them.
  template <class Loss>
  report step(Loss&& loss) {
    static_assert(loss_function<Loss>,
                  "zolt: the loss must be callable as f() or f(const zolt::probe_view&) and return a number, or one number per probe");
    report r;
    if constexpr (loss_function<Loss>) {
      project(loss);
      r = optimizer_.step(loss);
      project(loss);
    }
    return r;
  }

  projected_trajectory recorded() const { return {optimizer_.recorded(), ratio_optimizer_.recorded()}; }

  /// Repeats a run from the weights it started from, projections included, bit for bit. Afterwards this is where that run was.
  ///
  /// Errors   those of optimizer::replay, of either trajectory; steps of the ratios that do not belong to those of the weights.
  void replay(const projected_trajectory& t) {
    check(t.weights, "replay");
    check(t.ratios, "replay");
    const std::uint64_t most = t.weights.steps.size() / search_.interval * search_.iterations;
    const std::uint64_t least = t.weights.steps.empty() ? 0 : (t.weights.steps.size() - 1) / search_.interval * search_.iterations;
    if (t.ratios.steps.size() < least || t.ratios.steps.size() > most)
      fail("replay", "steps of the ratios", t.ratios.steps.size(), "be at least " + to_text(least) + " and at most " + to_text(most));
    if (ratio_optimizer_.step_number() != 0) fail("replay", "steps already taken", ratio_optimizer_.step_number(), "be 0");
    ratio_optimizer_.replay(without_steps(t.ratios));
    optimizer_.replay(without_steps(t.weights));
    std::size_t term = 0, ratio_term = 0;
    for (const logged_step& s : t.weights.steps) {
      optimizer_.apply(s, std::span(t.weights.terms).subspan(std::exchange(term, term + s.terms), s.terms));
      if (!is_due()) continue;
      start_search();
      while (is_searching() && ratio_optimizer_.step_number() < t.ratios.steps.size()) {
        const logged_step& r = t.ratios.steps[ratio_optimizer_.step_number()];
        ratio_optimizer_.apply(r, std::span(t.ratios.terms).subspan(std::exchange(ratio_term, ratio_term + r.terms), r.terms));
      }
      if (!is_searching()) finish_search();
    }
  }

  const optimizer_type& weights_optimizer() const { return optimizer_; }
  std::uint32_t step_number() const { return optimizer_.step_number(); }
  std::uint32_t projections() const { return projections_; }
  /// The ratios of the last projection, or of the one that goes on, in the order of the parameters.
  std::span<const float> ratios() const { return ratios_.flat(); }
  /// Bytes of the optimizer's state and of the anchors.
  std::size_t state_bytes() const {
    std::size_t bytes = optimizer_.state_bytes();
    for (const detail::anchor& a : anchors_) bytes += a.start.size();
    return bytes;
  }

 private:
  using ratio_optimizer =
      optimizer<static_parameters<dense_view>, composition_of<two_point, sgd, rademacher, constant, no_normalisation, no_clip>>;

  static const ratio_search& checked(const ratio_search& search) {
    std::vector<problem> problems;
    check_fields(search, problems);
    if (!problems.empty()) throw error(std::move(problems));
    return search;
  }
  static std::vector<detail::anchor> anchors_of(const Parameters& parameters, const std::vector<std::string>& names) {
    std::vector<detail::anchor> anchors;
    std::vector<bool> known(names.size(), false);
    for_each_parameter(parameters, [&](std::size_t i, const auto& p) {
      const auto at = std::find(names.begin(), names.end(), p.name);
      if (!names.empty() && at == names.end()) return;
      if (!names.empty()) known[static_cast<std::size_t>(at - names.begin())] = true;
      anchors.push_back(detail::anchor_of(i, p));
    });
    for (std::size_t n = 0; n < names.size(); ++n)
      if (!known[n]) fail("divergence_projection", "tensor to project", names[n], "be the name of a parameter, given once");
    return anchors;
  }
  /// The ratios as a parameter. Its identity is that of the projection, so that a record of another one is refused.
  static_parameters<dense_view> ratio_parameters() {
    std::fill_n(ratios_.data(), ratios_.size(), 1.0f);
    std::uint64_t id = 0;
    const auto mix = [&id](std::uint64_t value) {
      const std::uint64_t both[] = {id, value};
      id = hash_of(reinterpret_cast<const char*>(both), sizeof both);
    };
    mix(search_.interval), mix(search_.iterations);
    for (const detail::anchor& a : anchors_) optimizer_.parameters().visit(a.parameter, [&mix](const auto& p) { mix(p.id); });
    const auto limit = static_cast<float>(search_.limit);
    return parameters(parameter("ratios", ratios_, {.unit = 1, .lowest = 1 - limit, .highest = 1 + limit, .id = id}));
  }
  static trajectory without_steps(trajectory t) {
    t.steps.clear();
    t.terms.clear();
    return t;
  }

  bool is_due() const { return optimizer_.step_number() / search_.interval > projections_; }
  bool is_searching() const { return ratio_optimizer_.step_number() < std::uint64_t{projections_ + 1} * search_.iterations; }
  void start_search() {
    if (ratio_optimizer_.step_number() == std::uint64_t{projections_} * search_.iterations)
      std::fill_n(ratios_.data(), ratios_.size(), 1.0f);
  }
  void finish_search() {
    write(ratios_.flat());
    ++projections_;
  }
  /// The words of a projection's roundings: of a query that no step has.
  direction_key key() const { return {run_, optimizer_.step_number() - 1, ~std::uint32_t{0}}; }

  template <class Loss>
  void project(Loss& loss) {
    if (!is_due()) return;
    start_search();
    while (is_searching()) ratio_optimizer_.step([&](const probe_view& seen) { return losses_of(loss, seen); });
    finish_search();
  }
  template <class Loss>
  std::vector<double> losses_of(Loss& loss, const probe_view& seen) {
    std::vector<double> losses(seen.count());
    shown_ratios_.resize(seen.count() * ratios_.size());
    seen.read(ratios_, 0, shown_ratios_);
    if constexpr (in_place_loss<Loss>) {
      const saved_weights scope(*this);
      for (std::size_t k = 0; k < losses.size(); ++k) {
        restore();
        write(std::span(shown_ratios_).subspan(k * ratios_.size(), ratios_.size()));
        losses[k] = number_of(loss());
      }
    } else {
      shown_.clear();
      for (std::size_t k = 0; k < losses.size(); ++k) shown_.push_back(seen[k]);
      const probe_view view(this, &read_from, shown_);
      if constexpr (probe_loss<Loss>) {
        for (std::size_t k = 0; k < losses.size(); ++k) losses[k] = number_of(loss(view.one(k)));
      } else {
        std::size_t k = 0;
        for (auto&& value : loss(view)) {
          if (k < losses.size()) losses[k] = number_of(value);
          ++k;
        }
        if (k != losses.size()) fail("step", "losses returned", k, "be one per probe, of which there are " + to_text(losses.size()));
      }
    }
    return losses;
  }

  /// f(anchor, parameter, memory of the parameter) for the projected tensors.
  template <class Function>
  void for_each_tensor(Function&& f) {
    for (detail::anchor& a : anchors_) optimizer_.parameters().visit(a.parameter, [&](const auto& p) { f(a, p, memory_of(p.storage)); });
  }
  void save() {
    for_each_tensor([](detail::anchor& a, const auto&, std::span<std::byte> memory) { a.saved.assign(memory.begin(), memory.end()); });
  }
  void restore() noexcept {
    for_each_tensor(
        [](detail::anchor& a, const auto&, std::span<std::byte> memory) { std::copy(a.saved.begin(), a.saved.end(), memory.begin()); });
  }
  struct saved_weights {
    divergence_projection& owner;
    explicit saved_weights(divergence_projection& o) : owner(o) { owner.save(); }
    saved_weights(const saved_weights&) = delete;
    saved_weights& operator=(const saved_weights&) = delete;
    ~saved_weights() {
      owner.restore();
      for (detail::anchor& a : owner.anchors_) a.saved = {};
    }
  };

  /// Takes the weights, as they are, to these ratios.
  void write(std::span<const float> ratios) {
    for (std::size_t l = 0; l < anchors_.size(); ++l) {
      const std::int64_t excess = detail::excess_of(ratios[l]);
      optimizer_.parameters().visit(anchors_[l].parameter, [&]<class S>(const parameter<S>& p) {
        if constexpr (coded_storage<S>) {
          detail::for_each_projected(p, anchors_[l], excess, key(), 0, p.size(),
                                     [&p](std::size_t i, int target) { p.storage.set_code(i, S::format::code_of(target)); });
        } else if constexpr (narrow_storage<S>) {
          const std::span<std::uint16_t> w = p.storage.words();
          detail::for_each_projected(p, anchors_[l], excess, key(), 0, p.size(), [&w](std::size_t i, std::uint16_t word) { w[i] = word; });
        } else {
          const std::span<float> w = p.storage.values();
          for (std::size_t i = 0; i < w.size(); ++i)
            w[i] = std::clamp(detail::projected(detail::anchor_value<float>(anchors_[l], i), w[i], excess), p.lowest, p.highest);
        }
      });
    }
  }

  static bool read_from(void* self, const std::byte* address, std::size_t first, std::size_t count, bool unscaled,
                        std::span<const probe> probes, std::span<float> out) {
    const divergence_projection& all = *static_cast<const divergence_projection*>(self);
    const detail::memory_range* range = detail::range_at(all.ranges_, address);
    if (range == nullptr) return false;
    const std::size_t tensor = range->parameter;
    const detail::anchor& a = all.anchors_[tensor];
    all.optimizer_.parameters().visit(a.parameter, [&]<class S>(const parameter<S>& p) {
      if (address != range->begin) fail(p.name, "address read", "inside the tensor", "be its first weight; say where to read by `first`");
      if (first > p.size() || count > p.size() - first)
        fail(p.name, "weights read, up to", first + count, "be at most " + to_text(p.size()));
      for (std::size_t k = 0; k < probes.size(); ++k) {
        const auto shown = static_cast<std::size_t>(&probes[k] - all.shown_.data());
        const std::int64_t excess = detail::excess_of(all.shown_ratios_[shown * all.anchors_.size() + tensor]);
        all.read_one(p, a, excess, first, unscaled, out.subspan(k * count, count));
      }
    });
    return true;
  }
  template <class S>
  void read_one(const parameter<S>& p, const detail::anchor& a, std::int64_t excess, std::size_t first, bool unscaled,
                std::span<float> out) const {
    if constexpr (coded_storage<S>) {
      const S storage = p.storage;
      const auto show = [&](auto&& grid_of) {
        detail::for_each_projected(p, a, excess, key(), first, first + out.size(), [&](std::size_t i, int target) {
          out[i - first] = grid_of(i)(kernel::value_at<typename S::format>(target));
        });
      };
      if constexpr (requires { storage.decode_unscaled(first, out); })
        if (unscaled) {
          storage.decode_unscaled(first, out);
          return show([](std::size_t) { return detail::unscaled_grid{}; });
        }
      storage.decode(first, out);
      show(detail::grid_cursor(storage));
    } else if constexpr (narrow_storage<S>) {
      const auto format = p.storage.codec();
      p.storage.decode(first, out);
      detail::for_each_projected(p, a, excess, key(), first, first + out.size(),
                                 [&](std::size_t i, std::uint16_t word) { out[i - first] = format.value_of(word); });
    } else {
      for (std::size_t j = 0; j < out.size(); ++j)
        out[j] = std::clamp(detail::projected(detail::anchor_value<float>(a, first + j), p.storage.values()[first + j], excess), p.lowest,
                            p.highest);
    }
  }

  ratio_search search_;
  std::uint64_t run_;
  optimizer_type optimizer_;
  std::vector<detail::anchor> anchors_;
  tensor<float> ratios_;
  ratio_optimizer ratio_optimizer_;
  std::uint32_t projections_ = 0;
  std::vector<detail::memory_range> ranges_;  ///< of the projected tensors, by address; `parameter` counts those
  std::vector<probe> shown_;
  std::vector<float> shown_ratios_;
};

template <parameter_set Parameters, class... Given>
divergence_projection(const Parameters&, const ratio_search&, const std::vector<std::string>&, const Given&...)
    -> divergence_projection<Parameters, composition_of<Given...>>;

}  // namespace zolt::inline v0
