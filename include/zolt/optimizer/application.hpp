#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "zolt/core/memory.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/kernel/codes.hpp"
#include "zolt/kernel/update.hpp"
#include "zolt/optimizer/blocks.hpp"
#include "zolt/optimizer/perturbation.hpp"
#include "zolt/update/rule.hpp"
#include "zolt/update/write_back.hpp"

namespace zolt::inline v0 {

/// What the writes of a step met. Counted, never thrown.
struct write_events {
  std::uint64_t moved = 0;    ///< codes and 16-bit weights that changed
  std::uint64_t clamped = 0;  ///< updates cut at the end of a range

  friend write_events operator+(const write_events& a, const write_events& b) { return {a.moved + b.moved, a.clamped + b.clamped}; }
};

}  // namespace zolt::inline v0

namespace zolt::inline v0::detail {

/// A term with everything but the direction multiplied together and rounded once: Δ = coefficient · z, exact in binary32.
struct resolved_term {
  direction_key key;
  float coefficient;
};

/// The optimizer's memory for one parameter. All are empty for the default rules.
struct parameter_state {
  tensor_memory<float> moments;              ///< planes of one float per weight
  tensor_memory<std::uint8_t> residuals;     ///< packed, see residual_field
  tensor_memory<std::uint8_t> moment_codes;  ///< planes of one byte per weight, see compact_moments
  std::vector<float> moment_scales;          ///< planes of one float per tile

  std::size_t bytes() const { return (moments.size() + moment_scales.size()) * sizeof(float) + residuals.size() + moment_codes.size(); }
};

/// For writes whose changes nobody records.
struct unrecorded {
  void operator()(std::size_t, int) const {}
};

/// Lands one update on one coded weight; changed(i, ordinals) is told if its code is another one then.
template <write_back WriteBack, coded_storage Storage, class Changed = unrecorded>
void land_on(const Storage& storage, parameter_state& state, std::size_t i, int move, write_events& events, Changed&& changed = {}) {
  using format = typename Storage::format;
  using field = residual_field<WriteBack::residual_bits>;
  const code before = storage.code(i);
  const int ordinal = format::ordinal_of(before);
  int rest = 0;
  if constexpr (WriteBack::residual_bits > 0) rest = field::load(state.residuals.data(), i);
  const landing at = land<WriteBack>(ordinal, rest, move, format::lowest, format::highest);
  if constexpr (WriteBack::residual_bits > 0) field::store(state.residuals.data(), i, at.residual);
  storage.set_code(i, at.ordinal != ordinal ? format::code_of(at.ordinal) : before);  // no branch: half of them would mispredict
  events.moved += at.ordinal != ordinal;
  events.clamped += at.clamped;
  if constexpr (!std::same_as<std::remove_cvref_t<Changed>, unrecorded>)
    if (at.ordinal != ordinal) changed(i, at.ordinal - ordinal);
}

/// Lands one update on one float.
template <bool Relative>
void land_on_float(float& w, float delta, float lowest, float highest, write_events& events) {
  if (delta == 0) return;  // no update, not even of the sign of a zero
  const float target = displaced<Relative>(w, delta);
  w = target < lowest ? lowest : target > highest ? highest : target;  // NaN stays NaN
  events.clamped += target < lowest || target > highest;
}

/// Applies the terms of a linear rule one after another to the non-zeros of a sparse law.
template <write_back WriteBack, parameter_storage Storage, sparse_law Law>
void apply_sparse(const parameter<Storage>& p, const Law& law, std::span<const resolved_term> terms, parameter_state& state,
                  std::size_t first, std::size_t last, write_events& events) {
  const Storage storage = p.storage;  // a local copy stays in registers: a store to a byte could change anything else
  for (const resolved_term t : terms) {
    if constexpr (coded_storage<Storage>) {
      word_reader words(random_stream(t.key, p.id, stream::round_update));
      const grid_position ahead = locate_update<WriteBack>(t.coefficient);
      write_events met;
      law.for_each_nonzero(t.key, info_of(p), first, last, [&](std::uint64_t i, int z, std::uint64_t slot) {
        const std::uint32_t word = WriteBack::round.random ? words(slot) : 0;
        int move;
        if constexpr (Law::bits == 1)
          move = z * WriteBack::round(ahead, word);  // a rounding is odd, so that −z moves as far back
        else
          move = rounded_move<WriteBack>(t.coefficient * static_cast<float>(z), word);
        land_on<WriteBack>(storage, state, i, move, met);
      });
      events = events + met;
    } else {
      const std::span<float> w = storage.values();
      with_relative(p.relative, [&]<bool Relative>(std::bool_constant<Relative>) {
        law.for_each_nonzero(t.key, info_of(p), first, last, [&](std::uint64_t i, int z, std::uint64_t) {
          land_on_float<Relative>(w[i], t.coefficient * static_cast<float>(z), p.lowest, p.highest, events);
        });
      });
    }
  }
}

/// gradient[j] = Σ_q coefficient_q · z_q[first + j], in plan order; every product is exact.
template <resolved_law Law>
void accumulate(const Law& law, const parameter_info& info, std::span<const resolved_term> terms, std::size_t first,
                std::span<float> gradient) {
  if (terms.empty()) return std::fill(gradient.begin(), gradient.end(), 0.0f);
  set_direction(law, terms[0].key, info, first, terms[0].coefficient, gradient);
  for (const resolved_term& t : terms.subspan(1)) add_direction(law, t.key, info, first, t.coefficient, gradient);
}

/// One step of error feedback on a tile: u = update + γ·residual moves to the nearest code, or nowhere if the code cannot go there, and
/// the residual keeps the rest. The move is made if `events` are given; otherwise this looks back.
template <write_back WriteBack, coded_storage Storage>
void feed_back(const parameter<Storage>& p, std::size_t first, std::span<const float> update, float retention, std::span<float> residual,
               write_events* events) {
  using format = typename Storage::format;
  const Storage storage = p.storage;
  for (std::size_t j = 0; j < update.size(); ++j) {
    const float u = update[j] + exact::product(retention, residual[j]);
    int move = rounded_move<WriteBack>(u, 0);
    if (move != 0) {
      const int ordinal = format::ordinal_of(storage.code(first + j)), target = ordinal + move;
      const bool gated = target < format::lowest || target > format::highest;
      if (gated) move = 0;
      if (events != nullptr) {
        events->clamped += gated;
        events->moved += move != 0;
        if (move != 0) storage.set_code(first + j, format::code_of(target));
      }
    }
    residual[j] = u - static_cast<float>(move);
  }
}

/// Whether so many codes would move that visiting all is faster than finding those: one in fifty of a sample.
inline bool most_codes_move(std::span<const float> delta) {
  constexpr std::size_t sample = 16;
  float sum = 0;
  for (std::size_t j = 0; j < delta.size() && j < sample; ++j) sum += delta[j] < 0 ? -delta[j] : delta[j];
  return sum > 0.02f * sample;
}

/// The random words of a write-back for the weights of a tile, by index.
template <write_back WriteBack>
class update_words {
 public:
  update_words(const direction_key& key, std::uint64_t parameter)
      : source_(key, parameter, stream::round_update), tails_(key, parameter, stream::round_tail) {}
  const std::uint32_t* draw(std::uint64_t first, std::size_t count) {
    if constexpr (is_thrifty)
      return words_.draw(source_, tails_, first, count);
    else
      return words_.draw(source_, first, count);
  }

 private:
  static constexpr bool is_thrifty = std::same_as<WriteBack, thrifty>;
  random_stream source_, tails_;
  std::conditional_t<is_thrifty, kernel::thrifty_words, kernel::random_tile<32>> words_;
};

/// Lands a tile of updates on codes with stochastic rounding.
template <write_back WriteBack, coded_storage Storage, class Changed>
void land_tile(const Storage& storage, parameter_state& state, update_words<WriteBack>& words_of, std::size_t first,
               std::span<const float> delta, write_events& events, Changed& changed) {
  const std::uint32_t* words = words_of.draw(first, delta.size());
  if constexpr (WriteBack::residual_bits == 0 && std::same_as<std::remove_cvref_t<Changed>, unrecorded>)
    if (most_codes_move(delta)) {
      alignas(64) code codes[tile_size];
      const std::span<code> some(codes, delta.size());
      load_codes(storage, first, some);
      const kernel::landed_codes met = kernel::land_codes<typename Storage::format>(codes, delta.data(), words, delta.size());
      if (met.moved != 0) store_codes(storage, first, std::span<const code>(some));
      events.moved += met.moved;
      events.clamped += met.clamped;
      return;
    }
  std::uint16_t movers[tile_size];
  const auto scale = static_cast<float>(1 << WriteBack::residual_bits);
  const std::size_t found = kernel::find_stochastic_moves(delta.data(), scale, words, delta.size(), movers);
  for (std::size_t m = 0; m < found; ++m) {
    const std::size_t j = movers[m];
    land_on<WriteBack>(storage, state, first + j, rounded_move<WriteBack>(delta[j], words[j]), events, changed);
  }
}

/// Adds delta to a tile of weights. `unit` turns units into the weight's own measure on dense storage.
template <write_back WriteBack, parameter_storage Storage, class Changed = unrecorded>
void write_tile(const parameter<Storage>& p, const direction_key& key, parameter_state& state, std::size_t first,
                std::span<const float> delta, float unit, write_events& events, Changed&& changed = {}) {
  if constexpr (coded_storage<Storage>) {
    const Storage storage = p.storage;
    if constexpr (std::same_as<decltype(WriteBack::round), const stochastic_rounding>) {
      update_words<WriteBack> words(key, p.id);
      for_each_part(first, first + delta.size(), tile_size, [&](std::size_t begin, std::size_t end) {
        land_tile<WriteBack>(storage, state, words, begin, delta.subspan(begin - first, end - begin), events, changed);
      });
    } else {
      word_reader words(random_stream(key, p.id, stream::round_update));
      for (std::size_t j = 0; j < delta.size(); ++j)
        if (delta[j] != 0)
          land_on<WriteBack>(storage, state, first + j, rounded_move<WriteBack>(delta[j], WriteBack::round.random ? words(first + j) : 0),
                             events, changed);
    }
  } else {
    const std::span<float> w = p.storage.values().subspan(first);
    if (p.relative)
      for (std::size_t j = 0; j < delta.size(); ++j) land_on_float<true>(w[j], exact::product(unit, delta[j]), p.lowest, p.highest, events);
    else
      events.clamped += kernel::add_update(w.first(delta.size()), delta.data(), {unit, p.lowest, p.highest});
  }
}

/// Storage of bytes or their halves, which a kernel changes where they lie.
template <class Storage>
concept packed_storage = (Storage::format::bits == 8 || Storage::format::bits == 4) && requires(const Storage& s) {
  { s.packed_codes(std::size_t{0}) } -> std::same_as<std::byte*>;
};

/// Lands one dense ±1 direction on codes, a tile at a time, with thrifty rounding: what write_tile does, without a float. |coefficient| < 1.
template <coded_storage Storage>
  requires kernel::format_of_byte_lanes<typename Storage::format>
void apply_signs(const parameter<Storage>& p, const resolved_term& term, const direction_key& key, std::size_t first, std::size_t last,
                 write_events& events) {
  using format = typename Storage::format;
  const Storage storage = p.storage;
  const random_stream signs(term.key, p.id, stream::direction), bytes(key, p.id, stream::round_update),
      tails(key, p.id, stream::round_tail);
  const auto fraction = static_cast<std::uint32_t>(std::fabs(double{term.coefficient}) * 0x1p32);
  constexpr std::size_t group = random_stream::group_size;
  kernel::sign_words words;
  alignas(64) std::uint32_t shared[group];
  for (std::size_t tile = first; tile < last; tile += tile_size) {
    const std::size_t count = std::min(tile_size, last - tile), t = tile / tile_size;
    signs.group(t, words.signs);
    bytes.groups(t * (tile_size / 4 / group), tile_size / 4 / group, words.bytes);
    if (tile == first || tile / group % group == 0) tails.group(tile / group / group, shared);
    std::copy_n(shared + tile / group % group, tile_size / group, words.tails);
    if constexpr (requires { storage.prefetch(tile); })  // words are made while the next codes come
      for (std::size_t i = tile + tile_size; i < std::min(last, tile + 2 * tile_size); i += 64) storage.prefetch(i);
    kernel::landed_codes met;
    if constexpr (packed_storage<Storage>) {
      met = kernel::land_signs<format, packing<format::bits>>(storage.packed_codes(tile), words, fraction, term.coefficient < 0, count);
    } else {
      alignas(64) code codes[tile_size];
      load_codes(storage, tile, std::span<code>(codes, count));
      met = kernel::land_signs<format, packing<8>>(reinterpret_cast<std::byte*>(codes), words, fraction, term.coefficient < 0, count);
      store_codes(storage, tile, std::span<const code>(codes, count));
    }
    events.moved += met.moved;
    events.clamped += met.clamped;
  }
}

/// Whether thrifty write-back may skip: the greatest probability of a move is small.
template <resolved_law Law>
double most_probable_move(std::span<const resolved_term> terms) {
  double sum = 0;
  for (const resolved_term& t : terms) sum += std::fabs(double{t.coefficient});
  return sum * ((1 << Law::bits) - 1);
}

/// Lands a dense update of which no weight moves with more than probability `bound`: weights are drawn by cells with a probability of about
/// `bound`, and move if another word is below |Δ|/bound. Only those are looked at.
template <coded_storage Storage, resolved_law Law>
void apply_skipping(const parameter<Storage>& p, const Law& law, std::span<const resolved_term> terms, double bound,
                    const direction_key& key, parameter_state& state, std::size_t first, std::size_t last, write_events& events) {
  const Storage storage = p.storage;
  const sparse_rademacher_law drawn{static_cast<std::uint32_t>(std::max(bound, sparse_rademacher::smallest_density) * 0x1p32)};
  word_reader tests(random_stream(key, p.id, stream::round_tail));
  write_events met;
  drawn.for_each_nonzero(random_stream(key, p.id, stream::round_update), first, last,
                         prefetching{storage, [&](std::size_t i, int, std::size_t slot) {
                                       float delta = 0;
                                       for (const resolved_term& t : terms)
                                         if (const int z = direction_at(law, t.key, info_of(p), i); z != 0)
                                           delta += t.coefficient * static_cast<float>(z);
                                       const double test = std::fabs(double{delta}) * 0x1p64 / (drawn.rho + 1.0);
                                       const bool moves = tests(slot) < test;
                                       land_on<stochastic>(storage, state, i, moves ? (delta < 0 ? -1 : 1) : 0, met);
                                     }});
  events = events + met;
}

}  // namespace zolt::inline v0::detail
