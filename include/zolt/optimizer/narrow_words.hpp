#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "zolt/core/exact.hpp"
#include "zolt/optimizer/application.hpp"
#include "zolt/optimizer/journal.hpp"
#include "zolt/optimizer/perturbation.hpp"
#include "zolt/parameter/narrow.hpp"
#include "zolt/update/replayed_residual.hpp"

/// Probes and updates of 16-bit words: what perturbation.hpp, journal.hpp and application.hpp do for floats and codes.
namespace zolt::inline v0::detail {

/// w + d, or w + w·d, in double: a product of two floats is exact there, and a sum keeps what a float would lose of a small change.
template <narrow_format Format>
double displaced_value(const Format& f, std::uint16_t word, float d, bool relative) {
  const double w = f.value_of(word);
  return relative ? w + w * d : w + d;
}

/// The word under a probe: the number nearest to where the displacement takes it. In place and on read are one because both ask here.
template <narrow_format Format>
encoded_word probed_word(const Format& f, std::uint16_t word, float d, bool relative) {
  return encode_word(f, displaced_value(f, word, d, relative), nearest_even{});
}

/// out[k·n + j] = weight first + j under probe k, as for every storage. Returns how many were cut at the end of the range.
template <narrow_storage Storage, resolved_law Law>
std::uint64_t read_probes(const parameter<Storage>& p, const Law& law, double radius, std::span<const probe> probes, std::size_t first,
                          std::span<float> out, bool /*unscaled*/ = false) {
  const std::size_t n = out.size() / probes.size();
  const auto format = p.storage.codec();
  const std::span<const std::uint16_t> w = p.storage.words();
  p.storage.decode(first, out.first(n));
  for (std::size_t k = 1; k < probes.size(); ++k) std::copy_n(out.data(), n, out.data() + k * n);
  if (!touches(law, info_of(p))) return 0;
  std::uint64_t clamped = 0;
  constexpr std::size_t most = 8;  // probes of one key that share a traversal
  for (std::size_t k = 0; k < probes.size();) {
    float steps[most];
    float* to[most];
    std::size_t sharing = 0;
    const direction_key key = probes[k].key;
    for (; k < probes.size() && probes[k].key == key && sharing < most; ++k) {
      steps[sharing] = displacement(p, law, radius, probes[k].offset);
      to[sharing] = out.data() + k * n;
      sharing += steps[sharing] != 0;
    }
    if (sharing == 0) continue;
    for_each_touched(law, key, info_of(p), first, first + n, [&](std::size_t i, int z, std::size_t) {
      if (z == 0) return;
      for (std::size_t s = 0; s < sharing; ++s) {
        const encoded_word seen = probed_word(format, w[i], steps[s] * static_cast<float>(z), p.relative);
        to[s][i - first] = format.value_of(seen.word);
        clamped += seen.clamped;
      }
    });
  }
  return clamped;
}

/// Takes the words of [first, last) from one displacement to another, as for every storage. A law that touches most weights is undone from
/// a copy of the tile in `corrections`, one that touches few from the words it met in the journal.
///
/// Cost     undo: 2 bytes per weight; under a sparse law 2 bytes per touched weight and journal.
/// Errors   as for every storage; tiles need no memory but what was reserved.
template <narrow_storage Storage, resolved_law Law>
void displace(const parameter<Storage>& p, const Law& law, const displacement_of<Storage>* from, const displacement_of<Storage>* to,
              std::size_t first, std::size_t last, std::uint64_t /*base*/, byte_list& corrections, journal& old, journal& undo) {
  const Storage storage = p.storage;
  const auto format = storage.codec();
  const std::span<std::uint16_t> w = storage.words();
  std::uint64_t clamped = 0;
  const auto move = [&clamped, format, w = w.data(), step = to == nullptr ? 0 : to->step, relative = p.relative](std::size_t i, int z) {
    const encoded_word seen = probed_word(format, w[i], step * static_cast<float>(z), relative);
    w[i] = seen.word;
    clamped += seen.clamped;
  };
  if (moves_by_tiles(law)) {
    alignas(64) std::int16_t z[tile_size];
    for_each_part(first, last, tile_size, [&](std::size_t begin, std::size_t end) {
      const std::size_t bytes = (end - begin) * sizeof(std::uint16_t);
      if (from != nullptr) {
        std::memcpy(w.data() + begin, corrections.from(old.next_correction), bytes);
        old.next_correction += bytes;
        old.reached = end;
      }
      if (to != nullptr) {
        std::memcpy(corrections.from(undo.next_correction), w.data() + begin, bytes);
        undo.next_correction += bytes;
        law.fill(to->key, info_of(p), begin, std::span(z, end - begin));
        for (std::size_t i = begin; i < end; ++i)
          if (z[i - begin] != 0) move(i, z[i - begin]);
        undo.reached = end;
      }
    });
  } else if constexpr (sparse_law<Law>) {
    if (from != nullptr) {
      law.for_each_nonzero(from->key, info_of(p), first, last,
                           prefetching{storage, [&](std::size_t i, int, std::size_t) { w[i] = old.words[old.next_word++]; }});
      old.reached = last;
    }
    if (to != nullptr)
      law.for_each_nonzero(to->key, info_of(p), first, last, prefetching{storage, [&](std::size_t i, int z, std::size_t) {
                                                                           undo.add_word(i, w[i]);
                                                                           move(i, z);
                                                                         }});
  }
  undo.clamped += clamped;
}

/// One sentence from the compiler if a write-back cannot land on 16-bit words.
template <write_back WriteBack, parameter_storage Storage>
constexpr void require_landing() {
  static_assert(!narrow_storage<Storage> ||
                    (WriteBack::residual_bits == 0 && !replaying_write_back<WriteBack> && !std::same_as<WriteBack, always_one_code>),
                "zolt: 16-bit weights keep no residual and have no codes: give zolt::stochastic, zolt::thrifty or zolt::nearest");
}

/// Lands updates on the words of one parameter: w + Δ, or w + w·Δ, goes to one of its two neighbours as the write-back rounds, and no word
/// leaves the parameter's bounds or the format's range. A change that is no finite number is not made, and counted as cut; so is one of a
/// word that is none, which somebody wrote since.
template <write_back WriteBack, narrow_storage Storage>
class word_writer {
  using format_type = typename Storage::format;

 public:
  explicit word_writer(const parameter<Storage>& p)
      : w_(p.storage.words().data()),
        format_(p.storage.codec()),
        within_(ordinals_within(format_, p.lowest, p.highest)),
        relative_(p.relative) {}

  void land(std::size_t i, float delta, std::uint32_t random, write_events& events) const {
    if (delta == 0) return;  // no update, not even of the sign of a zero
    const std::uint16_t before = w_[i];
    if (!exact::is_finite(delta) || !exact::is_finite(format_.value_of(before))) return void(++events.clamped);
    const encoded_word after = encode_word(format_, displaced_value(format_, before, delta, relative_), WriteBack::round, random, within_);
    const bool moves = format_type::ordinal_of(after.word) != format_type::ordinal_of(before);
    events.clamped += after.clamped;
    events.moved += moves;
    w_[i] = moves ? after.word : before;  // no branch: half of them would mispredict
  }

 private:
  std::uint16_t* w_;
  format_type format_;
  ordinal_range within_;
  bool relative_;
};

/// Applies the terms of a linear rule one after another to the non-zeros of a sparse law.
template <write_back WriteBack, narrow_storage Storage, sparse_law Law>
void apply_sparse(const parameter<Storage>& p, const Law& law, std::span<const resolved_term> terms, parameter_state&, std::size_t first,
                  std::size_t last, write_events& events) {
  const word_writer<WriteBack, Storage> writer(p);
  for (const resolved_term& t : terms) {
    word_reader words(random_stream(t.key, p.id, stream::round_update));
    law.for_each_nonzero(t.key, info_of(p), first, last, [&](std::uint64_t i, int z, std::uint64_t slot) {
      writer.land(static_cast<std::size_t>(i), t.coefficient * static_cast<float>(z), WriteBack::round.random ? words(slot) : 0, events);
    });
  }
}

/// Adds unit·delta to a tile of words.
template <write_back WriteBack, narrow_storage Storage, class Changed = unrecorded>
void write_tile(const parameter<Storage>& p, const direction_key& key, parameter_state&, std::size_t first, std::span<const float> delta,
                float unit, write_events& events, Changed&& = {}) {
  const word_writer<WriteBack, Storage> writer(p);
  update_words<WriteBack> words(key, p.id);
  write_events met;
  for_each_part(first, first + delta.size(), tile_size, [&](std::size_t begin, std::size_t end) {
    const std::uint32_t* random = WriteBack::round.random ? words.draw(begin, end - begin) : nullptr;
    for (std::size_t i = begin; i < end; ++i)
      writer.land(i, exact::product(unit, delta[i - first]), WriteBack::round.random ? random[i - begin] : 0, met);
  });
  events = events + met;
}

}  // namespace zolt::inline v0::detail
