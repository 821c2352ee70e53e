#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "zolt/numeric/half.hpp"

/// ggml's blocks written down once more as plainly as quantization.md §4.1 says, to compare the layouts with. Nothing of layout/ is used.
namespace zolt::test::ggml {

using block_bytes = std::vector<unsigned>;

inline void push_half(block_bytes& out, float x) {
  const unsigned bits = half::from(x).bits;
  out.push_back(bits & 255), out.push_back(bits >> 8);
}
inline float inverse_of(float d) { return d != 0 ? 1.0f / d : 0.0f; }
/// (int)(a·b + c) in steps that nothing contracts.
inline unsigned cut(float a, float b, float c, unsigned most) {
  volatile float product = a * b;
  volatile float sum = product + c;
  return std::min(static_cast<unsigned>(static_cast<int>(sum)), most);
}
inline void push_nibbles(block_bytes& out, const std::array<unsigned, 32>& q) {
  for (std::size_t j = 0; j < 16; ++j) out.push_back((q[j] & 15) | (q[j + 16] & 15) << 4);
}
inline void push_fifth_bits(block_bytes& out, const std::array<unsigned, 32>& q) {
  std::uint32_t word = 0;
  for (std::size_t j = 0; j < 32; ++j) word |= std::uint32_t{q[j] >> 4 & 1} << j;
  for (unsigned k = 0; k < 4; ++k) out.push_back(word >> 8 * k & 255);
}

/// Q4_0 and Q5_0.
inline block_bytes signed_block(std::span<const float> x, int bits) {
  float amax = 0, max = 0;
  for (const float v : x)
    if (amax < std::fabs(v)) amax = std::fabs(v), max = v;
  const float d = max / (bits == 4 ? -8.0f : -16.0f), id = inverse_of(d);
  std::array<unsigned, 32> q{};
  for (std::size_t j = 0; j < 32; ++j) q[j] = bits == 4 ? cut(x[j], id, 8.5f, 15) : cut(x[j], id, 16.5f, 31);
  block_bytes out;
  push_half(out, d);
  if (bits == 5) push_fifth_bits(out, q);
  push_nibbles(out, q);
  return out;
}
/// Q4_1 and Q5_1.
inline block_bytes unsigned_block(std::span<const float> x, int bits) {
  float min = std::numeric_limits<float>::max(), max = -min;
  for (const float v : x) {
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const float d = (max - min) / static_cast<float>((1 << bits) - 1), id = inverse_of(d);
  std::array<unsigned, 32> q{};
  for (std::size_t j = 0; j < 32; ++j) q[j] = cut(x[j] - min, id, 0.5f, (1u << bits) - 1);
  block_bytes out;
  push_half(out, d), push_half(out, min);
  if (bits == 5) push_fifth_bits(out, q);
  push_nibbles(out, q);
  return out;
}
inline block_bytes q8_0(std::span<const float> x) {
  float amax = 0;
  for (const float v : x) amax = std::max(amax, std::fabs(v));
  const float d = amax / 127.0f, id = inverse_of(d);
  block_bytes out;
  push_half(out, d);
  for (const float v : x) out.push_back(static_cast<unsigned>(static_cast<int>(std::round(v * id))) & 255);
  return out;
}
/// Doubled E2M1 numbers and a halved power of two, and the scan for the least distance that keeps the first.
inline block_bytes mxfp4(std::span<const float> x) {
  constexpr std::array<int, 16> table = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  float amax = 0;
  for (const float v : x) amax = std::max(amax, std::fabs(v));
  const int e = amax > 0 ? std::max(0, std::ilogb(amax) - 2 + 127) : 0;
  const double d = std::ldexp(1.0, e - 128);
  std::array<unsigned, 32> q{};
  for (std::size_t j = 0; j < 32; ++j)
    for (unsigned i = 1; i < 16; ++i)
      if (std::fabs(table[i] * d - x[j]) < std::fabs(table[q[j]] * d - x[j])) q[j] = i;
  block_bytes out = {static_cast<unsigned>(e)};
  push_nibbles(out, q);
  return out;
}

inline float half_at(const std::byte* at) {
  return half{static_cast<std::uint16_t>(static_cast<unsigned>(at[0]) | static_cast<unsigned>(at[1]) << 8)}.value();
}
/// Q4_K, walked as ggml walks it: 64 weights at a time, the low nibbles and then the high ones of 32 bytes.
inline std::vector<double> q4_k(const std::byte* block) {
  const double d = half_at(block), dmin = half_at(block + 2);
  const auto s = [block](std::size_t j) { return static_cast<unsigned>(block[4 + j]); };
  std::vector<double> y;
  for (std::size_t chunk = 0; chunk < 4; ++chunk)
    for (std::size_t high = 0; high < 2; ++high) {
      const std::size_t j = 2 * chunk + high;
      const unsigned sc = j < 4 ? s(j) % 64 : s(j + 4) % 16 + 16 * (s(j - 4) / 64);
      const unsigned m = j < 4 ? s(j + 4) % 64 : s(j + 4) / 16 + 16 * (s(j) / 64);
      for (std::size_t l = 0; l < 32; ++l) {
        const auto both = static_cast<unsigned>(block[16 + 32 * chunk + l]);
        y.push_back(d * sc * (high != 0 ? both / 16 : both % 16) - dmin * m);
      }
    }
  return y;
}
/// Q6_K, walked as ggml walks it: four weights of a half block for each l.
inline std::vector<double> q6_k(const std::byte* block) {
  std::vector<double> y(256);
  const double d = half_at(block + 208);
  for (std::size_t n = 0; n < 2; ++n) {
    const std::byte *ql = block + 64 * n, *qh = block + 128 + 32 * n, *sc = block + 192 + 8 * n;
    for (std::size_t l = 0; l < 32; ++l) {
      const auto low = static_cast<unsigned>(ql[l]), next = static_cast<unsigned>(ql[l + 32]), high = static_cast<unsigned>(qh[l]);
      const std::array<unsigned, 4> q = {low % 16 + 16 * (high % 4), next % 16 + 16 * (high / 4 % 4), low / 16 + 16 * (high / 16 % 4),
                                         next / 16 + 16 * (high / 64)};
      for (std::size_t k = 0; k < 4; ++k) {
        const int scale = static_cast<int>(static_cast<unsigned>(sc[l / 16 + 2 * k]) ^ 128u) - 128;
        y[128 * n + 32 * k + l] = d * scale * (static_cast<int>(q[k]) - 32);
      }
    }
  }
  return y;
}

}  // namespace zolt::test::ggml
