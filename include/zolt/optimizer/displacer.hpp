#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "zolt/core/executor.hpp"
#include "zolt/estimator/estimate.hpp"
#include "zolt/optimizer/application.hpp"
#include "zolt/optimizer/blocks.hpp"
#include "zolt/optimizer/journal.hpp"
#include "zolt/optimizer/narrow_words.hpp"

namespace zolt::inline v0::detail {

/// Weights in place at one probe, at the next, and back: what a loss in place sees, with the memory that it takes to undo it, lane by lane.
/// Parameters, policies and law are the optimizer's.
template <parameter_set Parameters, class Composition>
class displacer {
  using law = typename Composition::law;

 public:
  displacer(const Parameters& parameters, const Composition& policies, const law& of_step, std::size_t lanes)
      : parameters_(parameters), policies_(policies), law_(of_step), lanes_(lanes) {}

  /// Takes the weights from where they are to a probe; null stands for themselves, where nothing can fail.
  ///
  /// Errors   no memory for a journal: the weights are themselves then.
  template <executor Executor>
  void displace(Executor& team, const probe* to) {
    if (to != nullptr && to->offset == 0) to = nullptr;
    const probe* from = displaced_by_ ? &*displaced_by_ : nullptr;
    if (from == nullptr && to == nullptr) return;
    for (lane_state& lane : lanes_) {
      old_of(lane).start_restoring();
      new_of(lane).start_moving();
      for (journal& j : lane.journals) j.reached = 0;
      lane.parts_done = 0;
    }
    try {
      team.run([&](std::size_t lane) { displace_lane(lane, from, to); });
    } catch (...) {  // no memory for a journal: everything goes back
      if (to == nullptr) throw;
      team.run([&](std::size_t lane) noexcept { put_lane_back(lane, from, *to); });
      displaced_by_.reset();
      throw;
    }
    displaced_by_ = to == nullptr ? std::nullopt : std::optional(*to);
    at_hand_ = 1 - at_hand_;
  }

  /// Brings weights back part by part, just before an update meets them.
  class restorer {
   public:
    explicit restorer(displacer& owner) : o_(owner) {}

    template <class S>
    void operator()(std::size_t lane, const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t base) const noexcept {
      if (!o_.displaced_by_) return;
      lane_state& state = o_.lanes_[lane];
      o_.restore(state, p, first, last, base);
      state.restored = base + last;
    }
    /// Whether to bring weights back and add a direction takes one visit of them: that is the one they are displaced along, if any.
    bool adds_in_one_visit(const resolved_term& term) const {
      if (!o_.displaced_by_) return true;
      if constexpr (displacing_law<law> && !updates_by_another_law<law>) return o_.displaced_by_->key == term.key;
      return false;
    }
    /// Brings them back, and then one direction is added.
    template <class S>
    void and_add(std::size_t lane, const parameter<S>& p, const law& of_term, std::size_t first, std::size_t last, std::uint64_t base,
                 const resolved_term& term) const {
      if constexpr (displacing_law<law> && !updates_by_another_law<law>)
        if (o_.displaced_by_ && adds_in_one_visit(term)) return restore_along(lane, p, first, last, base, term.coefficient);
      (*this)(lane, p, first, last, base);
      of_term.add(term.key, info_of(p), first, term.coefficient, p.storage.values().subspan(first, last - first));
    }

   private:
    template <class S>
    void restore_along(std::size_t lane, const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t base,
                       float coefficient) const noexcept {
      lane_state& state = o_.lanes_[lane];
      restore_and_add(p, o_.law_, o_.displacement(p, &*o_.displaced_by_), first, last, base, state.corrections, o_.old_of(state),
                      coefficient);
      state.restored = base + last;
    }
    displacer& o_;
  };
  restorer start_restoring() {
    for (lane_state& lane : lanes_) {
      old_of(lane).start_restoring();
      lane.restored = 0;
    }
    return restorer(*this);
  }
  /// After a restorer met all weights.
  void end_restoring() { displaced_by_.reset(); }
  /// After a restorer went as far as it came: an update that could not be finished leaves no weight under a probe.
  template <executor Executor>
  void finish_restoring(Executor& team) noexcept {
    if (!displaced_by_) return;
    team.run([&](std::size_t lane) noexcept {
      lane_state& state = lanes_[lane];
      for_each_part_of(lane, [&]<class S>(const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t base) {
        const std::uint64_t from = std::clamp(state.restored, base + first, base + last) - base;
        if (from < last) restore(state, p, static_cast<std::size_t>(from), last, base);
      });
    });
    displaced_by_.reset();
  }

  /// Codes that stopped at the end of their range since the last call.
  std::uint64_t take_clamped() {
    std::uint64_t clamped = 0;
    for (lane_state& lane : lanes_)
      for (journal& j : lane.journals) clamped += std::exchange(j.clamped, 0);
    return clamped;
  }
  /// Allocations after the first of every buffer.
  std::uint64_t growths() const {
    std::uint64_t growths = 0;
    for (const lane_state& lane : lanes_)
      for (const journal& j : lane.journals) growths += j.growths;
    return growths;
  }
  std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const lane_state& lane : lanes_) {
      bytes += lane.corrections.capacity();
      for (const journal& j : lane.journals) bytes += j.bytes();
    }
    return bytes;
  }

 private:
  struct lane_state {
    std::array<journal, 2> journals;  ///< one undoes what is, the other notes what is to come
    byte_list corrections;            ///< of float and 16-bit weights that moved by tiles, in the order of the traversal: of either journal
    std::size_t parts_done = 0;
    std::uint64_t restored = 0;  ///< weights of all parameters up to here are back, while an update meets them
  };
  journal& old_of(lane_state& lane) const { return lane.journals[at_hand_]; }
  journal& new_of(lane_state& lane) const { return lane.journals[1 - at_hand_]; }

  void displace_lane(std::size_t lane, const probe* from, const probe* to) {
    lane_state& state = lanes_[lane];
    journal &old = old_of(state), &undo = new_of(state);
    if (moves_by_tiles(law_)) state.corrections.reserve(correction_bytes_of(lane));
    for_each_part_of(lane, [&]<class S>(const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t base) {
      const auto here = displacement(p, from), there = displacement(p, to);
      old.reached = undo.reached = first;
      detail::displace(p, law_, from == nullptr ? nullptr : &here, to == nullptr ? nullptr : &there, first, last, base, state.corrections,
                       old, undo);
      ++state.parts_done;
    });
  }
  /// After displace_lane(lane, from, to) went as far as it could.
  void put_lane_back(std::size_t lane, const probe* from, const probe& to) noexcept {
    lane_state& state = lanes_[lane];
    journal &old = old_of(state), &undo = new_of(state);
    const std::size_t undo_reached = undo.reached, old_reached = old.reached;
    undo.start_restoring();
    std::size_t part = 0;
    for_each_part_of(lane, [&]<class S>(const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t base) {
      const auto here = displacement(p, from), there = displacement(p, &to);
      const auto end_of = [&](std::size_t reached) {
        return part < state.parts_done ? last : part == state.parts_done ? std::clamp(reached, first, last) : first;
      };
      const std::size_t moved = end_of(undo_reached), restored = end_of(old_reached);
      ++part;
      if (first < moved) detail::displace<S, law>(p, law_, &there, nullptr, first, moved, base, state.corrections, undo, undo);
      if (from != nullptr && restored < last)
        detail::displace<S, law>(p, law_, &here, nullptr, restored, last, base, state.corrections, old, old);
    });
  }
  template <class S>
  void restore(lane_state& state, const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t base) const noexcept {
    const auto here = displacement(p, &*displaced_by_);
    journal& old = old_of(state);
    detail::displace<S, law>(p, law_, &here, nullptr, first, last, base, state.corrections, old, old);
  }

  /// Weights of other parameters are where they were.
  auto touched() const {
    return [this](const auto& p) { return touches(law_, info_of(p)); };
  }
  template <class Function>
  void for_each_part_of(std::size_t lane, Function&& f) const {
    for_each_range(parameters_, lanes_.size(), lane, touched(),
                   [&](std::size_t, const auto& p, std::size_t first, std::size_t last, std::uint64_t base) {
                     for_each_part(first, last, part_size(law_), [&](std::size_t begin, std::size_t end) { f(p, begin, end, base); });
                   });
  }
  std::size_t correction_bytes_of(std::size_t lane) const {
    std::size_t count = 0;
    for_each_range(parameters_, lanes_.size(), lane, touched(),
                   [&count]<class S>(std::size_t, const parameter<S>& p, std::size_t first, std::size_t last, std::uint64_t) {
                     if constexpr (narrow_storage<S>)
                       count += (last - first) * sizeof(std::uint16_t);
                     else
                       count += dense_storage<S> && !p.relative ? last - first : 0;
                   });
    return count;
  }
  template <class S>
  displacement_of<S> displacement(const parameter<S>& w, const probe* p) const {
    if (p == nullptr) return {};
    return {p->key, detail::displacement(w, law_, policies_.estimator.radius, p->offset)};
  }

  const Parameters& parameters_;
  const Composition& policies_;
  const law& law_;
  std::vector<lane_state> lanes_;
  std::optional<probe> displaced_by_;  ///< what the weights in memory are displaced by
  std::size_t at_hand_ = 0;            ///< of every lane: the journal that undoes it
};

}  // namespace zolt::inline v0::detail
