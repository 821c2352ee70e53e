#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "zolt/core/exact.hpp"
#include "zolt/numeric/format.hpp"
#include "zolt/numeric/half.hpp"

/// Little-endian fields at any address, whatever the machine's own order.
namespace zolt::inline v0::little_endian {

inline unsigned load_u8(const std::byte* from) { return static_cast<unsigned>(*from); }
inline unsigned load_u16(const std::byte* from) { return load_u8(from) | load_u8(from + 1) << 8; }
inline std::uint32_t load_u32(const std::byte* from) { return load_u16(from) | load_u16(from + 2) << 16; }
inline half load_half(const std::byte* from) { return {static_cast<std::uint16_t>(load_u16(from))}; }
inline float load_float(const std::byte* from) { return std::bit_cast<float>(load_u32(from)); }

inline void store_u16(std::byte* to, unsigned value) {
  to[0] = static_cast<std::byte>(value & 0xff);
  to[1] = static_cast<std::byte>(value >> 8 & 0xff);
}
inline void store_u32(std::byte* to, std::uint32_t value) {
  store_u16(to, value & 0xffff);
  store_u16(to + 2, value >> 16);
}
inline void store_half(std::byte* to, half value) { store_u16(to, value.bits); }
inline void store_float(std::byte* to, float value) { store_u32(to, std::bit_cast<std::uint32_t>(value)); }

/// A code of `Bits` bits that begins at bit `place` of a stream of bytes; byte k of the stream is byte_at(k), which need not lie beside the
/// others. Bytes that hold no bit of the code are not touched.
template <int Bits, class ByteAt>
code load_code(const ByteAt& byte_at, std::size_t place) {
  const auto shift = static_cast<unsigned>(place % 8);
  unsigned both = static_cast<unsigned>(byte_at(place / 8));
  if (8 % Bits != 0 && shift + Bits > 8) both |= static_cast<unsigned>(byte_at(place / 8 + 1)) << 8;
  return static_cast<code>(both >> shift & ((1u << Bits) - 1));
}
template <int Bits, class ByteAt>
void store_code(const ByteAt& byte_at, std::size_t place, code c) {
  const auto shift = static_cast<unsigned>(place % 8);
  const unsigned mask = ((1u << Bits) - 1) << shift, bits = static_cast<unsigned>(c) << shift & mask;
  const auto merge = [](std::byte& into, unsigned m, unsigned b) { into = static_cast<std::byte>((static_cast<unsigned>(into) & ~m) | b); };
  merge(byte_at(place / 8), mask & 0xff, bits & 0xff);
  if (8 % Bits != 0 && shift + Bits > 8) merge(byte_at(place / 8 + 1), mask >> 8, bits >> 8);
}

/// A finite number that does not overflow as it is stored.
inline bool fits_half(float x) { return exact::is_finite(half::from(x).value()); }

}  // namespace zolt::inline v0::little_endian
