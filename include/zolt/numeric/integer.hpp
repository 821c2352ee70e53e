#pragma once

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// Symmetric integers of `Bits` bits in two's complement, narrow range: −(2^(Bits−1) − 1) … 2^(Bits−1) − 1.
///
/// Units    value = ordinal; the scale is the storage's.
/// Source   quantization with a symmetric grid (Jacob et al. 2018 §2.1 with zero point 0); the most negative code is out of use, so
///          that a grid is symmetric about zero and negation is exact.
template <int Bits>
  requires(Bits >= 2 && Bits <= 8)
struct integer {
  static constexpr std::string_view name = std::string_view("int2int3int4int5int6int7int8").substr(4 * (Bits - 2), 4);
  static constexpr int bits = Bits;
  static constexpr int highest = (1 << (Bits - 1)) - 1;
  static constexpr int lowest = -highest;

  static constexpr bool has_ordinal(code c) { return (c & mask) != 1 << (Bits - 1); }
  static constexpr int ordinal_of(code c) { return ((c & mask) ^ (1 << (Bits - 1))) - (1 << (Bits - 1)); }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal & mask); }
  static constexpr float value_of(int ordinal) { return static_cast<float>(ordinal); }
  static constexpr grid_position locate(float x) { return locate_on_integers(x); }
  static void decode_lanes(const lanes_i32& codes, lanes_f32& values) {
    values = __builtin_convertvector(((codes & mask) ^ (1 << (Bits - 1))) - (1 << (Bits - 1)), lanes_f32);
  }

 private:
  static constexpr int mask = (1 << Bits) - 1;
};

using int4 = integer<4>;
using int8 = integer<8>;

}  // namespace zolt::inline v0
