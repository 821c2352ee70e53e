#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/core/exact.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/estimator/estimate.hpp"
#include "zolt/kernel/codes.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/parameter/parameter.hpp"

namespace zolt::inline v0::detail {

/// How far a probe moves a weight of one parameter per unit of z. Exact: whole codes, or a float whose product with z has no rounding.
template <parameter_storage Storage>
using displacement_t = std::conditional_t<coded_storage<Storage>, int, float>;

/// offset·ε·spread·amplitude·unit: radius ε is what a weight moves under z = 1, so spread and amplitude cancel for laws of whole units.
template <parameter_storage Storage, resolved_law Law>
displacement_t<Storage> displacement(const parameter<Storage>& p, const Law& law, double radius, double offset) {
  const double units = offset * radius * law.spread() * law.amplitude();
  const double rounded = exact::round_to_significant(units * p.unit_or_one(), exact::coefficient_bits(Law::bits));
  return static_cast<displacement_t<Storage>>(rounded);
}

/// Where a float goes: d further, or d times itself.
template <bool Relative>
float displaced(float w, float d) {
  if constexpr (Relative)
    return w + exact::product(w, d);
  else
    return w + d;
}

/// f(std::bool_constant<relative>): one branch per range of weights, none per weight.
template <class Function>
void with_relative(bool relative, Function&& f) {
  if (relative)
    f(std::true_type{});
  else
    f(std::false_type{});
}

/// Whether a displacement can be made on a format's grid.
template <number_format Format>
constexpr bool whole_codes(double codes) {
  return codes >= Format::lowest - Format::highest && codes <= Format::highest - Format::lowest && static_cast<int>(codes) == codes;
}

/// Where a weight goes. On codes the move stops at the end of the range; there `step` is a whole number of codes.
template <number_format Format>
constexpr int moved(int ordinal, int step) {
  return std::clamp(ordinal + step, Format::lowest, Format::highest);
}

/// The grid of ascending indices, looked up once per run of weights that share it.
template <coded_storage Storage>
class grid_cursor {
 public:
  explicit grid_cursor(const Storage& storage) : storage_(storage) {}
  const auto& operator()(std::size_t i) {
    if (i >= end_) {
      grid_ = grid_at(storage_, i);
      if constexpr (requires { storage_.scale_end(i); })
        end_ = storage_.scale_end(i);
      else
        end_ = i + 1;
    }
    return grid_;
  }

 private:
  const Storage& storage_;
  std::size_t end_ = 0;
  decltype(grid_at(std::declval<const Storage&>(), 0)) grid_{};
};

/// f(index, z, slot) for the weights of [first, last) that a law touches: its non-zeros, or every weight by tiles.
template <resolved_law Law, class Function>
void for_each_touched(const Law& law, const direction_key& key, const parameter_info& info, std::size_t first, std::size_t last,
                      Function&& f) {
  if constexpr (sparse_law<Law>) {
    law.for_each_nonzero(key, info, first, last, f);
  } else {
    alignas(64) std::int16_t z[tile_size];
    for (std::size_t tile = first; tile < last; tile += tile_size) {
      const std::size_t count = std::min(tile_size, last - tile);
      law.fill(key, info, tile, std::span(z, count));
      for (std::size_t j = 0; j < count; ++j) f(tile + j, z[j], tile + j);
    }
  }
}

/// A visitor of non-zeros that asks for the memory of those to come.
template <class Storage, class Visit>
struct prefetching {
  const Storage& storage;
  Visit visit;

  void operator()(std::uint64_t i, int z, std::uint64_t slot) { visit(static_cast<std::size_t>(i), z, static_cast<std::size_t>(slot)); }
  void ahead(std::uint64_t i) const {
    if constexpr (dense_storage<Storage>)
      prefetch(storage.values().data() + i);
    else if constexpr (requires { storage.prefetch(std::size_t{0}); })
      storage.prefetch(static_cast<std::size_t>(i));
  }
};
template <class Storage, class Visit>
prefetching(const Storage&, Visit) -> prefetching<Storage, Visit>;

/// The values of codes as they are, for a reader that scales them himself.
struct unscaled_grid {
  float operator()(float value) const { return value; }
};

/// to[s][i − first] = the weight where displacement s takes it, for the codes of [first, last) that a law touches; how many stopped early.
template <coded_storage Storage, resolved_law Law, class GridOf>
std::uint64_t read_moved(const parameter<Storage>& p, const Law& law, const direction_key& key, std::span<const int> steps,
                         float* const* to, std::size_t first, std::size_t last, GridOf&& grid_of) {
  using format = typename Storage::format;
  const Storage storage = p.storage;
  std::uint64_t clamped = 0;
  for_each_touched(law, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
    const int ordinal = format::ordinal_of(storage.code(i));
    const auto& grid = grid_of(i);
    for (std::size_t s = 0; s < steps.size(); ++s) {
      const int target = moved<format>(ordinal, steps[s] * z);
      clamped += target != ordinal + steps[s] * z;
      to[s][i - first] = grid(kernel::value_at<format>(target));
    }
  });
  return clamped;
}

/// Above this density a visit of all weights by tiles is faster than one of each non-zero, and a byte per float weight to undo it by
/// smaller than entries for the 28 % of them that do not come back.
inline constexpr double tile_density = 0.25;

template <resolved_law Law>
bool moves_by_tiles(const Law& law) {
  return !sparse_law<Law> || touched_density(law) > tile_density;
}

/// Storage whose codes and scales can be read by the run.
template <class S>
concept tile_readable = coded_storage<S> && requires(const S& s, std::span<code> codes, std::span<float> out) {
  s.load_codes(std::size_t{0}, codes);
  kernel::scale_values(s.grids(), s.layout(), std::size_t{0}, out);
};

/// read_moved for laws that touch most weights.
template <tile_readable Storage, resolved_law Law>
std::uint64_t read_moved_tiles(const parameter<Storage>& p, const Law& law, const direction_key& key, std::span<const int> steps,
                               float* const* to, std::size_t first, std::size_t last, bool unscaled) {
  using format = typename Storage::format;
  const Storage storage = p.storage;
  alignas(64) std::int16_t z[tile_size];
  alignas(64) code before[tile_size], codes[tile_size];
  alignas(64) std::uint8_t exceptions[tile_size];
  std::uint64_t clamped = 0;
  for (std::size_t tile = first; tile < last; tile += tile_size) {
    const std::size_t count = std::min(tile_size, last - tile);
    law.fill(key, info_of(p), tile, std::span(z, count));
    storage.load_codes(tile, std::span(before, count));
    for (std::size_t s = 0; s < steps.size(); ++s) {
      std::copy_n(before, count, codes);
      clamped += kernel::move_codes<format>(codes, z, steps[s], count, exceptions).stopped;
      const std::span<float> out(to[s] + (tile - first), count);
      kernel::decode_values<format>(codes, count, out.data());
      if (!unscaled) kernel::scale_values(storage.grids(), storage.layout(), tile, out);
    }
  }
  return clamped;
}

/// out[k·n + j] = weight first + j under probe k, n = out.size() / probes.size(); with `unscaled` the value of its code. Neighbouring probes
/// of one key share its direction. Returns how many moves stopped at the end of a range.
template <parameter_storage Storage, resolved_law Law>
std::uint64_t read_probes(const parameter<Storage>& p, const Law& law, double radius, std::span<const probe> probes, std::size_t first,
                          std::span<float> out, bool unscaled = false) {
  const std::size_t n = out.size() / probes.size();
  std::uint64_t clamped = 0;
  const Storage storage = p.storage;
  constexpr bool can_be_unscaled = requires { storage.decode_unscaled(first, out); };
  if constexpr (dense_storage<Storage>) {
    std::copy_n(storage.values().data() + first, n, out.data());
  } else {
    if constexpr (can_be_unscaled)
      if (unscaled) storage.decode_unscaled(first, out.first(n));
    if (!unscaled) storage.decode(first, out.first(n));
  }
  for (std::size_t k = 1; k < probes.size(); ++k) std::copy_n(out.data(), n, out.data() + k * n);
  if (!touches(law, info_of(p))) return 0;

  constexpr std::size_t most = 8;  // probes of one key that share a traversal
  for (std::size_t k = 0; k < probes.size();) {
    if constexpr (dense_storage<Storage> && !sparse_law<Law>)
      if (!p.relative) {
        const float step = displacement(p, law, radius, probes[k].offset);
        if (step != 0) add_direction(law, probes[k].key, info_of(p), first, step, out.subspan(k * n, n));
        ++k;
        continue;
      }
    displacement_t<Storage> steps[most];
    float* to[most];
    std::size_t sharing = 0;
    const direction_key key = probes[k].key;
    for (; k < probes.size() && probes[k].key == key && sharing < most; ++k) {
      steps[sharing] = displacement(p, law, radius, probes[k].offset);
      to[sharing] = out.data() + k * n;
      sharing += steps[sharing] != 0;
    }
    if (sharing == 0) continue;
    if constexpr (coded_storage<Storage>) {
      const std::span<const int> moves(steps, sharing);
      if constexpr (tile_readable<Storage>)
        if (moves_by_tiles(law)) {
          clamped += read_moved_tiles(p, law, key, moves, to, first, first + n, unscaled);
          continue;
        }
      if (unscaled)
        clamped += read_moved(p, law, key, moves, to, first, first + n, [](std::size_t) { return unscaled_grid{}; });
      else
        clamped += read_moved(p, law, key, moves, to, first, first + n, grid_cursor(storage));
    } else {
      with_relative(p.relative, [&]<bool Relative>(std::bool_constant<Relative>) {
        for_each_touched(law, key, info_of(p), first, first + n, [&](std::size_t i, int z, std::size_t) {
          if (Relative && z == 0) return;  // not even the sign of a zero
          for (std::size_t s = 0; s < sharing; ++s)
            to[s][i - first] = displaced<Relative>(to[s][i - first], steps[s] * static_cast<float>(z));
        });
      });
    }
  }
  return clamped;
}

}  // namespace zolt::inline v0::detail
