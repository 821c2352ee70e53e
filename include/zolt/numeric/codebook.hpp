#pragma once

#include <algorithm>
#include <array>

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// A format given by a table of values: `Table::name` and `Table::values`, one float per code, NaN for a code out of use. The codes need
/// not be in order. Equal values share an ordinal whose canonical code is the first of them. Ordinal 0 is the least value not below zero.
///
/// The nearest value is `Table::nearest_code(float)` where the table has one, otherwise the boundary between two neighbours is the float
/// nearest to their mean and belongs to the lower of them.
///
/// Units    value = the table's.
/// Cost     encoding: a bisection of the table; decoding: one load.
template <class Table>
struct codebook {
 private:
  static constexpr int code_count = static_cast<int>(Table::values.size());
  struct points {
    std::array<float, static_cast<std::size_t>(code_count)> value{};
    std::array<code, static_cast<std::size_t>(code_count)> code_at{};
    std::array<int, static_cast<std::size_t>(code_count)> point_of{};           // −1: no number
    std::array<std::int32_t, static_cast<std::size_t>(code_count)> boundary{};  // above each value but the last, as float_order
    int count = 0;
    int zero = 0;
  };
  static constexpr points sorted = [] {
    points p;
    for (std::size_t c = 0; c < Table::values.size(); ++c) {
      const float v = Table::values[c];
      if ((std::bit_cast<std::uint32_t>(v) & 0x7fffffff) > 0x7f800000) continue;  // NaN, which -ffast-math takes for a number
      std::size_t at = 0;
      while (at < static_cast<std::size_t>(p.count) && p.value[at] < v) ++at;
      if (at < static_cast<std::size_t>(p.count) && p.value[at] == v) continue;
      for (auto j = static_cast<std::size_t>(p.count); j > at; --j) p.value[j] = p.value[j - 1], p.code_at[j] = p.code_at[j - 1];
      p.value[at] = v;
      p.code_at[at] = static_cast<code>(c);
      ++p.count;
    }
    for (std::size_t c = 0; c < Table::values.size(); ++c) {
      p.point_of[c] = -1;
      for (int i = 0; i < p.count; ++i)
        if (p.value[static_cast<std::size_t>(i)] == Table::values[c]) p.point_of[c] = i;
    }
    for (std::size_t i = 0; i + 1 < static_cast<std::size_t>(p.count); ++i)
      p.boundary[i] = float_order(static_cast<float>((double{p.value[i]} + double{p.value[i + 1]}) / 2));
    while (p.zero < p.count - 1 && p.value[static_cast<std::size_t>(p.zero)] < 0) ++p.zero;
    return p;
  }();
  static_assert(std::has_single_bit(Table::values.size()) && Table::values.size() <= 256, "zolt: a codebook has 2, 4, 8 … 256 values");
  static_assert(sorted.count >= 2, "zolt: a codebook has at least two different values");

  static constexpr std::size_t masked(code c) { return c & (Table::values.size() - 1); }
  static constexpr std::size_t index_of(int ordinal) { return static_cast<std::size_t>(ordinal + sorted.zero); }

 public:
  static constexpr std::string_view name = Table::name;
  static constexpr int bits = leading_bit(Table::values.size());
  static constexpr int lowest = -sorted.zero, highest = sorted.count - 1 - sorted.zero;

  static constexpr bool has_ordinal(code c) { return sorted.point_of[masked(c)] >= 0; }
  static constexpr int ordinal_of(code c) { return has_ordinal(c) ? sorted.point_of[masked(c)] - sorted.zero : 0; }
  static constexpr code code_of(int ordinal) { return sorted.code_at[index_of(ordinal)]; }
  static constexpr float value_of(int ordinal) { return sorted.value[index_of(ordinal)]; }
  static constexpr float decode(code c) { return Table::values[masked(c)]; }

  static constexpr int nearest(float x) {
    if constexpr (requires { Table::nearest_code(x); }) {
      return ordinal_of(Table::nearest_code(x));
    } else {
      int ordinal = lowest;
      while (ordinal < highest && float_order(x) > sorted.boundary[index_of(ordinal)]) ++ordinal;
      return ordinal;
    }
  }
};

/// The 4-bit NormalFloat: quantiles of the normal distribution with an exact zero, scaled to [−1, 1].
///
/// Units    value in multiples of the block's largest magnitude.
/// Source   Dettmers et al. 2023 (QLoRA, arXiv 2305.14314) appendix E; a tie goes to the lower value, as in bitsandbytes.
/// Differs  the decimal boundaries in bitsandbytes' C++ round to another float at 4 of 15: there the one float at the boundary goes down
///          although the upper value is nearer. Its torch code agrees with this.
struct nf4_table {
  static constexpr std::string_view name = "nf4";
  static constexpr std::array<float, 16> values = {-1.0f,
                                                   -0.6961928009986877f,
                                                   -0.5250730514526367f,
                                                   -0.39491748809814453f,
                                                   -0.28444138169288635f,
                                                   -0.18477343022823334f,
                                                   -0.09105003625154495f,
                                                   0.0f,
                                                   0.07958029955625534f,
                                                   0.16093020141124725f,
                                                   0.24611230194568634f,
                                                   0.33791524171829224f,
                                                   0.44070982933044434f,
                                                   0.5626170039176941f,
                                                   0.7229568362236023f,
                                                   1.0f};
};
using nf4 = codebook<nf4_table>;

/// The 4-bit float of bitsandbytes: sign and a table of magnitudes that is not in the order of its codes. Code 8 is a second zero.
///
/// Units    value in multiples of the block's largest magnitude.
/// Source   bitsandbytes csrc/kernels.cu: magnitudes 0, 1/192, 2/3, 1, 1/3, 1/2, 1/6, 1/4 and its decimal boundaries, which belong to the
///          smaller magnitude.
struct fp4_table {
  static constexpr std::string_view name = "fp4_bnb";
  static constexpr std::array<float, 8> magnitudes = {0.0f, 0.005208333333f, 0.66666667f, 1.0f, 0.33333333f, 0.5f, 0.16666667f, 0.25f};
  static constexpr std::array<float, 16> values = [] {
    std::array<float, 16> all{};
    for (std::size_t c = 0; c < 8; ++c) all[c] = magnitudes[c], all[c + 8] = c == 0 ? 0.0f : -magnitudes[c];
    return all;
  }();
  static constexpr code nearest_code(float x) {
    constexpr std::array<float, 7> boundaries = {0.00260417f, 0.0859375f, 0.20833333f, 0.29166667f, 0.4166667f, 0.583333f, 0.8333333f};
    constexpr std::array<code, 8> ascending = {0, 1, 6, 7, 4, 5, 2, 3};
    const float magnitude = x < 0 ? -x : x;
    std::size_t at = 0;
    while (at < boundaries.size() && magnitude > boundaries[at]) ++at;
    return static_cast<code>(ascending[at] | (x < 0 ? 8 : 0));
  }
};
using fp4_bnb = codebook<fp4_table>;

/// ggml's non-linear 4 bits: a table of whole numbers without a zero, for weights in blocks of 32.
///
/// Units    value in multiples of the block's scale.
/// Source   ggml-common.h, kvalues_iq4nl.
struct iq4_nl_table {
  static constexpr std::string_view name = "iq4_nl";
  static constexpr std::array<float, 16> values = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
};
using iq4_nl = codebook<iq4_nl_table>;

}  // namespace zolt::inline v0
