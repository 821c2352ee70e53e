#pragma once

#include <cstddef>
#include <cstdint>

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// How codes lie in bytes: one each, or two 4-bit codes in split halves per 32, so that a vector unpacks them with one mask and one
/// shift: byte j of a block of 16 bytes holds element j in its low half and element j + 16 in its high half.
template <int Bits>
struct packing {
  static_assert(Bits >= 1 && Bits <= 8, "zolt: a code has 1 to 8 bits");
  static constexpr bool packed = Bits <= 4;

  static constexpr std::size_t bytes_for(std::size_t count) { return packed ? (count + 31) / 32 * 16 : count; }

  static constexpr code load(const std::byte* bytes, std::size_t i) {
    if constexpr (packed)
      return static_cast<code>(static_cast<unsigned>(bytes[byte_of(i)]) >> shift_of(i) & 0xf);
    else
      return static_cast<code>(bytes[i]);
  }
  static constexpr void store(std::byte* bytes, std::size_t i, code c) {
    if constexpr (packed) {
      const unsigned cleared = static_cast<unsigned>(bytes[byte_of(i)]) & ~(0xfu << shift_of(i));
      bytes[byte_of(i)] = static_cast<std::byte>(cleared | static_cast<unsigned>(c & 0xf) << shift_of(i));
    } else {
      bytes[i] = static_cast<std::byte>(c);
    }
  }
  /// out[j] = code first + j; whole blocks of 32 are unpacked together.
  static void unpack(const std::byte* bytes, std::size_t first, std::size_t count, code* out) {
    if constexpr (packed) {
      std::size_t j = 0;
      for (; j < count && (first + j) % 32 != 0; ++j) out[j] = load(bytes, first + j);
      for (; j + 32 <= count; j += 32) {
        lanes_u8 block;
        load_lanes(block, bytes + (first + j) / 2);
        store_lanes(block & 0xf, out + j);
        store_lanes(block >> 4, out + j + 16);
      }
      for (; j < count; ++j) out[j] = load(bytes, first + j);
    } else {
      __builtin_memcpy(out, bytes + first, count);
    }
  }

 private:
  static constexpr std::size_t byte_of(std::size_t i) { return i / 32 * 16 + i % 16; }
  static constexpr unsigned shift_of(std::size_t i) { return static_cast<unsigned>(i % 32 / 16 * 4); }
};

}  // namespace zolt::inline v0
