#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/core/exact.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/quantize/range.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// What quantizing did to a tensor.
struct quantization_events {
  std::size_t clamped = 0;      ///< weights outside the range that their scale covers
  std::size_t zero_groups = 0;  ///< groups whose weights are all zero, or all became zero
};

namespace detail {

/// The weights must be numbers.
inline void check_finite(std::string_view name, tensor_view<const float> weights) {
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!exact::is_finite(weights.data()[i]))
      fail(name, "weight " + to_text(i) + " (row " + to_text(i / weights.columns()) + ")", weights.data()[i], "be finite");
}

/// A grid must be able to make finite weights of all codes.
template <number_format Format, class Grid>
void check_grid(std::string_view name, const scale_layout& layout, std::size_t k, const Grid& grid) {
  const auto refuse = [&](std::string_view field, float value) {
    fail(name, std::string(field) + " of group " + to_text(k) + " (row " + to_text(k / layout.groups_per_row() * layout.block_rows) + ")",
         value, "be positive and finite as it is stored: rescale the weights");
  };
  if (!(grid.scale > 0) || !exact::is_finite(grid.scale)) refuse("scale", grid.scale);
  for (const int end : {Format::lowest, Format::highest})
    if (const float weight = grid(Format::value_of(end)); !exact::is_finite(weight)) refuse("largest magnitude", std::fabs(weight));
}

/// Encodes the weights of group k under its grid as it is kept.
template <number_format Format, class Grids>
class group_encoder {
  static constexpr bool multiplies = requires(const Grids& g) { g.multiplier(std::size_t{0}); };

 public:
  group_encoder(const Grids& grids, std::size_t k) : grid_(grids[k]) {
    if constexpr (multiplies) multiplier_ = grids.multiplier(k);
  }
  template <rounding Rounding>
  encoded operator()(float weight, const Rounding& round, std::uint32_t word = 0) const {
    if constexpr (multiplies)
      return encode<Format>(weight * multiplier_, round, word);
    else
      return encode_weight<Format>(grid_, weight, round, word);
  }

 private:
  std::remove_cvref_t<decltype(std::declval<const Grids&>()[0])> grid_;
  float multiplier_ = 0;
};

}  // namespace detail

/// format × granularity × range policy × rounding × scale storage: fits the grids of float weights, keeps them as the storage can, then
/// encodes each weight as round(w / s), with a zero point as round(w / s) + z.
///
/// Units    weights as given; codes are ordinals.
/// Shapes   weights rows × columns, row-major, as the result.
/// Cost     two passes over the weights and what the range policy says; allocates the result and one grid per group.
/// Errors   an empty tensor, a NaN or infinite weight (with its index), a group that does not divide the columns, a scale that overflows
///          or underflows as it is fitted or stored (with its group), a field of the range policy out of bounds.
/// Source   Jacob et al. 2018 eq. 1; stochastic rounding draws word i of stream `round_quantize` under `key`.
template <number_format Format, granularity Granularity = per_channel, class Range = absmax, class Rounding = nearest_even,
          class Scales = default_scales<Format>>
struct quantizer {
  static_assert(range_policy<Range>,
                "zolt: a range policy needs fit<Format>(weights), which returns a zolt::scaled for int8 (see zolt::range_policy)");
  static_assert(rounding<Rounding>,
                "zolt: a rounding needs random and operator()(grid_position, word), which returns an int (see zolt::rounding)");

  static_assert(std::same_as<typename Scales::grid, grid_for<Format>>,
                "zolt: scales of this kind have no zero point, which an unsigned format needs, or one that a signed format has not");
  static_assert(
      std::same_as<Range, largest_magnitude> == requires { typename Scales::element_format; },
      "zolt: scales that are derived from each other (nvfp4_scales) go with range policy largest_magnitude, and no others do");

  using tensor_type = quantized_tensor<Format, Granularity, Scales>;

  Range range{};
  Rounding round{};
  direction_key key{};

  tensor_type operator()(std::string_view name, tensor_view<const float> weights, quantization_events* events = nullptr) const {
    std::vector<problem> problems;
    check_fields(range, problems);
    if (!problems.empty()) throw error(std::move(problems));
    const scale_layout layout = checked_layout<Granularity>(name, weights.shape());
    detail::check_finite(name, weights);
    tensor_type result(weights.shape());
    result.kept_scales().keep(fitted(name, weights, layout));
    check_kept(name, layout, result);
    const quantization_events met = encode_all(name, weights, layout, result);
    if (events != nullptr) events->clamped += met.clamped, events->zero_groups += met.zero_groups;
    return result;
  }

 private:
  using grid = typename Scales::grid;

  std::vector<grid> fitted(std::string_view name, tensor_view<const float> weights, const scale_layout& layout) const {
    std::vector<grid> grids(layout.count(weights.size()));
    std::vector<std::size_t> zero_groups;
    std::vector<float> block;
    double scale_sum = 0;
    for (std::size_t k = 0; k < grids.size(); ++k) {
      block.clear();
      layout.for_each_run(k, weights.size(), [&](std::size_t first, std::size_t last) {
        block.insert(block.end(), weights.data() + first, weights.data() + last);
      });
      if (std::all_of(block.begin(), block.end(), [](float w) { return w == 0; })) {
        zero_groups.push_back(k);
        continue;
      }
      grids[k] = range.template fit<Format>(block);
      if constexpr (!std::same_as<Range, largest_magnitude>) detail::check_grid<Format>(name, layout, k, grids[k]);
      scale_sum += double{grids[k].scale};
    }
    const std::size_t others = grids.size() - zero_groups.size();
    for (const std::size_t k : zero_groups)
      grids[k] = zero_grid(others == 0 ? 1.0f : static_cast<float>(scale_sum / static_cast<double>(others)));
    return grids;
  }

  /// The mean of the other scales lets one code mean about as much as elsewhere when such a group is trained. In a format without a zero
  /// only a scale so small that nothing is left represents it.
  static grid zero_grid(float usual_scale) {
    if constexpr (std::same_as<Range, largest_magnitude>)
      return {0};
    else if constexpr (asymmetric_format<Format>)
      return {usual_scale, static_cast<float>((Format::highest + 1) / 2)};
    else
      return {Format::value_of(0) == 0 ? usual_scale : std::numeric_limits<float>::min()};
  }
  /// Storage of fewer bits than the scales were fitted with may have lost one. Storage with a multiplier has a rule for that.
  static void check_kept(std::string_view name, const scale_layout& layout, const tensor_type& result) {
    const auto view = result.view();
    if constexpr (!requires { view.grids().multiplier(0); })
      for (std::size_t k = 0; k < layout.count(result.size()); ++k) detail::check_grid<Format>(name, layout, k, view.grids()[k]);
  }

  quantization_events encode_all(std::string_view name, tensor_view<const float> weights, const scale_layout& layout,
                                 tensor_type& result) const {
    quantization_events met;
    std::vector<bool> weighs(layout.count(weights.size())), lives(weighs.size());  // before and after
    const auto view = result.view();
    word_reader words(random_stream(key, hash_of(name.data(), name.size()), stream::round_quantize));
    for (std::size_t i = 0; i < weights.size();) {
      const std::size_t end = layout.end(i), k = layout.index(i);
      const detail::group_encoder<Format, typename tensor_type::grids_type> encode_one(view.grids(), k);
      const auto decode_one = view.grids()[k];
      bool any_weight = false, any_value = false;
      for (; i < end; ++i) {
        const float w = weights.data()[i];
        const encoded e = encode_one(w, round, Rounding::random ? words(i) : 0);
        view.set_code(i, Format::code_of(e.ordinal));
        met.clamped += e.clamped;
        any_weight |= w != 0;
        any_value |= decode_one(Format::value_of(e.ordinal)) != 0;
      }
      weighs[k] = weighs[k] || any_weight;
      lives[k] = lives[k] || any_value;
    }
    for (std::size_t k = 0; k < lives.size(); ++k) met.zero_groups += !(weighs[k] && lives[k]);
    return met;
  }
};

/// Quantizes with the usual choices: symmetric, absmax, nearest even.
template <number_format Format, granularity Granularity = per_channel>
quantized_tensor<Format, Granularity> quantize(std::string_view name, tensor_view<const float> weights) {
  return quantizer<Format, Granularity>{}(name, weights);
}

/// The median distance between neighbouring codes around the weights of a coded tensor or view: a unit for the float tensors beside it.
///
/// Cost     one read of the codes and 4 bytes per weight while it runs.
/// Errors   a tensor without weights.
template <class Weights>
double unit_of(const Weights& weights) {
  using format = typename Weights::format;
  if (weights.shape().size() == 0) fail("unit_of", "shape", weights.shape().text(), "have at least one element");
  const auto view = detail::view_of(weights);
  std::vector<float> steps(weights.shape().size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const int ordinal = format::ordinal_of(view.code(i));
    const int next = ordinal < format::highest ? ordinal + 1 : ordinal - 1;
    steps[i] = std::fabs((format::value_of(next) - format::value_of(ordinal)) * view.scale(i));
  }
  const auto median = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), median, steps.end());
  return *median;
}

}  // namespace zolt::inline v0
