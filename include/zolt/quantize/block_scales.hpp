#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "zolt/numeric/exponent.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/scale_storage.hpp"

namespace zolt::inline v0 {

/// Scales as powers of two in one byte each: the Microscaling formats.
///
/// Units    a scale that is no power of two becomes the nearest one; the range policies power_of_two_floor and power_of_two_ceil fit powers.
/// Source   OCP Microscaling Formats v1.0 §5.
class e8m0_scales {
 public:
  using grid = scaled;
  static constexpr std::string_view name = "e8m0 scales";

  e8m0_scales() = default;
  explicit e8m0_scales(std::size_t count) : codes_(count, e8m0fnu::code_of(127)) {}
  void keep(std::span<const grid> fitted) {
    for (std::size_t k = 0; k < fitted.size(); ++k) codes_[k] = encode_code<e8m0fnu>(fitted[k].scale, nearest_even{});
  }
  class grids {
   public:
    grids() = default;
    explicit grids(std::span<const code> codes) : codes_(codes) {}
    scaled operator[](std::size_t k) const { return {decode_code<e8m0fnu>(codes_[k])}; }
    std::size_t size() const { return codes_.size(); }

   private:
    std::span<const code> codes_;
  };
  grids view() const { return grids(codes_); }
  std::span<const code> codes() const { return codes_; }
  std::size_t memory() const { return codes_.size(); }

 private:
  std::vector<code> codes_;
};

/// Scales as E4M3 beside one float for the tensor: NVFP4.
///
///   S = 448·6 / max|W|,   s_b = E4M3(max|W_b| · (S·(1/6))),   weight = value · (s_b / S),   value = E2M1(weight · min(S / s_b, FLT_MAX))
///
/// The quantizer hands over the largest magnitude of each block (range policy `largest_magnitude`). A block so far below the tensor's
/// largest that its scale rounds to 0 becomes zeros, and so do weights where S / s_b would be beyond FLT_MAX (all of them below 10⁻³²).
///
/// Units    S: E2M1 values times E4M3 values per weight.
/// Source   NVIDIA Transformer Engine, NVFP4 recipe (arXiv 2509.25149); the order of the multiplications is that of its reference.
class nvfp4_scales {
 public:
  using grid = scaled;
  using element_format = e2m1fn;
  static constexpr std::string_view name = "e4m3 scales of a float32 scale";

  nvfp4_scales() = default;
  explicit nvfp4_scales(std::size_t count) : codes_(count, e4m3fn::code_of(0)) {}
  void keep(std::span<const grid> largest) {
    float all = 0;
    for (const scaled& g : largest) all = std::max(all, g.scale);
    const float s = std::min(448.0f * 6.0f / all, std::numeric_limits<float>::max());
    tensor_scale_[0] = all == 0 || s == 0 ? 1 : s;
    const float sixth = tensor_scale_[0] * (1.0f / 6.0f);
    for (std::size_t k = 0; k < largest.size(); ++k) codes_[k] = encode_code<e4m3fn>(largest[k].scale * sixth, nearest_even{});
  }
  class grids {
   public:
    grids() = default;
    grids(std::span<const code> codes, const float* tensor_scale) : codes_(codes), tensor_scale_(tensor_scale) {}
    scaled operator[](std::size_t k) const { return {decode_code<e4m3fn>(codes_[k]) / *tensor_scale_}; }
    /// What a weight is multiplied with before it is encoded; 0 for a block of zeros.
    float multiplier(std::size_t k) const {
      const float block = decode_code<e4m3fn>(codes_[k]);
      return block > 0 ? std::min(*tensor_scale_ / block, std::numeric_limits<float>::max()) : 0.0f;
    }
    std::size_t size() const { return codes_.size(); }

   private:
    std::span<const code> codes_;
    const float* tensor_scale_ = nullptr;
  };
  grids view() const { return {codes_, tensor_scale_.data()}; }
  std::span<const code> codes() const { return codes_; }
  float tensor_scale() const { return tensor_scale_[0]; }
  std::size_t memory() const { return codes_.size() + sizeof(float); }

 private:
  std::vector<code> codes_;
  std::vector<float> tensor_scale_ = {1};  // one number beside the codes, so that views of a tensor that is moved stay good
};

/// The 256 values of bitsandbytes' signed dynamic 8-bit type, ascending: for i = 0 … 6 the 2^i midpoints of an even cut of [0.1, 1], times
/// 10^(i−6), with both signs; 0 and 1.
/// Source   Dettmers 2016 (arXiv 1511.04561); bitsandbytes functional.create_dynamic_map.
inline const std::array<float, 256>& dynamic_map() {
  static const std::array<float, 256> map = [] {
    std::array<float, 256> values{};
    std::size_t n = 0;
    double power = 1e-6;
    for (int i = 0; i < 7; ++i, power *= 10) {
      const int items = 1 << i;
      const double width = 0.9 / items;
      for (int j = 0; j < items; ++j) {
        const double middle = 0.1 + width * (j + 0.5);
        values[n++] = static_cast<float>(power * middle);
        values[n++] = static_cast<float>(-power * middle);
      }
    }
    values[n++] = 0;
    values[n++] = 1;
    std::sort(values.begin(), values.end());
    return values;
  }();
  return map;
}

/// Scales in one byte each beside a float per 256 of them and one for all: the double quantization of QLoRA.
///
///   offset = mean(s),   A_j = max|s − offset| over block j of 256,   s ≈ dynamic_map[code]·A_j + offset
///
/// Units    that of the scales.
/// Cost     0.127 bits per weight for groups of 64 instead of 0.5.
/// Source   Dettmers et al. 2023 (QLoRA, arXiv 2305.14314) §3; code and map as in bitsandbytes (compress_statistics).
/// Differs  bitsandbytes encodes weights with the scales before they were rounded; here as everywhere with the scales as kept. A scale that
///          would round to 0 or less becomes the least positive one.
class double_quantized_scales {
 public:
  using grid = scaled;
  static constexpr std::string_view name = "double-quantized scales";
  static constexpr std::size_t block = 256;

  double_quantized_scales() = default;
  explicit double_quantized_scales(std::size_t count)
      : codes_(count, zero_code()), block_scales_((count + block - 1) / block, 0.0f), offset_{1} {}
  void keep(std::span<const grid> fitted) {
    double sum = 0;
    for (const scaled& g : fitted) sum += double{g.scale};
    const auto offset = static_cast<float>(sum / static_cast<double>(fitted.size()));
    offset_[0] = offset;
    for (std::size_t j = 0; j < block_scales_.size(); ++j) {
      const std::size_t last = std::min(fitted.size(), (j + 1) * block);
      float largest = 0;
      for (std::size_t k = j * block; k < last; ++k) largest = std::max(largest, std::fabs(fitted[k].scale - offset));
      block_scales_[j] = largest;
      for (std::size_t k = j * block; k < last; ++k)
        codes_[k] = largest == 0 ? zero_code() : positive((fitted[k].scale - offset) / largest, largest, offset);
    }
  }
  class grids {
   public:
    grids() = default;
    grids(std::span<const code> codes, const float* block_scales, const float* offset)
        : codes_(codes), block_scales_(block_scales), offset_(offset) {}
    scaled operator[](std::size_t k) const { return {exact::product(dynamic_map()[codes_[k]], block_scales_[k / block]) + *offset_}; }
    std::size_t size() const { return codes_.size(); }

   private:
    std::span<const code> codes_;
    const float *block_scales_ = nullptr, *offset_ = nullptr;
  };
  grids view() const { return {codes_, block_scales_.data(), offset_.data()}; }
  std::span<const code> codes() const { return codes_; }
  std::span<const float> block_scales() const { return block_scales_; }
  float offset() const { return offset_[0]; }
  std::size_t memory() const { return codes_.size() + (block_scales_.size() + 1) * sizeof(float); }

  /// The code of the value of the dynamic map that is nearest to x; of two that are as near, the lower.
  static code nearest(float x) {
    const auto& map = dynamic_map();
    const auto above = std::lower_bound(map.begin(), map.end(), x);
    if (above == map.begin()) return 0;
    if (above == map.end()) return 255;
    const bool lower = x - *(above - 1) <= *above - x;
    return static_cast<code>(above - map.begin() - lower);
  }

 private:
  static code zero_code() { return nearest(0.0f); }
  /// The nearest code whose scale is still positive: small scales among large ones would otherwise become 0 or less.
  static code positive(float x, float largest, float offset) {
    code c = nearest(x);
    while (c < 255 && !(exact::product(dynamic_map()[c], largest) + offset > 0)) ++c;
    return c;
  }
  std::vector<code> codes_;
  std::vector<float> block_scales_;
  std::vector<float> offset_ = {0};
};

}  // namespace zolt::inline v0
