#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "support/number_model.hpp"
#include "zolt/numeric/exponent.hpp"

/// Conversions against the exact model. What is expected is worked out in whole numbers and compared as codes and bits, so that the checks
/// mean the same in every state of the float unit and under -ffast-math. An empty text means that nothing was found.
namespace zolt::test::inline v0 {

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
class conversions {
 public:
  explicit conversions(const description& format) : grid_(grid_of(format)), overflows_(format.overflows) {
    for (int c = 0; c < static_cast<int>(format.codes.size()); ++c) {
      const meaning& m = format.codes[static_cast<std::size_t>(c)];
      if (m.kind == meaning::number && m.negative && m.value == exact()) minus_zero_ = c;
      if (m.kind == meaning::infinite) infinity_[m.negative] = c;
    }
    for (std::size_t i = 0; i + 1 < grid_.size(); ++i) add_gap(i);
    for (const bool negative : {false, true}) add_range_end(negative);
  }
  const std::vector<conversion>& all() const { return all_; }

 private:
  /// Number i of the grid or i + 1, the floats beside it and beside their tie, and others between the two.
  void add_gap(std::size_t i) {
    const grid_number &low = grid_[i], &high = grid_[i + 1];
    const exact balance = low.value + high.value;
    const auto add = [&](std::uint32_t bits) {  // counted from the number nearer to zero, or that of its sign where both are as near
      const bool downward = balance == exact() ? bits >> 31 == 0 : balance.negative();
      const grid_number &near = downward ? high : low, &far = downward ? low : high;
      const share way = share_of(near.value, far.value, exact::of(bits));
      all_.push_back({bits, signed_code(near, bits), signed_code(far, bits), way, near.code % 2 == 0, false});
    };
    const std::int32_t first = float_below(low.value), last = float_below(high.value),
                       tie = float_below(exact::mean(low.value, high.value));
    std::vector<std::int32_t> orders = {first + 1, last - 1, tie - 1, tie, tie + 1, tie + 2};
    const auto floats = static_cast<std::uint64_t>(std::int64_t{last} - first);
    for (int k = 0; k < 3; ++k) orders.push_back(static_cast<std::int32_t>(first + static_cast<std::int64_t>(next_word(seed_) % floats)));
    if (first <= 0 && last >= 0)  // the powers of two, down through the subnormal floats
      for (std::int32_t power = 1; power < std::max(-first, last); power < 0x800000 ? power *= 2 : power += 0x800000)
        orders.insert(orders.end(), {power, -power});
    for (const std::int32_t order : orders)
      if (order > first && order < last && order != 0) add(float_numbered(order));
    if (first <= 0 && last > 0) add(0), add(0x80000000);
    if (const std::int32_t near = balance.negative() ? last : first; near != 0) add(float_numbered(near));
  }
  /// The range's end, the next number that the grid would have, and what lies between and beyond.
  void add_range_end(bool negative) {
    const grid_number &end = negative ? grid_.front() : grid_.back(), &inner = negative ? grid_[1] : grid_[grid_.size() - 2];
    const exact next = end.value + (end.value - inner.value);
    const int beyond = overflows_ ? infinity_[negative] : end.code;
    const std::int32_t from = float_below(end.value), to = float_below(next), tie = float_below(exact::mean(end.value, next));
    const std::int32_t away = negative ? -1 : 1;
    for (const std::int32_t order : {from, from + away, tie - 1, tie, tie + 1, to - away}) {
      const share way = share_of(end.value, next, exact::of(float_numbered(order)));
      all_.push_back({float_numbered(order), end.code, beyond, way, end.code % 2 == 0, order != from});
    }
    for (const std::int32_t order : {to, to + away, away * 0x7f000000, away * last_float})
      all_.push_back({float_numbered(order), end.code, beyond, {~std::uint64_t{0}, false}, true, true});
  }
  int signed_code(const grid_number& p, std::uint32_t bits) const {
    return p.value == exact() && bits >> 31 != 0 && minus_zero_ >= 0 ? minus_zero_ : p.code;
  }

  std::vector<grid_number> grid_;
  bool overflows_;
  int minus_zero_ = -1, infinity_[2] = {not_a_number, not_a_number};
  std::uint64_t seed_ = 1;
  std::vector<conversion> all_;
};
template <class Format>
const std::vector<conversion>& conversions_of() {
  static const conversions list(describe<Format>());
  return list.all();
}

inline std::string report(const char* rounding, std::uint32_t bits, std::uint32_t word, int got, int expected) {
  char text[120];
  std::snprintf(text, sizeof text, "%s of float 0x%08x with word 0x%08x: code 0x%02x instead of 0x%02x", rounding, bits, word,
                static_cast<unsigned>(got), static_cast<unsigned>(expected));
  return text;
}

enum rounding_kind { to_nearest_even, to_nearest_away, to_zero, at_random };
inline constexpr const char* rounding_names[] = {"nearest_even", "nearest_away", "toward_zero", "stochastic"};

/// encode_code of one format under one rule of overflow.
struct encoder {
  code (*encode[4])(std::uint32_t bits, std::uint32_t word);
  bool ieee;

  template <class Format>
  static encoder of() {
    encoder all{
        {rounded<Format, nearest_even>, rounded<Format, nearest_away>, rounded<Format, toward_zero>, rounded<Format, stochastic_rounding>},
        false};
    if constexpr (requires { Format::on_overflow; }) all.ieee = Format::on_overflow == overflow::ieee;
    return all;
  }
  template <class Format, class Rounding>
  static code rounded(std::uint32_t bits, std::uint32_t word) {
    return encode_code<Format>(std::bit_cast<float>(bits), Rounding{}, word);
  }
};

/// Calls of an encoder, of which the first that gives a wrong code is kept. A NaN may be any.
class expectations {
 public:
  expectations(const encoder& tested, const std::vector<meaning>& codes) : tested_(tested), codes_(codes) {}

  void expect(rounding_kind rounding, std::uint32_t bits, std::uint32_t word, int expected) {
    const code got = tested_.encode[rounding](bits, word);
    const bool right = expected == not_a_number ? codes_[got].kind == meaning::nothing : got == expected;
    if (!right && fault_.empty()) fault_ = report(rounding_names[rounding], bits, word, got, expected);
  }
  void expect_of_every_rounding(std::uint32_t bits, int expected) {
    for (const rounding_kind rounding : {to_nearest_even, to_nearest_away, to_zero}) expect(rounding, bits, 0, expected);
    for (const std::uint32_t word : {0u, 0xffffffffu}) expect(at_random, bits, word, expected);
  }
  /// The words below chance / 2^32 give `far` and no others: the first, the two at the switch, and the last tell it.
  void expect_switch(std::uint32_t bits, std::uint32_t chance, int near, int far) {
    for (const std::uint32_t word : {0u, chance - 1, chance, 0xffffffffu}) expect(at_random, bits, word, word < chance ? far : near);
  }
  const std::string& fault() const { return fault_; }

 private:
  const encoder& tested_;
  const std::vector<meaning>& codes_;
  std::string fault_;
};

/// Every rounding of every conversion.
inline std::string first_wrong_code(const encoder& tested, const description& format, const std::vector<conversion>& all) {
  constexpr std::uint64_t half = std::uint64_t{1} << 63;
  expectations check(tested, format.codes);
  for (const conversion& c : all) {
    const bool upper = c.way.fraction >= half, stays_even = c.way.fraction == half && c.way.whole && c.near_even;
    const bool certain = c.beyond && c.way.fraction == ~std::uint64_t{0};
    const int far = !c.beyond || tested.ieee ? c.far : c.near;
    const int nearest = c.beyond || format.nearest_code == nullptr ? (upper && !stays_even ? far : c.near) : format.nearest_code(c.bits);
    check.expect(to_nearest_even, c.bits, 0, nearest);
    check.expect(to_nearest_away, c.bits, 0, upper ? far : c.near);
    check.expect(to_zero, c.bits, 0, c.near);
    check.expect_switch(c.bits, static_cast<std::uint32_t>(c.way.fraction >> 32), certain ? far : c.near, far);
    if ((c.bits & 0x7fffffff) == 0x7f7fffff) {  // after the greatest float: infinity and NaN of its sign
      const std::uint32_t infinity = c.bits + 1;
      check.expect_of_every_rounding(infinity, far);
      const int nan = format.overflows ? not_a_number : grid_of(format).back().code;
      for (const std::uint32_t payload : {1u, 0x400000u, 0x7fffffu}) check.expect_of_every_rounding(infinity | payload, nan);
    }
    if (!check.fault().empty()) break;
  }
  return check.fault();
}

template <class Format>
std::string first_wrong_code() {
  const description format = describe<Format>();
  if constexpr (requires { typename with_overflow<overflow::ieee, Format>; }) {
    const std::string fault = first_wrong_code(encoder::of<with_overflow<overflow::ieee, Format>>(), format, conversions_of<Format>());
    if (!fault.empty()) return "overflow::ieee: " + fault;
  }
  return first_wrong_code(encoder::of<Format>(), format, conversions_of<Format>());
}

/// The bits of the float that a code means.
inline bool decodes_to(std::uint32_t bits, const meaning& m) {
  const bool nan = (bits & 0x7fffffff) > 0x7f800000;
  if (m.kind == meaning::nothing) return nan;
  if (m.kind == meaning::infinite) return bits == (m.negative ? 0xff800000u : 0x7f800000u);
  return !nan && (bits >> 31 != 0) == m.negative && exact::of(bits) == m.value;
}

/// decode_code, has_ordinal, value_of, and 16 values at once where the format does that.
template <class Format>
std::string first_wrong_value() {
  for (int c = 0; c < 1 << Format::bits; ++c) {
    const auto b = static_cast<code>(c);
    const meaning m = definition<Format>::of(c);
    const auto decoded = std::bit_cast<std::uint32_t>(decode_code<Format>(b));
    if (!decodes_to(decoded, m)) return report("decode_code", decoded, 0, c, c);
    if (Format::has_ordinal(b) != (m.kind == meaning::number)) return report("has_ordinal", decoded, 0, c, c);
    if (m.kind != meaning::number) continue;
    const auto value = std::bit_cast<std::uint32_t>(Format::value_of(Format::ordinal_of(b)));
    if (!(exact::of(value) == m.value) || value == 0x80000000) return report("value_of", value, 0, c, c);
    if constexpr (requires(lanes_i32 codes, lanes_f32 values) { Format::decode_lanes(codes, values); }) {
      const lanes_i32 codes = static_cast<std::int8_t>(c) - lanes_i32{};
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

/// E8M0. Floats between 2^k and 2^(k+1) are equally far apart and 2^j in number, subnormal or not: their positions are fractions.
template <>
struct definition<e8m0fnu> {
  static constexpr bool overflows = true;
  static meaning of(int c) { return c == 255 ? meaning{} : meaning{meaning::number, false, exact(1, c - 127)}; }
};
inline std::string first_wrong_power(const encoder& tested) {
  const int below = tested.ieee ? not_a_number : 0, above = tested.ieee ? not_a_number : 254;
  const description format = describe<e8m0fnu>();
  expectations check(tested, format.codes);
  std::uint32_t first = 1;
  for (int power = -149; power < 128; ++power) {
    const auto code_for = [&](int exponent) { return exponent < -127 ? below : exponent > 127 ? above : exponent + 127; };
    const std::uint32_t floats = first < 0x800000 ? first : 0x800000;
    const int near = code_for(power), far = code_for(power + 1);
    for (const std::uint32_t place : {0u, 1u, floats / 3, floats / 2 - 1, floats / 2, floats / 2 + 1, floats - 1}) {
      if (place >= floats) continue;
      const bool upper = 2 * place >= floats;  // a tie lies between an odd significand, 1, and an even one, 2
      check.expect(to_nearest_even, first + place, 0, upper ? far : near);
      check.expect(to_nearest_away, first + place, 0, upper ? far : near);
      check.expect(to_zero, first + place, 0, near);
      check.expect_switch(first + place, static_cast<std::uint32_t>((std::uint64_t{place} << 32) / floats), near, far);
    }
    first += floats;
  }
  check.expect_of_every_rounding(0, below), check.expect_of_every_rounding(0x80000000, below);
  check.expect_of_every_rounding(0x7f800000, above);
  for (const std::uint32_t bits : {0x7f800001u, 0x7fc00000u, 0xffc00000u, 0x80000001u, 0xbf800000u, 0xff7fffffu, 0xff800000u})
    check.expect_of_every_rounding(bits, not_a_number);
  return check.fault();
}

template <class... Formats>
struct format_list {
  static std::string first_faults() {
    std::string faults;
    ((faults += named(Formats::name, first_wrong_value<Formats>()) + named(Formats::name, first_wrong_code<Formats>())), ...);
    return faults;
  }
  static std::string named(std::string_view name, const std::string& fault) {
    return fault.empty() ? fault : std::string(name) + ": " + fault + '\n';
  }
};

/// All of it, for every format of the library.
inline std::string codec_faults() {
  using formats = format_list<e4m3fn, e5m2, e4m3fnuz, e5m2fnuz, e4m3b11fnuz, e4m3, e3m4, e3m2fn, e2m3fn, e2m1fn, int2, int3, int4, int5,
                              int6, int7, int8, full_integer<2>, full_integer<3>, full_integer<4>, full_integer<5>, full_integer<6>,
                              full_integer<7>, full_integer<8>, uint2, uint3, uint4, unsigned_integer<5>, unsigned_integer<6>,
                              unsigned_integer<7>, uint8, mxint8, nf4, fp4_bnb, iq4_nl>;
  return formats::first_faults() + formats::named("e8m0fnu", first_wrong_value<e8m0fnu>()) +
         formats::named("e8m0fnu", first_wrong_power(encoder::of<e8m0fnu>())) +
         formats::named("e8m0fnu, ieee", first_wrong_power(encoder::of<with_overflow<overflow::ieee, e8m0fnu>>()));
}

}  // namespace zolt::test::inline v0
