#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/core/error.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/kernel/direction.hpp"
#include "zolt/kernel/encode.hpp"
#include "zolt/kernel/magnitude.hpp"
#include "zolt/numeric/affine.hpp"
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

/// Weights that are fitted before they are encoded, unless a group has more: so few that they are still in the first cache when they are
/// encoded, and so many that making their scales, one division behind another, takes little of the time.
inline constexpr std::size_t encoded_at_once = 2048;

/// Groups that lie one behind the other: of one length, or a tile's.
struct group_batch {
  static constexpr std::size_t most = 256;
  static_assert(encoded_at_once <= tile_size && tile_size / 32 <= most && tile_size / 32 <= kernel::group_divisors::most);

  std::size_t first = 0, last = 0;  ///< of their weights, and one past
  std::size_t length = 0;           ///< of each; 0 where the first and the last may be parts
  std::size_t count = 0;
  kernel::group_numbers<most> largest, scales;
  kernel::group_divisors divisors;
  bool any_zero = false;   ///< a group has only zeros
  bool in_blocks = false;  ///< all scales are usual and so all weights finite; `divisors` are theirs
};

/// The groups of a tensor by batches.
class batch_runs {
 public:
  batch_runs(const scale_layout& layout, std::size_t weights)
      : runs_(layout, 0), size_(weights), even_(layout.row % layout.group == 0 ? layout.group : 0) {
    if (even_ == 0) return;
    most_ = std::clamp<std::size_t>(encoded_at_once / even_, 1, group_batch::most);
    if (most_ > 1 && even_ % 64 == 32) most_ -= most_ % 2;  // whole blocks
  }

  /// The groups behind those of the call before, if there are any.
  bool next(group_batch& batch) {
    batch.first = batch.last = at_, batch.count = 0;
    if (at_ == size_) return false;
    if (even_ != 0) {
      batch.length = even_, batch.count = most_, batch.last += most_ * even_;
      if (batch.last > size_) batch.last = size_, batch.count = (size_ - at_) / even_;
    } else {
      batch.length = runs_.end() - at_;
      for (; batch.last < size_ && runs_.end() - batch.last == batch.length && batch.count < group_batch::most &&
             batch.last - batch.first < encoded_at_once;
           ++batch.count) {
        batch.last = runs_.end();
        runs_.next();
      }
    }
    at_ = batch.last;
    return true;
  }

 private:
  kernel::scale_runs runs_;
  std::size_t size_, at_ = 0;
  std::size_t even_, most_ = 0;  // the length of every run and how many are a batch, if all are as long
};

/// Weights as they are.
class plain_weights {
 public:
  explicit plain_weights(const float* data) : data_(data) {}

  const float* tile(std::size_t first, std::size_t) const { return data_ + first; }
  const float* memory(std::size_t first) const { return data_ + first; }
  void largest_magnitudes(std::size_t first, std::size_t length, std::size_t count,
                          kernel::group_numbers<group_batch::most>& largest) const {
    kernel::largest_magnitudes(data_ + first, length, count, largest);
  }
  static void check_finite(std::string_view name, tensor_view<const float> weights) { detail::check_finite(name, weights); }
  static void check_finite(std::string_view, std::size_t, std::size_t) {}

 private:
  const float* data_;
};

/// Weights that are displaced a tile or a batch at a time, and kept as long: what is made of them need not leave a cache.
template <class Distribution>
class displaced_weights {
 public:
  displaced_weights(const float* data, const perturbation<Distribution>& by) : data_(data), by_(by), made_(by.direction) {}

  const float* memory(std::size_t first) const { return data_ + first; }
  const float* tile(std::size_t first, std::size_t count) {
    if (first < first_ || first + count > first_ + count_) displace(first, count);
    return sums_ + (first - first_);
  }
  void largest_magnitudes(std::size_t first, std::size_t length, std::size_t count, kernel::group_numbers<group_batch::most>& largest) {
    if (length * count <= most) {
      displace(first, length * count);
      kernel::largest_magnitudes(sums_, length, count, largest);
      return;
    }
    std::uint32_t of_group = 0;  // of the one that it is: bits of magnitudes order as these do, and behind all of them is what is no number
    for (const std::size_t last = first + length; first < last;) {
      const std::size_t part = std::min(last - first, most - first % most);
      displace(first, part);
      kernel::largest_magnitudes(sums_, part, 1, largest);
      of_group = std::max(of_group, std::bit_cast<std::uint32_t>(largest.values[0]));
      first += part;
    }
    largest.values[0] = std::bit_cast<float>(of_group);
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
  static constexpr std::size_t most = 4 * tile_size,
                               weights_per_group = random_stream::group_size / lane_count * Distribution::elements_per_row;

  void displace(std::size_t first, std::size_t count) {
    first_ = first, count_ = count;
    const auto add_from = [&](const auto& source) {
      kernel::sum_with_direction<Distribution>(source, first, by_.coefficient, data_ + first, std::span(sums_, count));
    };
    if constexpr (weights_per_group >= encoded_at_once)
      if (made_.cover(first / weights_per_group, (first + count - 1) / weights_per_group)) return add_from(made_);
    add_from(by_.direction);
  }

  const float* data_;
  perturbation<Distribution> by_;
  made_groups made_;
  std::size_t first_ = 0, count_ = 0;
  alignas(64) float sums_[most];
};

/// Encodes weights in order, a tile at a time, or a batch whose scales are known.
template <number_format Format, class Rounding, class View, class Source>
class tile_encoder {
  using grids_type = std::remove_cvref_t<decltype(std::declval<const View&>().grids())>;
  using grid = std::remove_cvref_t<decltype(std::declval<const grids_type&>()[0])>;
  static constexpr bool multiplies = requires(const grids_type& g) { g.multiplier(std::size_t{0}); };
  static constexpr bool by_lanes = kernel::encodes_lanes<Format, Rounding, grid>;
  static constexpr std::size_t block = 64;
  static constexpr bool by_blocks = [] {
    if constexpr (by_lanes && !multiplies)
      return kernel::encodes_blocks<Format, Rounding>;
    else
      return false;
  }();

 public:
  /// `weights` are the arguments of its source.
  template <class... Weights>
  tile_encoder(std::string_view name, const random_stream& words, const Rounding& round, const scale_layout& layout, const View& to,
               const Weights&... weights)
      : round_(round),
        name_(name),
        source_(weights...),
        words_of_(words),
        layout_(layout),
        runs_(layout, 0),
        view_(to),
        has_blocks_(layout.block_rows == 1 && layout.group % 32 == 0 && layout.row % layout.group == 0) {
    if (layout.block_rows == 1) return;
    facts_.resize(layout.count(to.shape().size()));
    met_.of_groups = facts_.data();
  }
  Source& source() { return source_; }

  /// Weights whose largest magnitudes and scales are known.
  void encode(group_batch& batch) {
    prepare(batch);
    while (at_ < batch.last) encode_tile(std::min(batch.last, (at_ / tile_size + 1) * tile_size), batch);
  }
  /// The weights up to `last` under the scales that are kept.
  void encode(std::size_t last) {
    group_batch tile;
    while (at_ < last) {
      tile.first = at_, tile.last = std::min(last, (at_ / tile_size + 1) * tile_size);
      prepare_kept(tile);
      if (!tile.in_blocks) source_.check_finite(name_, at_, tile.last - at_);
      encode_tile(tile.last, tile);
    }
  }
  void finish(quantization_events* events) {
    for (const unsigned char f : facts_) met_.zero_groups += f != 3;
    if (events != nullptr) events->clamped += met_.clamped, events->zero_groups += met_.zero_groups;
  }

 private:
  /// Whether and how the groups, whose scales are known, are encoded in blocks.
  void prepare(group_batch& batch) const {
    batch.in_blocks = false;
    if constexpr (by_blocks)
      batch.in_blocks = has_blocks_ && kernel::divide_groups<Format, Rounding>(batch.scales, batch.largest, batch.count, batch.divisors);
  }
  /// Weights up to `end`, all in one tile and in the batch: what is no whole block by lanes.
  void encode_tile(std::size_t end, const group_batch& batch) {
    const std::size_t first = at_;
    const float* weights = source_.tile(first, end - first);
    if constexpr (by_blocks)
      if (batch.in_blocks) {
        const std::size_t begin = std::min(end, (first + block - 1) / block * block), last = end / block * block;
        if (at_ < begin) encode_lanes(weights, begin);
        if (at_ < last) encode_blocks(weights + (at_ - first), last, batch);
        if (at_ < end) encode_lanes(weights + (at_ - first), end);
        return;
      }
    encode_lanes(weights, end);
  }
  void encode_blocks(const float* weights, std::size_t end, const group_batch& batch) {
    const std::uint32_t* words = nullptr;
    if constexpr (Rounding::random) words = random_.draw_packed(words_of_, at_, end - at_);
    std::byte* to = view_.bytes().data() + at_ / 8 * Format::bits;
    kernel::encode_groups<Format, Rounding>(std::span(weights, end - at_), source_.memory(at_), words, layout_.group, part_of(batch, end),
                                            batch.divisors, batch.largest, to, met_);
    at_ = end;
  }
  /// The groups that the weights up to `end` touch.
  kernel::group_part part_of(const group_batch& batch, std::size_t end) const {
    if (at_ == batch.first && end == batch.last && batch.length != 0) return {0, 0, batch.count, batch.count, batch.any_zero};
    const std::size_t group = layout_.group, first = at_ / group;
    return {at_ % group, first - batch.first / group, (end - 1) / group - first + 1, end / group - first, batch.any_zero};
  }
  /// The groups of a tile, the first and the last as far as they lie in it.
  void prepare_kept(group_batch& tile) {
    if constexpr (by_blocks) {
      if (!has_blocks_) return;
      const std::size_t group = layout_.group, count = tile.last - tile.first, rest = std::min(count, group - tile.first % group);
      const std::size_t whole = (count - rest) / group, more = (count - rest) % group;
      const float* weights = source_.tile(tile.first, count);
      kernel::largest_magnitudes(weights, rest, 1, tile.largest);
      kernel::largest_magnitudes(weights + rest, group, whole, tile.largest, 1);
      if (more != 0) kernel::largest_magnitudes(weights + (count - more), more, 1, tile.largest, 1 + whole);
      tile.count = 1 + whole + (more != 0);
      const auto& grids = view_.grids();
      tile.any_zero = false;
      for (std::size_t k = 0; k < tile.count; ++k) {
        tile.scales.values[k] = grids[tile.first / group + k].scale;
        tile.any_zero |= tile.largest.values[k] == 0;
      }
      prepare(tile);
    }
  }
  void encode_lanes(const float* weights, std::size_t end) {
    const std::uint32_t* words = nullptr;
    if constexpr (Rounding::random) words = random_.draw(words_of_, at_, end - at_);
    runs_ = kernel::scale_runs(layout_, at_);
    const std::size_t first = at_;
    while (at_ < end) {
      const std::size_t j = at_ - first;
      if constexpr (by_lanes)
        on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
          at_ =
              encode_kernels<Set>::template encode<Format, Rounding>(weights + j, words, at_, end, view_.grids(), runs_, codes_ + j, met_);
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
  Rounding round_;
  std::string_view name_;
  Source source_;
  random_stream words_of_;
  scale_layout layout_;
  kernel::scale_runs runs_;
  View view_;
  bool has_blocks_;
  std::size_t at_ = 0;
  kernel::encoding met_;
  std::vector<unsigned char> facts_;  // of groups that are made of several runs
  alignas(64) std::int32_t codes_[tile_size];
  [[no_unique_address]] std::conditional_t<Rounding::random, kernel::random_tile<Rounding::random ? random_bits_of<Rounding> : 32>, nothing>
      random_;
};

}  // namespace detail

}  // namespace zolt::inline v0
