#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "zolt/core/error.hpp"
#include "zolt/numeric/affine.hpp"
#include "zolt/numeric/half.hpp"

namespace zolt::inline v0 {

/// How a tensor keeps the grids of its groups, which are what the quantizer fitted, rounded as the storage must. Codes are computed with
/// the grids as they are kept.
///
/// `view()` gives the grids by index for as long as the storage lives; `scales()` and `zeros()`, where they exist, are floats that a
/// forward-only optimizer may train.
template <class S>
concept scale_storage = std::copyable<S> && requires(S& s, const S& kept, std::span<const typename S::grid> fitted) {
  S(std::size_t{1});
  s.keep(fitted);
  { kept.view()[0] } -> std::same_as<typename S::grid>;
  { kept.memory() } -> std::same_as<std::size_t>;
};

/// One float per group in somebody's memory: a span, or floats that live on (a temporary vector is refused).
class scale_view {
 public:
  scale_view() = default;
  template <class Floats>
    requires(std::convertible_to<Floats, std::span<const float>> &&
             (std::is_lvalue_reference_v<Floats> || std::is_trivially_copyable_v<std::remove_cvref_t<Floats>>))
  scale_view(Floats&& scales) : scales_(scales) {}
  scaled operator[](std::size_t k) const { return {scales_[k]}; }
  std::size_t size() const { return scales_.size(); }
  std::span<const float> scales() const { return scales_; }

 private:
  std::span<const float> scales_;
};

/// A scale and a zero point per group in somebody's memory.
class affine_view {
 public:
  affine_view() = default;
  affine_view(std::span<const float> scales, std::span<const float> zeros) : scales_(scales), zeros_(zeros) {
    if (scales.size() != zeros.size()) fail("affine_view", "zeros", zeros.size(), "be as many as the scales, " + to_text(scales.size()));
  }
  affine operator[](std::size_t k) const { return {scales_[k], zeros_[k]}; }
  std::size_t size() const { return scales_.size(); }
  std::span<const float> scales() const { return scales_; }
  std::span<const float> zeros() const { return zeros_; }

 private:
  std::span<const float> scales_, zeros_;
};

/// Scales as floats.
class float_scales {
 public:
  using grid = scaled;
  static constexpr std::string_view name = "float32 scales";

  float_scales() = default;
  explicit float_scales(std::size_t count) : scales_(count, 1.0f) {}
  void keep(std::span<const grid> fitted) {
    for (std::size_t k = 0; k < fitted.size(); ++k) scales_[k] = fitted[k].scale;
  }
  scale_view view() const { return std::span<const float>(scales_); }
  std::span<float> scales() { return scales_; }
  std::span<const float> scales() const { return scales_; }
  std::size_t memory() const { return scales_.size() * sizeof(float); }

 private:
  std::vector<float> scales_;
};

/// Scales as IEEE binary16, half the memory of floats: what most files of quantized weights hold.
class half_scales {
 public:
  using grid = scaled;
  static constexpr std::string_view name = "float16 scales";

  half_scales() = default;
  explicit half_scales(std::size_t count) : scales_(count, half::from(1.0f)) {}
  void keep(std::span<const grid> fitted) {
    for (std::size_t k = 0; k < fitted.size(); ++k) scales_[k] = half::from(fitted[k].scale);
  }
  class grids {
   public:
    grids() = default;
    explicit grids(std::span<const half> scales) : scales_(scales) {}
    scaled operator[](std::size_t k) const { return {scales_[k].value()}; }
    std::size_t size() const { return scales_.size(); }

   private:
    std::span<const half> scales_;
  };
  grids view() const { return grids(scales_); }
  std::size_t memory() const { return scales_.size() * sizeof(half); }

 private:
  std::vector<half> scales_;
};

/// Scales and zero points as floats: asymmetric quantization.
class affine_scales {
 public:
  using grid = affine;
  static constexpr std::string_view name = "float32 scales and zeros";

  affine_scales() = default;
  explicit affine_scales(std::size_t count) : scales_(count, 1.0f), zeros_(count, 0.0f) {}
  void keep(std::span<const grid> fitted) {
    for (std::size_t k = 0; k < fitted.size(); ++k) scales_[k] = fitted[k].scale, zeros_[k] = fitted[k].zero;
  }
  affine_view view() const { return {scales_, zeros_}; }
  std::span<float> scales() { return scales_; }
  std::span<const float> scales() const { return scales_; }
  std::span<float> zeros() { return zeros_; }
  std::span<const float> zeros() const { return zeros_; }
  std::size_t memory() const { return (scales_.size() + zeros_.size()) * sizeof(float); }

 private:
  std::vector<float> scales_, zeros_;
};

/// Scales and zero points as IEEE binary16. A whole zero point of up to 8 bits is exact.
class half_affine_scales {
 public:
  using grid = affine;
  static constexpr std::string_view name = "float16 scales and zeros";

  half_affine_scales() = default;
  explicit half_affine_scales(std::size_t count) : scales_(count, half::from(1.0f)), zeros_(count) {}
  void keep(std::span<const grid> fitted) {
    for (std::size_t k = 0; k < fitted.size(); ++k) scales_[k] = half::from(fitted[k].scale), zeros_[k] = half::from(fitted[k].zero);
  }
  class grids {
   public:
    grids() = default;
    grids(std::span<const half> scales, std::span<const half> zeros) : scales_(scales), zeros_(zeros) {}
    affine operator[](std::size_t k) const { return {scales_[k].value(), zeros_[k].value()}; }
    std::size_t size() const { return scales_.size(); }

   private:
    std::span<const half> scales_, zeros_;
  };
  grids view() const { return {scales_, zeros_}; }
  std::size_t memory() const { return (scales_.size() + zeros_.size()) * sizeof(half); }

 private:
  std::vector<half> scales_, zeros_;
};

}  // namespace zolt::inline v0
