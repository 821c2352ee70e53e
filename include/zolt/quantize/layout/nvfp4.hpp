#pragma once

#include <array>
#include <cmath>

#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/block_scales.hpp"
#include "zolt/quantize/layout/block_view.hpp"
#include "zolt/quantize/layout/bytes.hpp"

namespace zolt::inline v0 {

/// NVIDIA's blocks of 16 E2M1 numbers with an E4M3 scale, under one float for the tensor, which stands before the first block.
///
///   S = 448·6 / max|W|,   s_b = E4M3(max|W_b| · (S·(1/6))),   element = E2M1(x · min(S / s_b, FLT_MAX)),   weight = element · (s_b / S)
///
/// The multiplier is cut at FLT_MAX, so that blocks of a tensor whose largest magnitude is below 4·10⁻³³ may lose what they hold.
///
/// Units    S: E2M1 values times E4M3 values per weight. bytes: S as a little-endian float; per block s_b, then split halves (byte j: element
///          j, above it j + 8).
/// Cost     4.5 bits per weight and 4 bytes.
/// Errors   S that is not positive and finite; s_b that is NaN or negative; s_b / S under which 6 overflows.
/// Source   NVIDIA Transformer Engine, NVFP4 recipe (arXiv 2509.25149), numbers as nvfp4_scales. There the three parts lie in tensors of their
///          own; this order makes one of them.
class nvfp4 {
 public:
  using format = e2m1fn;
  static constexpr std::string_view name = "nvfp4";
  static constexpr std::string_view bound = "be a number of E4M3 that is not negative, whose product with 6 / S is finite";
  static constexpr std::size_t prefix = 4, weights = 16, bytes = 9;

  float tensor_scale = 1;

  static nvfp4 of_prefix(const std::byte* from) { return nvfp4(little_endian::load_float(from)); }
  void write_prefix(std::byte* to) const { little_endian::store_float(to, tensor_scale); }
  static nvfp4 of_weights(std::span<const float> all) {
    nvfp4_scales one(1);
    const scaled largest{std::fabs(detail::signed_peak(all.data(), all.size()))};
    one.keep(std::span(&largest, 1));
    return nvfp4(one.tensor_scale());
  }

  bool holds(float block_value) const { return block_value >= 0 && exact::is_finite(block_value / tensor_scale * 6); }
  std::array<block_scale, 1> scales(const std::byte* block) const {
    return {{{"e4m3 scale", decode_code<e4m3fn>(static_cast<zolt::code>(block[0]))}}};
  }
  std::array<block_scale, 1> fit(const float* w) const { return {{{"e4m3 scale", decode_code<e4m3fn>(scale_code(w))}}}; }
  void quantize(const float* w, std::byte* block) const {
    const zolt::code scale = scale_code(w);
    const float multiplier = nvfp4_scales::grids(std::span(&scale, 1), &tensor_scale).multiplier(0);
    block[0] = static_cast<std::byte>(scale);
    for (std::size_t j = 0; j < weights; ++j) set_code(block, j, encode_code<format>(w[j] * multiplier, nearest_even{}));
  }
  void dequantize(const std::byte* block, float* w) const { detail::decode_block(*this, block, w); }
  scaled grid(const std::byte* block) const {
    const auto scale = static_cast<zolt::code>(block[0]);
    return nvfp4_scales::grids(std::span(&scale, 1), &tensor_scale)[0];
  }

  static zolt::code code(const std::byte* block, std::size_t j) {
    return static_cast<zolt::code>(little_endian::load_u8(block + 1 + j % 8) >> j / 8 * 4 & 15);
  }
  static void set_code(std::byte* block, std::size_t j, zolt::code c) {
    little_endian::store_code<4>([block, j](std::size_t) -> std::byte& { return block[1 + j % 8]; }, j / 8 * 4, c);
  }

  nvfp4() = default;
  explicit nvfp4(float scale) : tensor_scale(scale) {}

 private:
  zolt::code scale_code(const float* w) const {
    const float largest = std::fabs(detail::signed_peak(w, weights));
    return encode_code<e4m3fn>(largest * (tensor_scale * (1.0f / 6.0f)), nearest_even{});
  }
};

}  // namespace zolt::inline v0
