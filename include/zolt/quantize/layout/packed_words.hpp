#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zolt/core/tensor.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/quantize/layout/bytes.hpp"

namespace zolt::inline v0 {

/// Codes through 32-bit words from the lowest bit up. A unit is the fewest words that codes fill: 32 / Bits codes in one, of 3 bits 32 codes
/// in three. The words of a unit lie `stride` bytes apart.
///
/// Units    codes.
/// Source   AutoGPTQ qlinear_cuda_old.py. Its rule for 3 bits, 10 + 1 + 10 + 1 + 10 codes with two that straddle, is this stream of bits.
template <int Bits>
struct packed_words {
  static constexpr std::size_t unit_words = 32 % Bits == 0 ? 1 : Bits;
  static constexpr std::size_t unit_codes = 32 * unit_words / Bits, unit_bytes = 4 * unit_words;

  /// For a whole number of units.
  static constexpr std::size_t bytes_for(std::size_t codes) { return codes / unit_codes * unit_bytes; }

  static code load(const std::byte* unit, std::size_t stride, std::size_t j) {
    return little_endian::load_code<Bits>([=](std::size_t k) { return unit[k / 4 * stride + k % 4]; }, Bits * j);
  }
  static void store(std::byte* unit, std::size_t stride, std::size_t j, code c) {
    little_endian::store_code<Bits>([=](std::size_t k) -> std::byte& { return unit[k / 4 * stride + k % 4]; }, Bits* j, c);
  }
};

namespace detail {

template <int Bits>
void check_packed_shape(std::string_view name, const shape& s, std::string_view axis, std::size_t length) {
  constexpr std::size_t unit = packed_words<Bits>::unit_codes;
  if (s.rows == 0 || s.columns == 0) fail(name, "shape", s.text(), "have at least one element");
  if (s.size() / s.rows != s.columns || s.size() > s.size() * 4 / 4)
    fail(name, "shape", s.text(), "have a size that the machine can count");
  if (length % unit != 0) fail(name, axis, length, "be a multiple of " + to_text(unit) + ", the codes of whole words");
}

/// Which group and output entry k of a table of groups × outputs is.
inline std::string group_place(std::size_t k, std::size_t outputs) {
  return "group " + to_text(k / outputs) + ", output " + to_text(k % outputs);
}

/// The groups of a table of binary16 scales.
inline std::size_t group_count(std::string_view name, std::span<const std::byte> scales, std::size_t outputs, const shape& s) {
  if (scales.empty() || scales.size() % 2 != 0 || scales.size() / 2 % outputs != 0)
    fail(name, "bytes of scales", scales.size(), "be 2 per group and output for shape " + s.text());
  return scales.size() / 2 / outputs;
}
inline void check_group_scales(std::string_view name, std::span<const std::byte> scales, std::size_t outputs) {
  for (std::size_t k = 0; k < scales.size() / 2; ++k)
    if (const float scale = little_endian::load_half(scales.data() + 2 * k).value(); !exact::is_finite(scale))
      fail(name, "scale of " + group_place(k, outputs), scale, "be finite");
}

/// What can be packed: codes of a shape, tables of groups × outputs.
template <int Bits>
void check_packed_codes(std::string_view name, const shape& s, std::size_t outputs, std::span<const code> codes,
                        std::span<const float> scales, std::span<const code> zeros) {
  constexpr unsigned highest = (1u << Bits) - 1;
  if (codes.size() != s.size()) fail(name, "codes", codes.size(), "be " + to_text(s.size()) + " for shape " + s.text());
  if (scales.empty() || scales.size() % outputs != 0) fail(name, "scales", scales.size(), "be one per group and output");
  if (zeros.size() != scales.size()) fail(name, "zeros", zeros.size(), "be as many as the scales, " + to_text(scales.size()));
  for (std::size_t i = 0; i < codes.size(); ++i)
    if (codes[i] > highest) fail(name, "code " + to_text(i), unsigned{codes[i]}, "be at most " + to_text(highest));
  for (std::size_t k = 0; k < scales.size(); ++k) {
    if (!little_endian::fits_half(scales[k]))
      fail(name, "scale of " + group_place(k, outputs), scales[k], "round to at most 65504, the largest binary16");
    if (zeros[k] > highest) fail(name, "zero of " + group_place(k, outputs), unsigned{zeros[k]}, "be at most " + to_text(highest));
  }
}

inline std::vector<std::byte> pack_halves(std::span<const float> values) {
  std::vector<std::byte> bytes(2 * values.size());
  for (std::size_t k = 0; k < values.size(); ++k) little_endian::store_half(bytes.data() + 2 * k, half::from(values[k]));
  return bytes;
}
/// Rows of codes one after another, each in whole units, less one (modulo 2^Bits) if asked for.
template <int Bits>
std::vector<std::byte> pack_rows(std::span<const code> codes, std::size_t row, bool less_one) {
  using words = packed_words<Bits>;
  std::vector<std::byte> bytes(codes.size() / row * words::bytes_for(row));
  for (std::size_t i = 0; i < codes.size(); ++i)
    words::store(bytes.data() + i / words::unit_codes * words::unit_bytes, 4, i % words::unit_codes,
                 static_cast<code>(codes[i] - less_one));
  return bytes;
}

}  // namespace detail

}  // namespace zolt::inline v0
