#pragma once

#include <bit>
#include <cmath>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0::distribution {

/// The whole numbers −M … M, each with probability 1/(2M + 1) to within 2⁻¹⁵; zero mean exactly. Layout as for gaussian.
///
///   half word → sign: bit 15;  t = (low 15 bits)·(2M + 1) >> 15 is one of 0 … 2M;  |z| = ⌊(t + 1)/2⌋
template <int M>
  requires(M >= 1 && M <= 127)
struct uniform_integers {
  static constexpr int bits = std::bit_width(static_cast<unsigned>(M));
  static constexpr std::size_t elements_per_row = 32;

  static constexpr std::uint32_t magnitude(std::uint32_t low_bits) { return ((low_bits * (2 * M + 1) >> 15) + 1) >> 1; }

  static constexpr double second_moment = [] {
    std::uint64_t squares = 0;
    for (std::uint32_t v = 0; v < 1u << 15; ++v) squares += std::uint64_t{magnitude(v)} * magnitude(v);
    return static_cast<double>(squares) * 0x1p-15;
  }();
  static constexpr double density = [] {
    std::uint32_t touched = 0;
    for (std::uint32_t v = 0; v < 1u << 15; ++v) touched += magnitude(v) != 0;
    return touched * 0x1p-15;
  }();

  /// t = x·(2M + 1) >> 15 for the 15 bits x, in 16-bit arithmetic: x in parts of 8 and 7 bits.
  template <class Halves, class Integers>
  [[gnu::always_inline]] static void of_halves(const Halves& half, Integers& z) {
    const Halves upper = half >> 7 & 0xff, lower = half & 0x7f;
    const Halves t = (upper * (2 * M + 1) + (lower * (2 * M + 1) >> 7)) >> 8;
    const Halves size = (t + 1) >> 1, negative = -(half >> 15);
    copy_bits((size ^ negative) - negative, z);
  }
};

}  // namespace zolt::inline v0::distribution

namespace zolt::inline v0 {

template <int M>
struct uniform_codes_law {
  using integers = distribution::uniform_integers<M>;
  static constexpr int bits = integers::bits;
  static constexpr bool whole_units = true;

  double density() const { return integers::density; }
  double spread() const { return std::sqrt(integers::second_moment); }
  double amplitude() const { return 1 / spread(); }
  std::uint32_t record() const { return 0; }
  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    distribution::fill<integers>(random_stream(key, info.id, stream::direction), first, z);
  }
  friend bool operator==(const uniform_codes_law&, const uniform_codes_law&) = default;
};

/// z uniform on the whole numbers −M … M: a probe goes any number of codes up to M, or nowhere.
///
/// Units    radius ε moves a weight by ε·z whole units, at most ε·M; RMS about ε·√(M(M + 1)/3).
/// Cost     16 random bits per weight.
/// Source   ZOQO (ICASSP 2025): perturbations uniform on {−m·s … m·s} for a code step s.
/// Differs  probabilities are multiples of 2⁻¹⁵, and E z² is the exact one of those.
template <int M>
struct uniform_codes {
  static constexpr std::string_view name = "uniform_codes";

  template <class Field>
  void fields(Field&& field) const {
    field("largest", static_cast<double>(M), bound::at_least_one);
  }
  uniform_codes_law<M> law_at(double, std::uint32_t) const { return {}; }
  uniform_codes_law<M> law_of(std::uint32_t) const { return {}; }
  friend bool operator==(const uniform_codes&, const uniform_codes&) = default;
};

}  // namespace zolt::inline v0
