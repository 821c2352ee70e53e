#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "zolt/core/memory.hpp"
#include "zolt/kernel/codes.hpp"
#include "zolt/kernel/direction.hpp"
#include "zolt/optimizer/blocks.hpp"
#include "zolt/optimizer/perturbation.hpp"

namespace zolt::inline v0::detail {

/// A weight that the inverse move would not bring back bit for bit: a code that was clamped, a second code of zero, a float where
/// (w + d) − d is far from w. Its raw bits as they were.
struct journal_entry {
  std::uint64_t index;
  std::uint32_t bits;
};

/// What one lane needs to undo its moves. Everything lies in the order of the traversal, so that undoing finds it with a cursor.
struct journal {
  std::vector<journal_entry> entries;
  std::vector<float> saved;          ///< float weights that moved by a part of themselves, which no inverse brings back
  std::vector<std::uint16_t> words;  ///< 16-bit weights that a sparse law touched: what is rounded has no inverse
  std::size_t next_entry = 0;
  std::size_t next_correction = 0;
  std::size_t next_saved = 0;
  std::size_t next_word = 0;
  std::size_t reached = 0;    ///< where moving, or restoring, has come to: what is left to do if memory runs out
  std::uint64_t clamped = 0;  ///< codes that stopped at the end of their range
  std::uint64_t growths = 0;  ///< allocations after the first

  void start_moving() {
    entries.clear();
    saved.clear();
    words.clear();
    start_restoring();
  }
  void start_restoring() { next_entry = next_correction = next_saved = next_word = 0; }

  /// Room for `count` more entries, so that add cannot fail; `weight` is where a failure here leaves the move.
  void make_room(std::size_t weight, std::size_t count) {
    if (entries.capacity() - entries.size() >= count) return;
    reached = weight;
    growths += entries.capacity() != 0;
    entries.reserve(std::max(entries.size() + count, entries.capacity() == 0 ? std::size_t{1024} : 2 * entries.capacity()));
  }
  void add(std::uint64_t index, std::uint32_t bits) { entries.push_back({index, bits}); }
  /// Keeps a word; `weight` is where a failure here leaves the move.
  void add_word(std::size_t weight, std::uint16_t word) {
    if (words.size() == words.capacity()) {
      reached = weight;
      growths += words.capacity() != 0;
      words.reserve(std::max(std::size_t{1024}, 2 * words.capacity()));
    }
    words.push_back(word);
  }
  /// Whether the weight at hand is the next exception.
  bool is_next(std::uint64_t index) const { return next_entry < entries.size() && entries[next_entry].index == index; }
  /// Whether the next exception lies before a weight.
  bool is_before(std::uint64_t index) const { return next_entry < entries.size() && entries[next_entry].index < index; }

  std::size_t bytes() const {
    return entries.capacity() * sizeof(journal_entry) + saved.capacity() * sizeof(float) + words.capacity() * sizeof(std::uint16_t);
  }
};

/// Bytes that weights are undone by: one for a float, see kernel::displace, and two for a 16-bit word, which are the word. There are enough
/// for all of them before the first one moves. A restored weight's bytes are of no use, so that the next displacement may take their place.
class byte_list {
 public:
  void reserve(std::size_t count) {
    if (bytes_.size() < count) bytes_.resize(count);
  }
  std::int8_t* from(std::size_t first) { return bytes_.data() + first; }
  std::size_t capacity() const { return bytes_.capacity(); }

 private:
  tensor_memory<std::int8_t> bytes_;
};

/// Parts of a range that two passes should take one after the other: what they touch stays in a cache. A sparse law's parts are whole groups
/// of its words.
template <resolved_law Law>
std::size_t part_size(const Law& law) {
  constexpr std::size_t dense = 8 * tile_size;
  if constexpr (requires { law.cell(); })
    if (!moves_by_tiles(law)) return std::max(dense, static_cast<std::size_t>(law.cell()) * 16 * random_stream::group_size);
  return dense;
}

/// One parameter under one probe: what a weight moves by per unit of z.
template <parameter_storage Storage>
struct displacement_of {
  direction_key key;
  displacement_t<Storage> step;
};

/// Moves tiles of weights and brings them back. Consecutive calls for one tile and key make its z once.
template <parameter_storage Storage, resolved_law Law>
class tile_mover {
 public:
  tile_mover(const parameter<Storage>& p, const Law& law, std::uint64_t base, byte_list& corrections)
      : parameter_(p), storage_(p.storage), law_(law), info_(info_of(p)), base_(base), corrections_(corrections) {}

  void move(const displacement_of<Storage>& to, std::size_t first, std::size_t count, journal& undo) {
    if (!displacing_law<Law> || coded_storage<Storage> || parameter_.relative) make_direction(to.key, first, count);
    if constexpr (coded_storage<Storage>)
      move_codes(to.step, first, count, undo);
    else if (parameter_.relative)
      move_by_parts(to.step, first, count, undo);
    else
      move_floats(to, first, count, undo);
  }

  void restore(const displacement_of<Storage>& from, std::size_t first, std::size_t count, journal& undo) {
    if constexpr (coded_storage<Storage>) {
      make_direction(from.key, first, count);
      const std::span<code> codes(codes_, count);
      load_codes(storage_, first, codes);
      kernel::move_codes_back<typename Storage::format>(codes_, z_, from.step, count);
      for (; undo.is_before(base_ + first + count); ++undo.next_entry)
        codes[undo.entries[undo.next_entry].index - base_ - first] = static_cast<code>(undo.entries[undo.next_entry].bits);
      store_codes(storage_, first, codes);
    } else if (const std::span<float> w = storage_.values().subspan(first, count); parameter_.relative) {
      std::copy_n(undo.saved.data() + undo.next_saved, count, w.data());
      undo.next_saved += count;
    } else {
      const kernel::past_displacement past = recall(from, first, count, undo);
      if constexpr (displacing_law<Law>) {
        law_.put_back(from.key, info_, first, w, past);
      } else {
        make_direction(from.key, first, count);
        kernel::put_back(w, z_, past);
      }
    }
  }

  /// restore and then move. If memory runs out, the weights of the tile are restored.
  void exchange(const displacement_of<Storage>& from, const displacement_of<Storage>& to, std::size_t first, std::size_t count,
                journal& old, journal& undo) {
    if constexpr (displacing_law<Law> && dense_storage<Storage>)
      if (from.key == to.key && !parameter_.relative) {
        const std::span<float> w = storage_.values().subspan(first, count);
        const kernel::noted_displacement noted = note(to, first, undo);
        const std::size_t losses = law_.exchange(from.key, info_, first, w, recall(from, first, count, old), noted);
        old.reached = first + count;
        return keep(to, first, w, noted, losses, undo);
      }
    restore(from, first, count, old);
    old.reached = first + count;
    move(to, first, count, undo);
  }

  /// restore and then add coefficient·z of the same key.
  void restore_and_add(const displacement_of<Storage>& from, std::size_t first, std::size_t count, journal& undo,
                       float coefficient) requires displacing_law<Law> && dense_storage<Storage> {
    law_.put_back_and_add(from.key, info_, first, storage_.values().subspan(first, count), recall(from, first, count, undo), coefficient);
  }

 private:
  void make_direction(const direction_key& key, std::size_t first, std::size_t count) {
    if (made_ && key == made_key_ && first == made_first_) return;
    law_.fill(key, info_, first, std::span(z_, count));
    made_ = true;
    made_key_ = key;
    made_first_ = first;
  }
  void move_codes(int step, std::size_t first, std::size_t count, journal& undo) {
    const std::span<code> codes(codes_, count);
    load_codes(storage_, first, codes);
    std::copy_n(codes_, count, before_);
    const kernel::moved_codes met = kernel::move_codes<typename Storage::format>(codes_, z_, step, count, exceptions_);
    undo.make_room(first, met.exceptions);
    undo.clamped += met.stopped;
    for (std::size_t j = 0, left = met.exceptions; left != 0; j += 8) {  // few bytes are not 0
      std::uint64_t eight;
      __builtin_memcpy(&eight, exceptions_ + j, sizeof eight);
      for (std::size_t i = j; eight != 0 && i < std::min(j + 8, count); ++i)
        if (exceptions_[i] != 0) undo.add(base_ + first + i, before_[i]), --left;
    }
    store_codes(storage_, first, codes);
  }
  void move_floats(const displacement_of<Storage>& to, std::size_t first, std::size_t count, journal& undo) {
    const std::span<float> w = storage_.values().subspan(first, count);
    const kernel::noted_displacement noted = note(to, first, undo);
    std::size_t losses;
    if constexpr (displacing_law<Law>)
      losses = law_.displace(to.key, info_, first, w, noted);
    else
      losses = kernel::displace(w, z_, noted);
    keep(to, first, w, noted, losses, undo);
  }
  /// Where a kernel notes how to undo the floats of a tile, and what it noted.
  kernel::noted_displacement note(const displacement_of<Storage>& to, std::size_t first, journal& undo) {
    undo.reached = first;
    return {to.step, corrections_.from(undo.next_correction), lost_};
  }
  kernel::past_displacement recall(const displacement_of<Storage>& from, std::size_t first, std::size_t count, journal& undo) {
    std::size_t losses = 0;
    for (; undo.is_before(base_ + first + count); ++undo.next_entry) past_lost_[losses++] = undo.entries[undo.next_entry].bits;
    const kernel::past_displacement past{from.step, corrections_.from(undo.next_correction), past_lost_};
    undo.next_correction += count;
    return past;
  }
  /// Makes entries of what was noted in lost_, or puts the weights back if there is no memory for them.
  void keep(const displacement_of<Storage>& to, std::size_t first, std::span<float> w, const kernel::noted_displacement& noted,
            std::size_t losses, journal& undo) {
    try {
      undo.make_room(first, losses);
    } catch (...) {
      const kernel::past_displacement past{noted.coefficient, noted.corrections, noted.lost};
      if constexpr (displacing_law<Law>)
        law_.put_back(to.key, info_, first, w, past);
      else
        kernel::put_back(w, z_, past);
      throw;
    }
    const std::int8_t *from = noted.corrections, *const end = from + w.size();
    for (std::size_t l = 0; l < losses; ++l, ++from) {
      from = static_cast<const std::int8_t*>(std::memchr(from, 0x80, static_cast<std::size_t>(end - from)));
      undo.add(base_ + first + static_cast<std::size_t>(from - noted.corrections), lost_[l]);
    }
    undo.next_correction += w.size();
  }
  void move_by_parts(float step, std::size_t first, std::size_t count, journal& undo) {
    const std::span<float> w = storage_.values().subspan(first, count);
    undo.reached = first;
    undo.saved.insert(undo.saved.end(), w.begin(), w.end());
    for (std::size_t j = 0; j < count; ++j)
      if (z_[j] != 0) w[j] = displaced<true>(w[j], step * static_cast<float>(z_[j]));
  }

  struct nothing {};
  template <class Yes>
  using if_coded = std::conditional_t<coded_storage<Storage>, Yes, nothing>;
  template <class Yes>
  using if_dense = std::conditional_t<coded_storage<Storage>, nothing, Yes>;

  const parameter<Storage>& parameter_;
  const Storage storage_;
  const Law& law_;
  const parameter_info info_;
  const std::uint64_t base_;
  byte_list& corrections_;
  bool made_ = false;
  direction_key made_key_{};
  std::size_t made_first_ = 0;
  alignas(64) std::int16_t z_[tile_size];
  if_coded<code[tile_size]> codes_, before_;
  if_coded<std::uint8_t[tile_size + 8]> exceptions_;
  if_dense<std::uint32_t[tile_size]> lost_, past_lost_;
};

/// Moves the non-zeros of [first, last). If memory for the journal runs out, those below undo.reached are moved and the others are not.
template <parameter_storage Storage, sparse_law Law>
void move_nonzeros(const parameter<Storage>& p, const Law& law, const displacement_of<Storage>& to, std::size_t first, std::size_t last,
                   std::uint64_t base, journal& undo) {
  const Storage storage = p.storage;
  if constexpr (coded_storage<Storage>) {
    using format = typename Storage::format;
    law.for_each_nonzero(to.key, info_of(p), first, last, prefetching{storage, [&](std::size_t i, int z, std::size_t) {
                                                                        const code before = storage.code(i);
                                                                        const int ordinal = format::ordinal_of(before),
                                                                                  target = moved<format>(ordinal, to.step * z);
                                                                        const bool stops = target - to.step * z != ordinal;
                                                                        undo.clamped += stops;
                                                                        if (stops || format::code_of(ordinal) != before) {
                                                                          undo.make_room(i, 1);
                                                                          undo.add(base + i, before);
                                                                        }
                                                                        if (target != ordinal) storage.set_code(i, format::code_of(target));
                                                                      }});
  } else {
    const std::span<float> w = storage.values();
    with_relative(p.relative, [&]<bool Relative>(std::bool_constant<Relative>) {
      law.for_each_nonzero(to.key, info_of(p), first, last,
                           prefetching{storage, [&](std::size_t i, int z, std::size_t) {
                                         const float before = w[i], d = to.step * static_cast<float>(z);
                                         const float after = exact::opaque(displaced<Relative>(before, d));
                                         const float back =
                                             Relative ? after : after - d;  // what is in the way of an inverse there: any move
                                         if (std::bit_cast<std::uint32_t>(back) != std::bit_cast<std::uint32_t>(before)) {
                                           undo.make_room(i, 1);
                                           undo.add(base + i, std::bit_cast<std::uint32_t>(before));
                                         }
                                         w[i] = after;
                                       }});
    });
  }
}

template <parameter_storage Storage, sparse_law Law>
void restore_nonzeros(const parameter<Storage>& p, const Law& law, const displacement_of<Storage>& from, std::size_t first,
                      std::size_t last, std::uint64_t base, journal& undo) noexcept {
  const Storage storage = p.storage;
  if constexpr (coded_storage<Storage>) {
    using format = typename Storage::format;
    law.for_each_nonzero(from.key, info_of(p), first, last,
                         prefetching{storage, [&](std::size_t i, int z, std::size_t) {
                                       if (undo.is_next(base + i))
                                         storage.set_code(i, static_cast<code>(undo.entries[undo.next_entry++].bits));
                                       else if (from.step * z != 0)
                                         storage.set_code(i, format::code_of(format::ordinal_of(storage.code(i)) - from.step * z));
                                     }});
  } else {
    const std::span<float> w = storage.values();
    law.for_each_nonzero(from.key, info_of(p), first, last, prefetching{storage, [&](std::size_t i, int z, std::size_t) {
                                                                          if (undo.is_next(base + i))
                                                                            w[i] =
                                                                                std::bit_cast<float>(undo.entries[undo.next_entry++].bits);
                                                                          else if (!p.relative)
                                                                            w[i] -= from.step * static_cast<float>(z);
                                                                        }});
  }
}

/// Takes the weights of [first, last) from one displacement to another; null stands for none, the weights themselves. `old` undoes the
/// first, `undo` notes how to undo the second.
///
/// Errors   no memory for `undo`: the weights below undo.reached are displaced by `to`, from old.reached on by `from`, and between by nothing.
template <parameter_storage Storage, resolved_law Law>
void displace(const parameter<Storage>& p, const Law& law, const displacement_of<Storage>* from, const displacement_of<Storage>* to,
              std::size_t first, std::size_t last, std::uint64_t base, byte_list& corrections, journal& old, journal& undo) {
  if (moves_by_tiles(law)) {
    tile_mover<Storage, Law> mover(p, law, base, corrections);
    for_each_part(first, last, tile_size, [&](std::size_t begin, std::size_t end) {
      if (from == nullptr) {
        mover.move(*to, begin, end - begin, undo);
      } else if (to == nullptr) {
        mover.restore(*from, begin, end - begin, old);
        old.reached = end;
      } else {
        mover.exchange(*from, *to, begin, end - begin, old, undo);
      }
    });
  } else if constexpr (sparse_law<Law>) {
    if (from != nullptr) {
      restore_nonzeros(p, law, *from, first, last, base, old);
      old.reached = last;
    }
    if (to != nullptr) move_nonzeros(p, law, *to, first, last, base, undo);
  }
}

/// Takes the weights of [first, last) back from a displacement that `old` undoes and then along its direction by coefficient·z.
template <parameter_storage Storage, displacing_law Law>
  requires dense_storage<Storage>
void restore_and_add(const parameter<Storage>& p, const Law& law, const displacement_of<Storage>& from, std::size_t first, std::size_t last,
                     std::uint64_t base, byte_list& corrections, journal& old, float coefficient) {
  tile_mover<Storage, Law> mover(p, law, base, corrections);
  for_each_part(first, last, tile_size,
                [&](std::size_t begin, std::size_t end) { mover.restore_and_add(from, begin, end - begin, old, coefficient); });
}

}  // namespace zolt::inline v0::detail
