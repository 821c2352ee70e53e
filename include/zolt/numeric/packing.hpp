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

  /// The first byte that holds a part of code i.
  static constexpr std::size_t byte_of(std::size_t i) {
    if constexpr (!packed)
      return i;
    else
      return i / 32 * block_bytes + i % 32 % (4 * (Bits & 4 ? 4 : Bits & 2 ? 2 : 1));
  }

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
  /// Code first + j ← in[j]; whole blocks of 32 are packed together.
  static void pack(std::byte* bytes, std::size_t first, std::size_t count, const code* in) {
    if constexpr (!packed) {
      __builtin_memcpy(bytes + first, in, count);
    } else {
      std::size_t j = 0;
      for (; j < count && (first + j) % 32 != 0; ++j) store(bytes, first + j, in[j]);
      for (; j + 32 <= count; j += 32) pack_block(bytes + (first + j) / 32 * block_bytes, in + j);
      for (; j < count; ++j) store(bytes, first + j, in[j]);
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
      std::uint64_t eight[4] = {};  // a plane again and again: its fields lie as far apart as the codes that they are part of
      for_each_plane([&](auto plane) {
        constexpr std::size_t words = plane.bytes / 8;
        std::uint64_t fields[2] = {};
        if constexpr (words == 0) {
          std::uint32_t four;
          __builtin_memcpy(&four, block + plane.begin, 4);
          fields[0] = four | std::uint64_t{four >> 1} << 32;
        } else {
          __builtin_memcpy(fields, block + plane.begin, plane.bytes);
        }
        for (std::size_t q = 0; q < 4; ++q)
          eight[q] |= (fields[words == 2 ? q % 2 : 0] >> plane.shift_of(8 * q) & plane.mask * 0x0101010101010101u) << plane.low;
      });
      __builtin_memcpy(out, eight, sizeof eight);
    }
  }
  static void pack_block(std::byte* block, const code* in) {
    if constexpr (Bits == 4) {
      lanes_u8 low, high;
      load_lanes(low, in);
      load_lanes(high, in + 16);
      store_lanes((low & 0xf) | high << 4, block);
    } else {
      for (std::size_t b = 0; b < block_bytes; ++b) block[b] = std::byte{0};
      for_each_plane([&](auto plane) {
        for (std::size_t j = 0; j < 32; ++j) {
          std::byte& at = block[plane.begin + j % plane.bytes];
          at |= static_cast<std::byte>((static_cast<unsigned>(in[j]) >> plane.low & plane.mask) << plane.shift_of(j));
        }
      });
    }
  }
};

}  // namespace zolt::inline v0
