#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/kernel/cells.hpp"

namespace zolt::inline v0 {

/// ±1 on a random fraction of the weights, by cells: index space is cut into cells of C = ⌊1/ρ⌋ weights, and one 32-bit word per cell says
/// whether the cell has its one non-zero (probability ρ·C), where (uniform on the cell) and with which sign.
///
///   word of cell c → sign: bit 0;  p = (word >> 1)·C;  place: p >> 31;  kept: p mod 2³¹ < ρ·C·2³¹
///
/// Thinning reads the part of the product that is uniform given the place, so density, sign and place are independent.
struct sparse_rademacher_law {
  static constexpr int bits = 1;
  static constexpr bool whole_units = true;
  std::uint32_t rho = ~std::uint32_t{0};  ///< density = (rho + 1) / 2³²

  double density() const { return (rho + 1.0) * 0x1p-32; }
  double spread() const { return std::sqrt(density()); }
  double amplitude() const { return 1 / spread(); }
  std::uint32_t record() const { return rho; }
  std::uint64_t cell() const { return (std::uint64_t{1} << 32) / (std::uint64_t{rho} + 1); }

  /// `f.ahead(index)`, where f has it, is told of a non-zero some time before f is called with it.
  template <class Function>
  void for_each_nonzero(const direction_key& key, const parameter_info& info, std::uint64_t first, std::uint64_t last, Function&& f) const {
    for_each_nonzero(random_stream(key, info.id, stream::direction), first, last, f);
  }
  /// The same from the words of any stream.
  template <class Function>
  void for_each_nonzero(const random_stream& source, std::uint64_t first, std::uint64_t last, Function&& f) const {
    if (first >= last) return;
    const std::uint64_t size = cell(), begin = first / size, end = (last - 1) / size + 1;
    nonzeros found[2];
    std::size_t held = 0;
    std::uint64_t next = begin;
    found_in(source, next, end, first, last, found[held], f);
    while (found[held].count != 0 || next < end) {
      found_in(source, next, end, first, last, found[1 - held], f);
      const nonzeros& now = found[held];
      if (now.every_slot)
        for (std::size_t i = 0; i < now.count; ++i) f(now.index[i], now.sign[i], now.first_slot + i);
      else
        for (std::size_t i = 0; i < now.count; ++i) f(now.index[i], now.sign[i], now.slot[i]);
      held = 1 - held;
    }
  }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    std::fill(z.begin(), z.end(), std::int16_t{0});
    for_each_nonzero(key, info, first, first + z.size(), [&](std::uint64_t i, int sign, std::uint64_t) {
      z[static_cast<std::size_t>(i - first)] = static_cast<std::int16_t>(sign);
    });
  }
  friend bool operator==(const sparse_rademacher_law&, const sparse_rademacher_law&) = default;

 private:
  struct nonzeros {
    std::size_t count = 0;
    bool every_slot = false;  ///< slots are first_slot and those that follow
    std::uint64_t first_slot = 0;
    std::uint64_t index[random_stream::group_size], slot[random_stream::group_size];
    std::int32_t sign[random_stream::group_size];
  };

  /// The non-zeros in the cells from `next` to the end of its group of words, which `next` becomes.
  template <class Function>
  void found_in(const random_stream& source, std::uint64_t& next, std::uint64_t end, std::uint64_t first, std::uint64_t last,
                nonzeros& found, Function& f) const {
    found.count = 0;
    if (next >= end) return;
    const std::uint64_t size = cell(), kept = (std::uint64_t{rho} + 1) * size >> 1;
    const std::uint64_t group = next / random_stream::group_size, start = group * random_stream::group_size;
    alignas(64) std::uint32_t words[random_stream::group_size];
    source.group(group, words);
    const std::uint64_t whole_end = start + random_stream::group_size;
    if (next == start && whole_end <= end && start * size >= first && whole_end * size <= last &&
        kernel::locate_nonzeros(words, start, size, kept, found.index, found.sign)) {
      found.count = random_stream::group_size;
      found.first_slot = start;
      found.every_slot = true;
      next = whole_end;
    } else {
      found.every_slot = false;
      // Kept cells are gathered without a branch, which half of them would mispredict at the worst density.
      std::size_t count = 0;
      for (const std::uint64_t group_end = std::min(end, whole_end); next < group_end; ++next) {
        const std::uint32_t word = words[next - start];
        const std::uint64_t p = (word >> 1) * size, index = next * size + (p >> 31);
        found.index[count] = index;
        found.slot[count] = next;
        found.sign[count] = 1 - 2 * static_cast<int>(word & 1);
        count += static_cast<std::size_t>((p & 0x7fffffff) < kept) & static_cast<std::size_t>(index >= first) &
                 static_cast<std::size_t>(index < last);
      }
      found.count = count;
    }
    if constexpr (requires { f.ahead(first); })
      for (std::size_t i = 0; i < found.count; ++i) f.ahead(found.index[i]);
  }
};

/// Step-matched sparse Rademacher, the default: probes of a few codes on a random fraction of the weights that falls with the step.
///
///   ρ_t = clamp(ratio · (η_t/ε)² / queries, min_density, 1)
///
/// A touched weight then moves as far in the update, η_t/√ρ_t, as it did in the probe, ε: the update is the probe, rounded to whole codes.
/// On a lattice stochastic rounding adds about 0.8·η·√ρ per weight and step to the estimator's η²; with ρ = (η/ε)² it never exceeds it, while
/// a fixed density leaves a floor of noise that no rate gets below. On fine lattices (INT8) ε of 2 to 4 codes costs no accuracy and visits
/// 4 to 16 times fewer weights. `ratio = 0` is a fixed density, `min_density`.
///
/// Units    rate η_t: RMS step per weight in units. Radius ε moves a touched weight by exactly ε units.
/// Cost     one random word per cell of ⌊1/ρ⌋ weights; probing, undoing and updating visit the non-zeros alone.
/// Source   ours. The sparse ±1 probe itself: Achlioptas 2003; a fixed-density form is QES (arXiv 2602.03120).
struct sparse_rademacher {
  static constexpr std::string_view name = "sparse_rademacher";
  static constexpr bool record_holds_all = true;
  /// Below this a cell is so long that one word can no longer say where in it the non-zero lies.
  static constexpr double smallest_density = 0x1p-20;
  double ratio = 1;
  double min_density = 2e-4;

  template <class Field>
  void fields(Field&& field) const {
    field("ratio", ratio, bound::non_negative);
    field("min_density", min_density, bound::fraction);
  }
  sparse_rademacher_law law_at(double relative_rate, std::uint32_t queries) const {
    const double density = std::clamp(ratio * relative_rate * relative_rate / queries, std::max(min_density, smallest_density), 1.0);
    return {static_cast<std::uint32_t>(std::max(density * 0x1p32, 1.0) - 1)};
  }
  sparse_rademacher_law law_of(std::uint32_t record) const { return {record}; }
  friend bool operator==(const sparse_rademacher&, const sparse_rademacher&) = default;
};

}  // namespace zolt::inline v0
