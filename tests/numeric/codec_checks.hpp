#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "support/number_model.hpp"
#include "zolt/numeric/exponent.hpp"

/// Conversions against the exact model. What is expected is worked out in whole numbers and compared as codes and bits, so that the checks
/// mean the same in every state of the float unit and under -ffast-math. An empty text means that nothing was found.
namespace zolt::test {

/// A float, the two codes that it may become (the one nearer to zero first) and how far it is from the first.
struct conversion {
  std::uint32_t bits;
  int near, far;  ///< a code, or not_a_number
  share way;
  bool near_even;
  bool beyond;  ///< outside the range: `near` is its end, and `far` counts under overflow::ieee
};
inline constexpr int not_a_number = -1;

/// Words from a seed: splitmix64.
inline std::uint64_t next_word(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/// What the floats of a format become, in the order of its grid.
template <class Format>
class conversions {
 public:
  conversions() : grid_(grid_of<Format>()) {
    for (int c = 0; c < 1 << Format::bits; ++c) {
      const meaning m = definition<Format>::of(c);
      if (m.kind == meaning::number && m.negative && m.value == exact()) minus_zero_ = c;
      if (m.kind == meaning::infinite) infinity_[m.negative] = c;
    }
    for (std::size_t i = 0; i + 1 < grid_.size(); ++i) add_gap(i);
    for (const bool negative : {false, true}) add_range_end(negative);
    add_zero(0), add_zero(0x80000000);
  }
  const std::vector<conversion>& all() const { return all_; }

 private:
  void add_zero(std::uint32_t bits) {
    const auto at = std::find_if(grid_.begin(), grid_.end(), [](const grid_number& p) { return p.value == exact(); });
    if (at != grid_.end()) all_.push_back({bits, signed_code(*at, bits), signed_code(*at, bits), {}, true, false});
  }
  /// Numbers i and i + 1 of the grid, their tie, the floats beside all three, and others between them.
  void add_gap(std::size_t i) {
    const grid_number &low = grid_[i], &high = grid_[i + 1];
    const std::int32_t first = float_below(low.value), last = float_below(high.value);
    const bool downward = low.value.negative();
    const grid_number &near = downward ? high : low, &far = downward ? low : high;
    for (const std::int32_t order : floats_between(first, last, float_below(exact::mean(low.value, high.value)))) {
      const std::uint32_t bits = float_numbered(order);
      const share way = share_of(near.value, far.value, exact::of(bits));
      all_.push_back({bits, signed_code(near, bits), signed_code(far, bits), way, near.code % 2 == 0, false});
    }
  }
  std::vector<std::int32_t> floats_between(std::int32_t first, std::int32_t last, std::int32_t tie) {
    std::vector<std::int32_t> orders = {first, first + 1, last - 1, last, tie - 1, tie, tie + 1, tie + 2};
    for (int k = 0; k < 3; ++k)
      orders.push_back(first + static_cast<std::int32_t>(static_cast<std::uint64_t>(last - first) * (next_word(seed_) >> 32) >> 32));
    // Beside zero the powers of two, down through the subnormal floats.
    const std::int32_t sign = last <= 0 ? -1 : 1;
    if (first <= 0 && last >= 0)
      for (std::int32_t power = 1; power < std::max(-first, last); power < 0x800000 ? power *= 2 : power += 0x800000) orders.push_back(sign * power);
    return orders;
  }
  /// The range's end, the next number that the grid would have, and what lies between and beyond.
  void add_range_end(bool negative) {
    const grid_number &end = negative ? grid_.front() : grid_.back(), &inner = negative ? grid_[1] : grid_[grid_.size() - 2];
    const exact next = end.value + (end.value - inner.value);
    const int overflow = !definition<Format>::overflows ? end.code : infinity_[negative];
    const std::int32_t from = float_below(end.value), to = float_below(next), tie = float_below(exact::mean(end.value, next));
    const std::int32_t out = negative ? -1 : 1;
    for (const std::int32_t order : {from, from + out, tie - 1, tie, tie + 1, to - out})
      all_.push_back({float_numbered(order), end.code, overflow, share_of(end.value, next, exact::of(float_numbered(order))),
                      end.code % 2 == 0, order != from});
    for (const std::int32_t order : {to, to + out, out * 0x7f000000, out * last_float})
      all_.push_back({float_numbered(order), end.code, overflow, {~std::uint64_t{0}, false}, true, true});
  }
  int signed_code(const grid_number& p, std::uint32_t bits) const {
    return p.value == exact() && bits >> 31 != 0 && minus_zero_ >= 0 ? minus_zero_ : p.code;
  }

  std::vector<grid_number> grid_;
  int minus_zero_ = -1, infinity_[2] = {not_a_number, not_a_number};
  std::uint64_t seed_ = 1;
  std::vector<conversion> all_;
};
template <class Format>
const std::vector<conversion>& conversions_of() {
  static const conversions<Format> list;
  return list.all();
}

inline std::string report(const char* rounding, std::uint32_t bits, std::uint32_t word, int got, int expected) {
  char text[120];
  std::snprintf(text, sizeof text, "%s of float 0x%08x with word 0x%08x: code 0x%02x instead of 0x%02x", rounding, bits, word,
                static_cast<unsigned>(got), static_cast<unsigned>(expected));
  return text;
}

/// Every rounding of every conversion, under one rule of overflow.
template <class Format, bool Ieee>
class encode_check {
 public:
  std::string first_fault() {
    for (const conversion& c : conversions_of<Format>()) {
      constexpr std::uint64_t half = std::uint64_t{1} << 63;
      const bool upper = c.way.fraction >= half, tie = c.way.fraction == half && c.way.whole;
      const bool overflows = c.beyond && Ieee, certain = overflows && c.way.fraction == ~std::uint64_t{0};
      const int far = !c.beyond || Ieee ? c.far : c.near;
      if constexpr (requires { definition<Format>::nearest_code(c.bits); })
        expect(nearest_even{}, c.bits, 0, c.beyond ? c.near : definition<Format>::nearest_code(c.bits));
      else
        expect(nearest_even{}, c.bits, 0, upper && !(tie && c.near_even) ? far : c.near);
      expect(nearest_away{}, c.bits, 0, upper ? far : c.near);
      expect(toward_zero{}, c.bits, 0, c.near);
      // The words below fraction · 2^32 round away and no others: the first, the two at the switch, and the last tell it.
      const auto chance = static_cast<std::uint32_t>(c.way.fraction >> 32);
      for (const std::uint32_t word : {0u, chance - 1, chance, 0xffffffffu})
        expect(stochastic_rounding{}, c.bits, word, word < chance || certain ? far : c.near);
      if (!fault_.empty()) return fault_;
    }
    for (const bool negative : {false, true}) special_values(negative);
    return fault_;
  }

 private:
  void special_values(bool negative) {
    const std::uint32_t sign = negative ? 0x80000000u : 0u;
    const conversion& greatest = *std::find_if(conversions_of<Format>().begin(), conversions_of<Format>().end(),
                                               [&](const conversion& c) { return c.bits == (sign | 0x7f7fffffu); });
    const auto every_rounding = [this](std::uint32_t bits, int expected) {
      expect(nearest_even{}, bits, 0, expected), expect(nearest_away{}, bits, 0, expected), expect(toward_zero{}, bits, 0, expected);
      for (const std::uint32_t word : {0u, 0xffffffffu}) expect(stochastic_rounding{}, bits, word, expected);
    };
    every_rounding(sign | 0x7f800000, Ieee ? greatest.far : greatest.near);
    const int nan = definition<Format>::overflows ? not_a_number : Format::code_of(Format::highest);
    for (const std::uint32_t payload : {1u, 0x400000u, 0x7fffffu}) every_rounding(sign | 0x7f800000 | payload, nan);
  }
  template <class Rounding>
  void expect(const Rounding& round, std::uint32_t bits, std::uint32_t word, int expected) {
    const code got = encode_code<Format>(std::bit_cast<float>(bits), round, word);
    if (got != expected && !(expected == not_a_number && definition<Format>::of(got).kind == meaning::nothing) && fault_.empty())
      fault_ = report(Rounding::name.data(), bits, word, got, expected);
  }
  std::string fault_;
};

template <class Format>
std::string first_wrong_code() {
  if constexpr (requires { typename with_overflow<overflow::ieee, Format>; }) {
    const std::string fault = encode_check<with_overflow<overflow::ieee, Format>, true>().first_fault();
    return fault.empty() ? encode_check<with_overflow<overflow::saturate, Format>, false>().first_fault() : "saturate: " + fault;
  } else {
    return encode_check<Format, false>().first_fault();
  }
}

/// The bits of the float that a code means.
template <class Format>
bool decodes_to(std::uint32_t bits, const meaning& m) {
  const bool nan = (bits & 0x7fffffff) > 0x7f800000;
  if (m.kind == meaning::nothing) return nan;
  if (m.kind == meaning::infinite) return bits == (m.negative ? 0xff800000u : 0x7f800000u);
  return !nan && (bits >> 31 != 0) == m.negative && exact::of(bits) == m.value;
}

/// decode_code, value_of, ordinals, and 16 values at once where the format does that.
template <class Format>
std::string first_wrong_value() {
  for (int c = 0; c < 1 << Format::bits; ++c) {
    const auto b = static_cast<code>(c);
    const meaning m = definition<Format>::of(c);
    const auto decoded = std::bit_cast<std::uint32_t>(decode_code<Format>(b));
    if (!decodes_to<Format>(decoded, m)) return report("decode_code", decoded, 0, c, c);
    if (Format::has_ordinal(b) != (m.kind == meaning::number)) return report("has_ordinal", decoded, 0, c, c);
    if (m.kind != meaning::number) continue;
    const auto value = std::bit_cast<std::uint32_t>(Format::value_of(Format::ordinal_of(b)));
    if (!(exact::of(value) == m.value) || value == 0x80000000) return report("value_of", value, 0, c, c);
    if constexpr (requires(lanes_i32 codes, lanes_f32 values) { Format::decode_lanes(codes, values); }) {
      const lanes_i32 codes = c - lanes_i32{};
      lanes_f32 values;
      Format::decode_lanes(codes, values);
      std::uint32_t lane[lane_count];
      __builtin_memcpy(lane, &values, sizeof lane);
      for (const std::uint32_t bits : lane)
        if (bits != value) return report("decode_lanes", bits, 0, c, c);
    }
  }
  return {};
}

}  // namespace zolt::test
