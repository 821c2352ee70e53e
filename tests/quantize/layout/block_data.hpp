#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/weights.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/quantize/layout/block_layout.hpp"

/// Blocks of weights and of bytes for tests of layouts.
namespace zolt::test {

/// "00 3c f0": what a reader compares a byte for byte with.
inline std::string hex(std::span<const std::byte> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes) {
    if (!text.empty()) text += ' ';
    text += digits[static_cast<unsigned>(b) >> 4];
    text += digits[static_cast<unsigned>(b) & 15];
  }
  return text;
}
/// The text of n equal bytes, with a blank before each.
inline std::string times(std::size_t n, const std::string& byte) {
  std::string text;
  for (std::size_t k = 0; k < n; ++k) text += " " + byte;
  return text;
}

/// `count` weights, all 0 but those that are given by index.
inline std::vector<float> sparse_block(std::size_t count, std::initializer_list<std::pair<std::size_t, float>> given) {
  std::vector<float> weights(count);
  for (const auto& [j, w] : given) weights[j] = w;
  return weights;
}

inline tensor_view<const float> as_row(const std::vector<float>& weights) { return {weights.data(), {1, weights.size()}}; }

template <class L>
std::vector<std::byte> quantized(const std::vector<float>& weights) {
  return quantize_blocks<L>("w", as_row(weights));
}
template <class L>
std::string quantized_hex(const std::vector<float>& weights) {
  return hex(quantized<L>(weights));
}
template <class L>
std::vector<float> dequantized(std::span<const std::byte> bytes, std::size_t weights) {
  std::vector<float> out(weights);
  dequantize_blocks<L>("w", bytes, out);
  return out;
}

inline double relative_rmse(std::span<const float> weights, std::span<const float> back) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    error += (double{weights[i]} - back[i]) * (double{weights[i]} - back[i]);
    square += double{weights[i]} * weights[i];
  }
  return std::sqrt(error / square);
}

/// A float of any magnitude, sign and significand: subnormal ones and zeros among them.
inline float any_float(draws& random) {
  for (;;)
    if (const float x = std::bit_cast<float>(random.word()); exact::is_finite(x)) return x;
}

/// A block as a network may have it, or as nobody would: one magnitude for all that runs through the whole range of floats, some weights far
/// below it, zeros of both signs, equal weights, halves of small whole numbers.
inline std::vector<float> any_block(draws& random, std::size_t count) {
  std::vector<float> weights(count);
  const int exponent = static_cast<int>(random.between(0, 277)) - 150;  // 2^−150 … 2^127
  const auto kind = random.below(8);
  for (float& w : weights) {
    const double unit = std::ldexp(1.0, exponent);
    double x = (random.fraction() * 2 - 1) * unit;
    if (kind == 1) x = random.normal() * unit / 8;
    if (kind == 2) x = std::ldexp(x, -static_cast<int>(random.below(40)));
    if (kind == 3) x = (static_cast<double>(random.below(33)) - 16) / 2 * unit / 8;  // ties
    if (kind == 4) x = -std::fabs(x);
    if (kind == 5) x = unit;
    if (random.below(16) == 0) x = random.below(2) == 0 ? 0.0 : -0.0;
    const double most = std::numeric_limits<float>::max();
    w = static_cast<float>(std::clamp(x, -most, most));
  }
  if (kind == 6) std::fill(weights.begin(), weights.end(), random.below(2) == 0 ? 0.0f : -0.0f);
  if (kind == 7) weights[random.below(count)] = any_float(random);
  return weights;
}

}  // namespace zolt::test
