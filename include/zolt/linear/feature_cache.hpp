#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/error.hpp"
#include "zolt/numeric/packing.hpp"
#include "zolt/quantize/range.hpp"

namespace zolt::inline v0 {

/// What a feature_cache holds: what `boundary` layers make of each of `examples` examples, in `variants` augmentations of it.
struct feature_layout {
  std::size_t examples = 0;
  std::size_t features = 0;  ///< of one example
  int bits = 32;             ///< of one feature: 2 to 8, or 32 for floats as they are
  std::size_t variants = 1;
  std::size_t boundary = 0;

  friend bool operator==(const feature_layout&, const feature_layout&) = default;
};

/// Bits of a stored feature, which fall as layers freeze: b = first − round(fall · frozen/layers), at least 2, and 32 where that is above 8.
///
/// Units    first, fall: bits.
/// Source   progressive compression of cached features: arXiv 2508.15033, read in its abstract; the formula is inferred from it, and its
///          numbers are ours.
struct progressive_precision {
  static constexpr std::string_view name = "progressive_precision";
  double first = 8;
  double fall = 4;

  template <class Field>
  void fields(Field&& field) const {
    field("first", first, bound::at_least_one);
    field("fall", fall, bound::non_negative);
  }
  int bits(std::size_t frozen, std::size_t layers) const {
    const double wanted = first - std::round(fall * static_cast<double>(frozen) / static_cast<double>(std::max<std::size_t>(layers, 1)));
    return wanted > 8 ? 32 : static_cast<int>(std::max(wanted, 2.0));
  }
  friend bool operator==(const progressive_precision&, const progressive_precision&) = default;
};

/// What a frozen prefix makes of every example, once: a step on frozen layers costs 2·F_suffix instead of F_prefix + 2·F_suffix.
///
/// A forward says at its beginning what it wants to hold; anything else than before, another boundary above all, forgets what there was. A
/// forward whose first layer moves says clear(). So features are those of weights that did not move meanwhile, if the boundary is always the
/// number of layers before the first that moves (probe_view::moves), no step goes by without a forward, and nobody else writes the weights.
///
/// With `bits` below 32 the features of an example are integers under a scale and a zero point of its own. Not for forwards that run at the
/// same time.
///
/// Units    those of the features.
/// Cost     bits/8 bytes per feature and variant, 1 per example and variant, and 8 more below 32 bits, where rows are whole blocks of 32.
/// Errors   a layout without examples, features or variants, or of other bits; an example or variant that is not there; a span of another
///          length; reading what is not held.
/// Source   caching at the frozen boundary, with variants: arXiv 2508.15033, read in its abstract. The integers: Jacob et al. 2018 §3.
class feature_cache {
 public:
  feature_cache() = default;
  explicit feature_cache(const feature_layout& layout) { hold(layout); }

  /// Holds this from now on: nothing yet, unless it is what was held before.
  void hold(const feature_layout& layout) {
    if (layout == layout_) return;
    for (const auto& [field, value] :
         {std::pair("examples", layout.examples), std::pair("features", layout.features), std::pair("variants", layout.variants)})
      if (value == 0) fail("feature_cache", field, value, "be at least 1");
    if (layout.bits != 32 && (layout.bits < 2 || layout.bits > 8)) fail("feature_cache", "bits", layout.bits, "be 2 to 8, or 32");
    const std::size_t rows = layout.examples * layout.variants;
    std::size_t row = layout.features * sizeof(float);
    with_format(layout.bits, [&]<class Format>(std::type_identity<Format>) { row = packing<Format::bits>::bytes_for(layout.features); });
    bytes_.assign(rows * row, std::byte{});
    grids_.assign(layout.bits == 32 ? 0 : rows, affine{});
    held_.assign(rows, 0);
    row_bytes_ = row;
    layout_ = layout;
  }
  /// Forgets everything.
  void clear() { std::fill(held_.begin(), held_.end(), std::uint8_t{0}); }

  const feature_layout& layout() const { return layout_; }
  bool contains(std::size_t example, std::size_t variant = 0) const { return held_[row_of(example, variant)] != 0; }

  /// Keeps the features of an example; false if one is no finite number, or their range none: then none are held.
  bool store(std::size_t example, std::span<const float> features, std::size_t variant = 0) {
    const std::size_t row = row_of(example, variant);
    check_length(features.size());
    held_[row] = std::all_of(features.begin(), features.end(), [](float f) { return exact::is_finite(f); });
    if (held_[row] == 0) return false;
    std::byte* const to = bytes_.data() + row * row_bytes_;
    if (layout_.bits == 32) {
      std::memcpy(to, features.data(), row_bytes_);
      return true;
    }
    with_format(layout_.bits, [&]<class Format>(std::type_identity<Format>) {
      const auto [lowest, highest] = std::minmax_element(features.begin(), features.end());
      affine& grid = grids_[row];
      grid = detail::grid_of_range<Format>(std::min(*lowest, 0.0f), std::max(*highest, 0.0f));
      if (!(grid.scale > 0)) grid = {};                                              // all of them are zero, or as good as that
      if (!exact::is_finite(grid(0)) || !exact::is_finite(grid(Format::highest))) {  // a range beyond floats
        held_[row] = 0;
        return;
      }
      for (std::size_t i = 0; i < features.size(); ++i)
        packing<Format::bits>::store(to, i, Format::code_of(encode_weight<Format>(grid, features[i], nearest_even{}).ordinal));
    });
    return held_[row] != 0;
  }
  /// The features of an example that it contains.
  void read(std::size_t example, std::span<float> features, std::size_t variant = 0) const {
    const std::size_t row = row_of(example, variant);
    check_length(features.size());
    if (held_[row] == 0) fail("feature_cache", "example read", example, "be one that is held: see contains");
    const std::byte* const from = bytes_.data() + row * row_bytes_;
    if (layout_.bits == 32) {
      std::memcpy(features.data(), from, row_bytes_);
      return;
    }
    with_format(layout_.bits, [&]<class Format>(std::type_identity<Format>) {
      constexpr std::size_t at_once = 256;
      code codes[at_once];
      for (std::size_t first = 0; first < features.size(); first += at_once) {
        const std::size_t count = std::min(at_once, features.size() - first);
        packing<Format::bits>::unpack(from, first, count, codes);
        for (std::size_t i = 0; i < count; ++i) features[first + i] = grids_[row](static_cast<float>(codes[i]));
      }
    });
  }

  /// Memory of features, their scales and what is known to be held.
  std::size_t bytes() const { return bytes_.size() + grids_.size() * sizeof(affine) + held_.size(); }

 private:
  /// f(format of so many bits), or nothing where features are floats.
  template <class Function, int Bits = 2>
  static void with_format(int bits, Function&& f) {
    if (bits == Bits)
      f(std::type_identity<integer<Bits, integer_range::non_negative>>{});
    else if constexpr (Bits < 8)
      with_format<Function, Bits + 1>(bits, std::forward<Function>(f));
  }
  std::size_t row_of(std::size_t example, std::size_t variant) const {
    if (example >= layout_.examples) fail("feature_cache", "example", example, "be below " + to_text(layout_.examples));
    if (variant >= layout_.variants) fail("feature_cache", "variant", variant, "be below " + to_text(layout_.variants));
    return example * layout_.variants + variant;
  }
  void check_length(std::size_t length) const {
    if (length != layout_.features) fail("feature_cache", "features", length, "be " + to_text(layout_.features));
  }

  feature_layout layout_;
  std::size_t row_bytes_ = 0;
  std::vector<std::byte> bytes_;  ///< a row per example and variant
  std::vector<affine> grids_;
  std::vector<std::uint8_t> held_;
};

}  // namespace zolt::inline v0
