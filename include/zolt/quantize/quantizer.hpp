#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/core/exact.hpp"
#include "zolt/kernel/magnitude.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/quantize/range.hpp"
#include "zolt/quantize/tile_encoder.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

namespace detail {

/// The scales of a batch are so few that a call of memcpy would take longer.
inline void copy_few(const float* from, std::size_t count, float* to) {
  for (; count >= 4; count -= 4, from += 4, to += 4) __builtin_memcpy(to, from, 4 * sizeof *to);
  for (; count != 0; --count) *to++ = *from++;
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

}  // namespace detail

/// format × granularity × range policy × rounding × scale storage: fits the grids of float weights, keeps them as the storage can, then
/// encodes each weight as round(w / s), with a zero point as round(w / s) + z.
///
/// Units    weights as given; codes are ordinals.
/// Shapes   weights rows × columns, row-major, as the result.
/// Cost     two passes over the weights and what the range policy says; allocates the result and one grid per group.
/// Errors   an empty tensor, a NaN or infinite weight (with its index), a group that does not divide the columns, a scale that overflows
///          or underflows as it is fitted or stored (with its group), a field of the range policy out of bounds.
/// Source   Jacob et al. 2018 eq. 1; stochastic rounding draws word i of stream `round_quantize` under `key`, a rounding with `random_bits`
///          that many bits, which lie as kernel::random_tile says.
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
    checked(name, weights.shape());
    tensor_type result(weights.shape());
    requantize(name, weights, result, events);
    return result;
  }

  /// The same into a tensor of the weights' shape that is already there. After an error it holds some of both.
  ///
  /// Cost     one pass over memory where the range is absmax, the format symmetric and the scales are floats, one per row or group: groups
  ///          are encoded while they are in a cache, and nothing is allocated. Otherwise as a new tensor.
  /// Errors   also a tensor of another shape.
  void requantize(std::string_view name, tensor_view<const float> weights, tensor_type& into, quantization_events* events = nullptr) const {
    const scale_layout layout = checked(name, weights.shape(), &into);
    encoder_of<detail::plain_weights> encoder(name, words_of(name), round, layout, into.view(), weights.data());
    if constexpr (fits_at_once) {
      if (layout.block_rows == 1) {
        fit_and_encode(name, weights, layout, into, encoder);
        return encoder.finish(events);
      }
    }
    detail::check_finite(name, weights);
    into.kept_scales().keep(fitted(name, weights, layout));
    check_kept(name, layout, into);
    encoder.encode(weights.size());
    encoder.finish(events);
  }

  /// Codes of w + c·z under the scales that the tensor has, or under those that absmax gives the sum: a perturbed copy of float weights
  /// in one pass, without a float beside them.
  ///
  ///   code_i = round((w_i + c·z_i) / s)
  ///
  /// Units    as the weights; z is the direction's integer before any unit, so c carries all of them.
  /// Cost     one read of the weights and one write of the codes, and the random bits of direction and rounding. Fitting reads the sums
  ///          of a group twice while they are in a cache, and makes those of a group beyond four tiles twice. Nothing is allocated where a
  ///          block has one row.
  /// Errors   a tensor of another shape, a sum that is not finite (with its index), a scale that overflows or underflows.
  template <class Distribution>
  void requantize(std::string_view name, tensor_view<const float> weights, const perturbation<Distribution>& by, tensor_type& into,
                  quantization_events* events = nullptr) const {
    const scale_layout layout = checked(name, weights.shape(), &into);
    encoder_of<detail::displaced_weights<Distribution>> encoder(name, words_of(name), round, layout, into.view(), weights.data(), by);
    if (by.scales == scales_of_sum::fitted) {
      if constexpr (fits_at_once)
        if (layout.block_rows == 1) {
          fit_and_encode(name, weights, layout, into, encoder);
          return encoder.finish(events);
        }
      fail(name, "scales of a sum", "fitted", "be kept, unless the range is absmax and the scales are floats, of rows or their groups");
    }
    encoder.encode(weights.size());
    encoder.finish(events);
  }

 private:
  using grid = typename Scales::grid;
  static constexpr bool fits_at_once = std::same_as<Range, absmax> && std::same_as<Scales, float_scales> && !asymmetric_format<Format> &&
                                       Format::value_of(Format::lowest) == -Format::value_of(Format::highest) &&
                                       Format::value_of(0) == 0.0f;

  template <class Source>
  using encoder_of = detail::tile_encoder<Format, Rounding, decltype(std::declval<tensor_type&>().view()), Source>;
  random_stream words_of(std::string_view name) const {
    return random_stream(key, hash_of(name.data(), name.size()), stream::round_quantize);
  }

  scale_layout checked(std::string_view name, const shape& s, const tensor_type* into = nullptr) const {
    std::vector<problem> problems;
    check_fields(range, problems);
    if (!problems.empty()) throw error(std::move(problems));
    const scale_layout layout = checked_layout<Granularity>(name, s);
    if (into != nullptr && !(into->shape() == s))
      fail(name, "shape of the tensor", into->shape().text(), "be that of the weights, " + s.text());
    return layout;
  }

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

  /// absmax with float scales: groups are fitted and encoded some at a time.
  template <class Source>
  void fit_and_encode(std::string_view name, tensor_view<const float> weights, const scale_layout& layout, tensor_type& into,
                      encoder_of<Source>& encoder) const {
    const std::span<float> scales = into.kept_scales().scales();
    detail::group_batch batch;
    bool any_zero = false;
    detail::batch_runs runs(layout, weights.size());
    for (std::size_t k = 0; runs.next(batch); k += batch.count) {
      encoder.source().largest_magnitudes(batch.first, batch.length, batch.count, batch.largest);
      const kernel::fitted_groups fitted =
          kernel::symmetric_scales(batch.largest, Format::value_of(Format::highest), batch.count, batch.scales);
      detail::copy_few(batch.scales.values, batch.count, scales.data() + k);
      if (!fitted.are_good) {
        encoder.source().check_finite(name, weights);
        for (std::size_t i = 0; i < batch.count; ++i)
          if (batch.largest.values[i] != 0) detail::check_grid<Format>(name, layout, k + i, scaled{scales[k + i]});
      }
      batch.any_zero = fitted.any_zero;
      any_zero |= fitted.any_zero;
      encoder.encode(batch);
    }
    if (!any_zero) return;
    double scale_sum = 0;
    std::size_t others = 0;
    for (const float scale : scales)
      if (scale > 0) scale_sum += double{scale}, ++others;
    const float usual = others == 0 ? 1.0f : static_cast<float>(scale_sum / static_cast<double>(others));
    for (float& scale : scales)
      if (!(scale > 0)) scale = zero_grid(usual).scale;
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
