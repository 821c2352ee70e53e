#pragma once

#include <cstddef>
#include <cstdint>

#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// How codes lie in bytes. 8-bit codes one each. Narrower ones in blocks of 32 codes = 4·Bits bytes, cut into planes of 4, 2 and 1 bits
/// as the binary digits of Bits say, the highest bits of the codes first. A plane of w bits is 4·w bytes; byte j of it holds, from its
/// lowest bits up, elements j, j + 4w, j + 8w, …: split halves for w = 4, so that a vector unpacks with one mask and one shift.
template <int Bits>
struct packing {
  static_assert(Bits >= 1 && Bits <= 8, "zolt: a code has 1 to 8 bits");
  static constexpr bool packed = Bits < 8;

  static constexpr std::size_t bytes_for(std::size_t count) { return packed ? (count + 31) / 32 * block_bytes : count; }

  static constexpr code load(const std::byte* bytes, std::size_t i) {
    if constexpr (!packed) {
      return static_cast<code>(bytes[i]);
    } else {
      unsigned c = 0;
      for_each_plane(
          [&](auto plane) { c |= (static_cast<unsigned>(bytes[plane.byte_of(i)]) >> plane.shift_of(i) & plane.mask) << plane.low; });
      return static_cast<code>(c);
    }
  }
  static constexpr void store(std::byte* bytes, std::size_t i, code c) {
    if constexpr (!packed) {
      bytes[i] = static_cast<std::byte>(c);
    } else {
      for_each_plane([&](auto plane) {
        std::byte& at = bytes[plane.byte_of(i)];
        const unsigned cleared = static_cast<unsigned>(at) & ~(plane.mask << plane.shift_of(i));
        at = static_cast<std::byte>(cleared | (static_cast<unsigned>(c) >> plane.low & plane.mask) << plane.shift_of(i));
      });
    }
  }
  /// out[j] = code first + j; whole blocks of 32 are unpacked together.
  static void unpack(const std::byte* bytes, std::size_t first, std::size_t count, code* out) {
    if constexpr (!packed) {
      __builtin_memcpy(out, bytes + first, count);
    } else {
      std::size_t j = 0;
      for (; j < count && (first + j) % 32 != 0; ++j) out[j] = load(bytes, first + j);
      for (; j + 32 <= count; j += 32) unpack_block(bytes + (first + j) / 32 * block_bytes, out + j);
      for (; j < count; ++j) out[j] = load(bytes, first + j);
    }
  }

 private:
  static constexpr std::size_t block_bytes = 4 * Bits;

  template <int Width, int Low, int Before>
  struct plane_of {
    static constexpr unsigned mask = (1u << Width) - 1, low = Low;
    static constexpr std::size_t bytes = 4 * Width, begin = 4 * Before;
    static constexpr std::size_t byte_of(std::size_t i) { return i / 32 * block_bytes + begin + i % bytes; }
    static constexpr unsigned shift_of(std::size_t i) { return static_cast<unsigned>(i % 32 / bytes * Width); }
  };
  template <class Function>
  static constexpr void for_each_plane(Function&& f) {
    if constexpr (Bits & 4) f(plane_of<4, (Bits & 3), 0>{});
    if constexpr (Bits & 2) f(plane_of<2, (Bits & 1), (Bits & 4)>{});
    if constexpr (Bits & 1) f(plane_of<1, 0, (Bits & 6)>{});
  }
  static void unpack_block(const std::byte* block, code* out) {
    if constexpr (Bits == 4) {
      lanes_u8 both;
      load_lanes(both, block);
      store_lanes(both & 0xf, out);
      store_lanes(both >> 4, out + 16);
    } else {
      for (std::size_t j = 0; j < 32; ++j) out[j] = 0;
      for_each_plane([&](auto plane) {
        for (std::size_t j = 0; j < 32; ++j)
          out[j] = static_cast<code>(
              out[j] | (static_cast<unsigned>(block[plane.begin + j % plane.bytes]) >> plane.shift_of(j) & plane.mask) << plane.low);
      });
    }
  }
};

}  // namespace zolt::inline v0
