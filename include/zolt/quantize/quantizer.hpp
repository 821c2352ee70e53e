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
#include "zolt/kernel/direction.hpp"
#include "zolt/kernel/encode.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/quantize/range.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// What quantizing did to a tensor.
struct quantization_events {
  std::size_t clamped = 0;      ///< weights outside the range that their scale covers
  std::size_t zero_groups = 0;  ///< groups whose weights are all zero, or all became zero
};

/// The scales of w + c·z: those that the tensor has, or those that absmax gives the sum.
enum class scales_of_sum { kept, fitted };

/// c·z beside weights: z_i is element i of a distribution's stream.
template <class Distribution>
struct perturbation {
  random_stream direction;
  float coefficient = 0;
  scales_of_sum scales = scales_of_sum::kept;
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

/// Weights that are fitted and then encoded before more are, at most: they stay in a cache meanwhile.
inline constexpr std::size_t encoded_at_once = 4 * tile_size;

/// Where memory is asked for while weights from `first` on are encoded: as far into each of the next tiles as the line of four that this is.
inline const float* line_ahead(const float* data, std::size_t first) {
  const std::size_t done = first % encoded_at_once;
  return reinterpret_cast<const float*>(reinterpret_cast<std::uintptr_t>(data) +
                                        (first - done + encoded_at_once + done / 4) * sizeof(float));
}

/// Weights as they are.
struct plain_weights {
  static constexpr std::size_t at_once = encoded_at_once;
  const float* data;

  const float* tile(std::size_t first, std::size_t) const { return data + first; }
  const float* ahead(std::size_t first) const { return line_ahead(data, first); }
  void largest_magnitudes(std::size_t first, std::size_t length, std::size_t count, float* largest) const {
    kernel::largest_magnitudes(data + first, length, count, largest);
  }
  static void check_finite(std::string_view name, tensor_view<const float> weights) { detail::check_finite(name, weights); }
  static void check_finite(std::string_view, std::size_t, std::size_t) {}
};

/// Weights that are displaced a tile at a time, or a longer group, and kept as long: what is made of a tile need not leave the first cache.
template <class Distribution>
class displaced_weights {
 public:
  static constexpr std::size_t at_once = tile_size;

  displaced_weights(const float* data, const perturbation<Distribution>& by) : data_(data), by_(by) {}

  const float* tile(std::size_t first, std::size_t count) {
    if (first < first_ || first + count > first_ + count_) displace(first, count);
    return sums_ + (first - first_);
  }
  const float* ahead(std::size_t first) const { return line_ahead(data_, first); }
  void largest_magnitudes(std::size_t first, std::size_t length, std::size_t count, float* largest) {
    if (length <= most) {
      for (const std::size_t most_groups = most / length; count != 0;) {
        const std::size_t groups = std::min(most_groups, count);
        displace(first, groups * length);
        kernel::largest_magnitudes(sums_, length, groups, largest);
        first += groups * length, largest += groups, count -= groups;
      }
      return;
    }
    for (; count != 0; --count, ++largest) {
      *largest = 0;
      for (std::size_t last = first + length; first < last;) {
        const std::size_t part = std::min(last - first, most - first % most);
        float of_part = 0;
        displace(first, part);
        kernel::largest_magnitudes(sums_, part, 1, &of_part);
        if (!(of_part <= *largest)) *largest = of_part;
        first += part;
      }
    }
  }
  void check_finite(std::string_view name, tensor_view<const float> weights) {
    for (std::size_t i = 0; i < weights.size(); i += tile_size) check_finite(name, i, std::min(tile_size, weights.size() - i));
  }
  void check_finite(std::string_view name, std::size_t first, std::size_t count) {
    const float* sums = tile(first, count);
    for (std::size_t j = 0; j < count; ++j)
      if (!exact::is_finite(sums[j])) fail(name, "displaced weight " + to_text(first + j), sums[j], "be finite");
  }

 private:
  static constexpr std::size_t most = encoded_at_once;

  void displace(std::size_t first, std::size_t count) {
    first_ = first, count_ = count;
    kernel::sum_with_direction<Distribution>(by_.direction, first, by_.coefficient, data_ + first, std::span(sums_, count));
  }

  const float* data_;
  perturbation<Distribution> by_;
  std::size_t first_ = 0, count_ = 0;
  alignas(64) float sums_[most];
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
    tile_encoder<detail::plain_weights> encoder(*this, name, {weights.data()}, layout, into);
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
    tile_encoder<detail::displaced_weights<Distribution>> encoder(*this, name, {weights.data(), by}, layout, into);
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
  using grids_type = typename tensor_type::grids_type;
  static constexpr bool multiplies = requires(const grids_type& g) { g.multiplier(std::size_t{0}); };
  static constexpr bool fits_at_once = std::same_as<Range, absmax> && std::same_as<Scales, float_scales> && !asymmetric_format<Format> &&
                                       Format::value_of(Format::lowest) == -Format::value_of(Format::highest) &&
                                       Format::value_of(0) == 0.0f;

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

  /// Encodes the weights in order, a tile at a time.
  template <class Source>
  class tile_encoder {
    static constexpr bool in_lanes = kernel::encodes_lanes<Format, Rounding, grid>;
    static constexpr int random_bits = random_bits_of<Rounding>;
    using codes = packing<Format::bits>;
    static constexpr bool in_blocks = [] {
      if constexpr (in_lanes && !multiplies)
        return kernel::encodes_blocks<Format, Rounding>;
      else
        return false;
    }();
    /// Weights of a block: they and their random bits begin together.
    static constexpr std::size_t block = 64;

   public:
    tile_encoder(const quantizer& q, std::string_view name, const Source& source, const scale_layout& layout, tensor_type& into)
        : round_(q.round),
          name_(name),
          source_(source),
          words_of_(random_stream(q.key, hash_of(name.data(), name.size()), stream::round_quantize)),
          layout_(layout),
          runs_(layout, 0),
          view_(into.view()),
          has_blocks_(layout.block_rows == 1 && layout.group % 32 == 0 && layout.row % layout.group == 0) {
      if (layout.block_rows == 1) return;
      facts_.resize(layout.count(into.size()));
      met_.of_groups = facts_.data();
    }
    Source& source() { return source_; }
    /// The weights up to `last`; `largest` are the largest magnitudes of their groups, if they are known.
    void encode(std::size_t last, const float* largest = nullptr) {
      const std::size_t group = at_ / layout_.group;
      while (at_ < last) {
        const std::size_t end = std::min(last, (at_ / tile_size + 1) * tile_size);
        const float* weights = source_.tile(at_, end - at_);
        if constexpr (in_blocks)
          if (has_blocks_ && at_ % block == 0 && end % block == 0 &&
              encode_blocks(weights, end, largest == nullptr ? nullptr : largest + (at_ / layout_.group - group))) {
            at_ = end;
            continue;
          }
        if (largest == nullptr) source_.check_finite(name_, at_, end - at_);
        encode_lanes(weights, end);
      }
    }
    void finish(quantization_events* events) {
      for (const unsigned char f : facts_) met_.zero_groups += f != 3;
      if (events != nullptr) events->clamped += met_.clamped, events->zero_groups += met_.zero_groups;
    }

   private:
    /// Weights of one tile, if nothing about them is unusual.
    bool encode_blocks(const float* weights, std::size_t end, const float* largest) {
      float of_tile[tile_size / 32 + 2];
      if (largest == nullptr) {
        find_largest(weights, end - at_, of_tile);
        largest = of_tile;
      }
      const std::uint32_t* words = nullptr;
      if constexpr (Rounding::random) words = random_.draw_packed(words_of_, at_, end - at_);
      std::byte* to = view_.bytes().data() + at_ / 8 * Format::bits;
      return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        return encode_kernels<Set>::template encode_tile<Format, Rounding>(weights, words, at_, end, layout_.group, view_.grids(), largest,
                                                                           source_.ahead(at_), to, met_);
      });
    }
    void find_largest(const float* weights, std::size_t count, float* largest) const {
      const std::size_t group = layout_.group, rest = std::min(count, group - at_ % group);
      kernel::largest_magnitudes(weights, rest, 1, largest);
      const std::size_t whole = (count - rest) / group, more = (count - rest) % group;
      kernel::largest_magnitudes(weights + rest, group, whole, largest + 1);
      if (more != 0) kernel::largest_magnitudes(weights + (count - more), more, 1, largest + 1 + whole);
    }
    void encode_lanes(const float* weights, std::size_t end) {
      const std::uint32_t* words = nullptr;
      if constexpr (Rounding::random) words = random_.draw(words_of_, at_, end - at_);
      runs_ = kernel::scale_runs(layout_, at_);
      const std::size_t first = at_;
      while (at_ < end) {
        const std::size_t j = at_ - first;
        if constexpr (in_lanes)
          on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
            at_ = encode_kernels<Set>::template encode<Format, Rounding>(weights + j, words, at_, end, view_.grids(), runs_, codes_ + j,
                                                                         met_);
          });
        if (at_ < end) encode_one_by_one(weights, words, first, std::min(end, runs_.end()));
      }
      kernel::pack<Format::bits>(codes_, first, end - first, view_.bytes().data());
    }
    /// Weights of one run up to `last`.
    void encode_one_by_one(const float* weights, const std::uint32_t* words, std::size_t first, std::size_t last) {
      const std::size_t k = runs_.index();
      const auto g = view_.grids()[k];
      const detail::group_encoder<Format, grids_type> encode_one(view_.grids(), k);
      for (; at_ < last; ++at_) {
        const std::size_t j = at_ - first;
        const encoded e = encode_one(weights[j], round_, Rounding::random ? words[j] : 0);
        codes_[j] = Format::code_of(e.ordinal);
        met_.clamped += e.clamped;
        met_.any_weight |= weights[j] != 0;
        met_.any_value |= g(Format::value_of(e.ordinal)) != 0;
      }
      if (last != runs_.end()) return;
      met_.end_run(k);
      runs_.next();
    }

    struct nothing {};
    const Rounding& round_;
    std::string_view name_;
    Source source_;
    random_stream words_of_;
    scale_layout layout_;
    kernel::scale_runs runs_;
    decltype(std::declval<tensor_type&>().view()) view_;
    bool has_blocks_;
    std::size_t at_ = 0;
    kernel::encoding met_;
    std::vector<unsigned char> facts_;  // of groups that are made of several runs
    alignas(64) std::int32_t codes_[tile_size];
    [[no_unique_address]] std::conditional_t<Rounding::random, kernel::random_tile<Rounding::random ? random_bits : 32>, nothing> random_;
  };

  /// absmax with float scales: groups are fitted and encoded some thousands of weights at a time.
  template <class Source>
  void fit_and_encode(std::string_view name, tensor_view<const float> weights, const scale_layout& layout, tensor_type& into,
                      tile_encoder<Source>& encoder) const {
    constexpr std::size_t most_groups = 256;
    const std::span<float> scales = into.kept_scales().scales();
    float largest[most_groups];
    bool any_zero = false;
    const bool is_even = layout.row % layout.group == 0;  // every run is as long as the others
    kernel::scale_runs runs(layout, 0);
    for (std::size_t first = 0, k = 0; first < weights.size();) {
      const std::size_t length = is_even ? layout.group : runs.end() - first;
      std::size_t count = 0, last = first;
      if (is_even) {
        count = std::min({std::max<std::size_t>(Source::at_once / length, 1), most_groups, (weights.size() - first) / length});
        last = first + count * length;
      }
      for (; !is_even && last < weights.size() && runs.end() - last == length && count < most_groups && last - first < Source::at_once;
           ++count) {
        last = runs.end();
        runs.next();
      }
      encoder.source().largest_magnitudes(first, length, count, largest);
      if (!kernel::symmetric_scales(largest, Format::value_of(Format::highest), count, scales.data() + k)) {
        encoder.source().check_finite(name, weights);
        for (std::size_t i = k; i < k + count; ++i)
          if (largest[i - k] != 0) detail::check_grid<Format>(name, layout, i, scaled{scales[i]});
      }
      for (std::size_t i = 0; i < count; ++i) any_zero |= largest[i] == 0;
      encoder.encode(last, largest);
      first = last, k += count;
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
