#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/core/config.hpp"
#include "zolt/numeric/rounding.hpp"

namespace zolt::inline v0 {

/// How an update lands on codes: a real number of codes becomes a whole one. With a residual the grid is 2^residual_bits times finer, and
/// what the code cannot hold stays beside it. On 16-bit weights the same rounding chooses between the two numbers next to w + Δ; they have
/// no residual.
///
/// What the compiler cannot check: round is a rounding of its argument to a neighbouring integer, odd for one word.
template <class W>
concept write_back = std::copyable<W> && rounding<decltype(W::round)> && requires {
  { W::residual_bits } -> std::convertible_to<int>;
};

/// To the nearest code: exact, deterministic, and blind to every update below half a code.
///
/// Units    codes.
/// Cost     no state.
/// Source   IEEE 754 roundTiesToEven. Here as the control of what stalls: see stochastic.
struct nearest {
  static constexpr std::string_view name = "nearest";
  static constexpr int residual_bits = 0;
  static constexpr nearest_even round{};
  friend bool operator==(const nearest&, const nearest&) = default;
};

/// To one of the two neighbouring codes, unbiased: an update of 0.01 code moves every hundredth weight. The default.
///
/// Units    codes. Variance per weight f(1 − f) for a fraction f.
/// Cost     no state; one random word per touched weight.
/// Source   Gupta et al. 2015 §3.
struct stochastic {
  static constexpr std::string_view name = "stochastic";
  static constexpr int residual_bits = 0;
  static constexpr stochastic_rounding round{};
  friend bool operator==(const stochastic&, const stochastic&) = default;
};

/// Stochastic rounding on a budget of random numbers: as unbiased as `stochastic`, with fewer bits where every weight is visited.
///
///   dense directions:  the 32 bits that are compared with a fraction are a byte of the weight's own above 24 bits that 64 neighbours share
///   if no weight moves with more than a probability p ≤ 1/64 (linear rules, dense directions):  weights that may move are drawn, one at most
///   from each cell of ⌊1/p⌋, and only those are looked at
///
/// P(moves) of a weight is its fraction to 2⁻³², where weights are skipped to 2⁻³¹; that neighbours share bits, or a cell, makes their moves depend on each other, which
/// an expectation does not see.
///
/// Units    codes.
/// Cost     no state; 8.5 random bits per weight, or 64·p bits and one visit of p of the weights; sparse directions: as stochastic.
/// Source   ours; the shared part is a dithered threshold as in fixed-point training, the cells are those of sparse_rademacher.
struct thrifty {
  static constexpr std::string_view name = "thrifty";
  static constexpr int residual_bits = 0;
  static constexpr stochastic_rounding round{};
  static constexpr double most_skipped = 1.0 / 64;
  friend bool operator==(const thrifty&, const thrifty&) = default;
};

/// Toward zero, but never to it: a position between 0 and the first point goes to that point.
///
/// Units    none. Biased away from zero below one step and toward zero above it.
/// Source   max(⌊x⌋, 1), the step of ZOQO (ICASSP 2025).
struct at_least_one_step {
  static constexpr std::string_view name = "at_least_one_step";
  static constexpr bool random = false;
  constexpr int operator()(const grid_position& at, std::uint32_t = 0) const {
    return at.below == 0 && at.fraction != 0 ? at.away : at.below;
  }
};

/// Every weight that an update touches moves at least one code, and further by whole codes alone.
///
///   Δ ← sign(Δ)·max(⌊|Δ|⌋, 1),      0 stays 0
///
/// Units    codes.
/// Cost     no state, no random number.
/// Source   ZOQO (ICASSP 2025): η_q = max(⌊η/s⌋, 1)·s for a code step s.
struct always_one_code {
  static constexpr std::string_view name = "always_one_code";
  static constexpr int residual_bits = 0;
  static constexpr at_least_one_step round{};
  friend bool operator==(const always_one_code&, const always_one_code&) = default;
};

/// Error feedback: code and residual are one fixed-point number of `Bits` more bits; the sum is rounded stochastically to that grid as a
/// whole and then split into the nearest code and what is left.
///
///   t ← clamp(2^k·code + residual + round(2^k·Δ)),   code ← ⌊(t + 2^(k−1)) / 2^k⌋,   residual ← t − 2^k·code
///
/// Units    codes; residual in 2^−Bits codes, −2^(Bits−1) … 2^(Bits−1) − 1.
/// Cost     Bits/8 bytes per weight, rounded up to a power of two of bits.
/// Source   error feedback, Seide et al. 2014; on codes QES (arXiv 2602.03120) keeps it in float.
/// Differs  rounding the sum instead of the residual: rounding the residual alone and clipping it drifts.
template <int Bits>
  requires(Bits >= 1 && Bits <= 16)
struct residual {
  static constexpr std::string_view stem = "residual", number = std::string_view(" 1 2 3 4 5 6 7 8 910111213141516")
                                                                    .substr(2 * Bits - (Bits < 10 ? 1 : 2), Bits < 10 ? 1 : 2);
  static constexpr std::string_view name = detail::joined<stem, number>::value;
  static constexpr int residual_bits = Bits;
  static constexpr stochastic_rounding round{};
  friend bool operator==(const residual&, const residual&) = default;
};

/// Residuals of a parameter: signed fields of 1, 2, 4 or 8 bits in bytes, or of 16 bits in two of them, the lower one first.
template <int Bits>
struct residual_field {
  static constexpr unsigned width = Bits <= 1 ? 1 : Bits <= 2 ? 2 : Bits <= 4 ? 4 : Bits <= 8 ? 8 : 16;
  static constexpr std::size_t bytes_for(std::size_t weights) { return (weights * width + 7) / 8; }

  static int load(const std::uint8_t* fields, std::size_t i) {
    int raw;
    if constexpr (width == 16)
      raw = fields[2 * i] | fields[2 * i + 1] << 8;
    else
      raw = fields[i / per_byte] >> shift(i) & mask;
    return (raw ^ sign) - sign;
  }
  static void store(std::uint8_t* fields, std::size_t i, int value) {
    if constexpr (width == 16) {
      fields[2 * i] = static_cast<std::uint8_t>(value & 0xff);
      fields[2 * i + 1] = static_cast<std::uint8_t>(value >> 8 & 0xff);
    } else {
      const int cleared = fields[i / per_byte] & ~(mask << shift(i));
      fields[i / per_byte] = static_cast<std::uint8_t>(cleared | (value & mask) << shift(i));
    }
  }

 private:
  static constexpr std::size_t per_byte = width < 8 ? 8 / width : 1;
  static constexpr int mask = (1 << width) - 1, sign = 1 << (width - 1);
  static constexpr int shift(std::size_t i) { return static_cast<int>(i % per_byte * width); }
};

/// Where an update of `delta` codes lands.
struct landing {
  int ordinal = 0;
  int residual = 0;
  bool clamped = false;
};

/// Where an update of `delta` codes lies on the write-back's grid, which is 2^residual_bits times finer than the codes.
template <write_back W>
constexpr grid_position locate_update(float delta) {
  return locate_on_integers(delta * static_cast<float>(1 << W::residual_bits));
}

/// The same as a whole number of steps of that grid.
template <write_back W>
constexpr int rounded_move(float delta, std::uint32_t word) {
  return W::round(locate_update<W>(delta), word);
}

/// code + residual + move as one integer, kept in [lowest, highest] codes, and split.
template <write_back W>
constexpr landing land(int ordinal, int residual_before, int move, int lowest, int highest) {
  if constexpr (W::residual_bits == 0) {
    const int total = ordinal + move, kept = std::clamp(total, lowest, highest);
    return {kept, 0, kept != total};
  } else {
    constexpr int unit = 1 << W::residual_bits;
    const std::int64_t total = std::int64_t{ordinal} * unit + residual_before + move;
    const std::int64_t kept = std::clamp(total, std::int64_t{lowest} * unit, std::int64_t{highest} * unit);
    const auto landed = static_cast<int>((kept + unit / 2) >> W::residual_bits);
    return {landed, static_cast<int>(kept - std::int64_t{landed} * unit), kept != total};
  }
}

}  // namespace zolt::inline v0
