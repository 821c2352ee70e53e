#pragma once

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// Signed integers stored as unsigned ones: code 0 is the most negative number.
///
///   value = code − 2^(Bits−1), from −2^(Bits−1) to 2^(Bits−1) − 1
///
/// Units    value in steps of the block's scale.
/// Source   ggml's Q4_0 and Q5_0; the range is not symmetric about zero, as theirs is not.
template <int Bits>
  requires(Bits >= 2 && Bits <= 8)
struct offset_integer {
 private:
  static constexpr int mask = (1 << Bits) - 1, middle = 1 << (Bits - 1);

 public:
  static constexpr std::string_view name =
      std::string_view("offset_int2offset_int3offset_int4offset_int5offset_int6offset_int7offset_int8").substr(11 * (Bits - 2), 11);
  static constexpr int bits = Bits;
  static constexpr int lowest = -middle, highest = middle - 1;

  static constexpr bool has_ordinal(code) { return true; }
  static constexpr int ordinal_of(code c) { return (c & mask) - middle; }
  static constexpr code code_of(int ordinal) { return static_cast<code>((ordinal + middle) & mask); }
  static constexpr float value_of(int ordinal) { return static_cast<float>(ordinal); }
  static constexpr grid_position locate(float x) { return locate_on_integers(x); }
  template <class Codes, class Values>
  [[gnu::always_inline]] static void decode_lanes(const Codes& codes, Values& values) {
    values = __builtin_convertvector((codes & mask) - middle, Values);
  }
};

}  // namespace zolt::inline v0
