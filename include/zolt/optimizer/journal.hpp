#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zolt/optimizer/perturbation.hpp"

namespace zolt::inline v0::detail {

/// A weight that the inverse move would not bring back bit for bit: a code that was clamped, a second code of zero, a float where
/// (w + d) − d ≠ w or that moved by a part of itself. Its raw bits as they were.
struct journal_entry {
  std::uint64_t index;
  std::uint32_t bits;
};

/// What one lane needs to undo its moves. Entries lie in the order of the traversal, so that undoing finds them with a cursor.
struct journal {
  std::vector<journal_entry> entries;
  std::vector<float> saved;  ///< whole tiles of float weights under a law that touches most of them: cheaper than entries
  std::size_t next_entry = 0;
  std::size_t next_saved = 0;
  std::size_t reached = 0;    ///< the weight of the current block that is not moved yet if memory runs out
  std::uint64_t clamped = 0;  ///< codes that stopped at the end of their range
  std::uint64_t growths = 0;  ///< allocations after the first

  void start_moving() {
    entries.clear();
    saved.clear();
    reached = 0;
    start_restoring();
  }
  void start_restoring() { next_entry = next_saved = 0; }

  void add(std::size_t weight, std::uint64_t index, std::uint32_t bits) {
    if (entries.size() == entries.capacity()) {
      reached = weight;
      grow(entries, 1);
    }
    entries.push_back({index, bits});
  }
  void reserve_copy(std::size_t weights) { saved.reserve(weights); }
  void save(std::span<const float> weights) { saved.insert(saved.end(), weights.begin(), weights.end()); }
  /// Whether the weight at hand is the next exception.
  bool is_next(std::uint64_t index) const { return next_entry < entries.size() && entries[next_entry].index == index; }

 private:
  template <class T>
  void grow(std::vector<T>& list, std::size_t count) {
    growths += list.capacity() != 0;
    list.reserve(std::max(list.size() + count, list.capacity() == 0 ? std::size_t{1024} : 2 * list.capacity()));
  }
};

/// Above this density a copy of 4 bytes per weight is smaller than entries for the 28 % of float weights that do not come back.
inline constexpr double copy_density = 0.25;

template <dense_storage Storage, resolved_law Law>
bool keeps_copy(const Law& law) {
  return law.density() > copy_density;
}

/// Moves the weights [first, last) by step·z. `base` makes indices unique over the parameters of a lane. If memory for the journal runs out,
/// the weights below undo.reached are moved and the others are not.
template <parameter_storage Storage, resolved_law Law>
void move_weights(const parameter<Storage>& p, const Law& law, const direction_key& key, displacement_t<Storage> step, std::size_t first,
                  std::size_t last, std::uint64_t base, journal& undo) {
  const Storage storage = p.storage;
  if constexpr (coded_storage<Storage>) {
    using format = typename Storage::format;
    for_each_touched(law, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
      const code before = storage.code(i);
      const int ordinal = format::ordinal_of(before), target = moved<format>(ordinal, step * z);
      undo.clamped += target - step * z != ordinal;
      if (target - step * z != ordinal || format::code_of(ordinal) != before) undo.add(i, base + i, before);
      if (target != ordinal) storage.set_code(i, format::code_of(target));
    });
  } else {
    const std::span<float> w = storage.values();
    const bool copy = keeps_copy<Storage>(law);
    if (copy) undo.save(w.subspan(first, last - first));
    with_relative(p.relative, [&]<bool Relative>(std::bool_constant<Relative>) {
      for_each_touched(law, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
        const float before = w[i], d = step * static_cast<float>(z), after = exact::opaque(displaced<Relative>(before, d));
        const float back = Relative ? after : after - d;  // what is in the way of an inverse there: any move
        if (!copy && std::bit_cast<std::uint32_t>(back) != std::bit_cast<std::uint32_t>(before))
          undo.add(i, base + i, std::bit_cast<std::uint32_t>(before));
        w[i] = after;
      });
    });
  }
}

/// Brings the weights [first, last) back to the bytes they had before move_weights with the same arguments. Never throws.
template <parameter_storage Storage, resolved_law Law>
void restore_weights(const parameter<Storage>& p, const Law& law, const direction_key& key, displacement_t<Storage> step, std::size_t first,
                     std::size_t last, std::uint64_t base, journal& undo) noexcept {
  const Storage storage = p.storage;
  if constexpr (coded_storage<Storage>) {
    using format = typename Storage::format;
    for_each_touched(law, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
      if (undo.is_next(base + i))
        storage.set_code(i, static_cast<code>(undo.entries[undo.next_entry++].bits));
      else if (step * z != 0)
        storage.set_code(i, format::code_of(format::ordinal_of(storage.code(i)) - step * z));
    });
  } else {
    const std::span<float> w = storage.values();
    if (keeps_copy<Storage>(law)) {
      std::copy_n(undo.saved.data() + undo.next_saved, last - first, w.data() + first);
      undo.next_saved += last - first;
      return;
    }
    for_each_touched(law, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
      if (undo.is_next(base + i))
        w[i] = std::bit_cast<float>(undo.entries[undo.next_entry++].bits);
      else if (!p.relative)
        w[i] -= step * static_cast<float>(z);
    });
  }
}

}  // namespace zolt::inline v0::detail
