#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "zolt/core/vectors.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/kernel/magnitude.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// Random bits that a rounding is given for one weight, at the top of its word: 8, 16 or 32.
template <rounding Rounding>
inline constexpr int random_bits_of = [] {
  if constexpr (requires { Rounding::random_bits; })
    return Rounding::random_bits;
  else
    return Rounding::random ? 32 : 0;
}();

namespace kernel {

/// What encoding met so far, in the group that it is in and before.
struct encoding {
  std::size_t clamped = 0;
  std::size_t zero_groups = 0;
  bool any_weight = false;             ///< a weight of the run is not zero
  bool any_value = false;              ///< a weight of the run is not zero as it is decoded
  unsigned char* of_groups = nullptr;  ///< where groups are made of several runs: bit 0 any_weight, bit 1 any_value

  void end_run() {
    zero_groups += any_weight && any_value ? 0 : 1;
    any_weight = any_value = false;
  }
  void end_run(std::size_t k) {
    if (of_groups == nullptr) return end_run();
    of_groups[k] = static_cast<unsigned char>(of_groups[k] | (any_weight ? 1 : 0) | (any_value ? 2 : 0));
    any_weight = any_value = false;
  }
};

/// The groups of a batch that a piece of its weights touches.
struct group_part {
  std::size_t skipped = 0;  ///< weights of the first of them that lie before the piece
  std::size_t first = 0;    ///< which group of the batch that is
  std::size_t count = 0;    ///< how many they are
  std::size_t ended = 0;    ///< how many of them end in the piece
  bool any_zero = false;    ///< a group of the batch has only zeros
};

/// What the weights of groups are divided by: a step, its inverse as two floats.
struct group_divisors {
  static constexpr std::size_t most = tile_size / 32;
  alignas(64) float number[most + lane_count], inverse[most + lane_count], rest[most + lane_count];
  bool any_beyond = false;  ///< a weight is beyond what its scale covers
};

/// How a rounding chooses, for vectors: by the nearest multiple of 2^−kept_bits, by all 32 bits of the fraction, or as only it knows.
template <class Rounding>
struct rounding_lanes {
  static constexpr bool known = false, exact = false;
  static constexpr int kept_bits = 0;
};
template <>
struct rounding_lanes<nearest_even> {
  static constexpr bool known = true, exact = false;
  static constexpr int kept_bits = 0;
};
template <>
struct rounding_lanes<stochastic_rounding> {
  static constexpr bool known = true, exact = true;
  static constexpr int kept_bits = 32;
};
template <int Bits>
struct rounding_lanes<few_bit_stochastic<Bits>> {
  static constexpr bool known = Bits <= 16, exact = false;
  static constexpr int kept_bits = Bits;
};

/// Symmetric whole numbers with few random bits, which shorter arithmetic encodes.
template <class Format, class Rounding>
inline constexpr bool is_whole_numbers = [] {
  if constexpr (requires { Format::fraction_bits; })
    return Format::lowest == -Format::highest && !rounding_lanes<Rounding>::exact && rounding_lanes<Rounding>::kept_bits <= 8;
  else
    return false;
}();

/// What the division by a scale counts: a step, or the 2^kept parts that whole numbers have of it.
template <class Format, class Rounding>
inline constexpr float parts_of_step = [] {
  if constexpr (is_whole_numbers<Format, Rounding>)
    return static_cast<float>(std::int64_t{1} << (Format::fraction_bits + rounding_lanes<Rounding>::kept_bits));
  else
    return 1.0f;
}();

/// Formats whose blocks of 64 weights go from memory to memory, where nothing of a quotient that is not rounded correctly matters.
template <class Format, class Rounding>
inline constexpr bool encodes_blocks =
    (Format::bits == 8 || Format::bits == 4) &&
    rounding_lanes<Rounding>::known&& parts_of_step<Format, Rounding> <= 65536 && Format::value_of(1) >= 0x1p-24f;

}  // namespace kernel

/// Floats to codes under their grids, by tiles of at most tile_size weights.
template <instruction_set Set>
struct encode_kernels;

#define ZOLT_KERNEL_FILE "zolt/kernel/encode.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// The random bits of weights first … first + count − 1, each at the top of a word; first and first + count lie in one tile.
///
///   8 bits:  weight i has byte (i mod 64)/16 of word 16·⌊i/64⌋ + i mod 16
///   16 bits: half (i mod 32)/16 of word 16·⌊i/32⌋ + i mod 16
///   32 bits: word i
///
/// Cost     a word of the stream for 4, 2 or 1 weights.
template <int Bits>
class random_tile {
  static_assert(Bits == 8 || Bits == 16 || Bits == 32);
  static constexpr std::size_t weights_per_group = random_stream::group_size * (32 / Bits);

 public:
  /// The words of weights first … first + count − 1, by index; good until the next call.
  const std::uint32_t* draw(const random_stream& source, std::uint64_t first, std::size_t count) {
    return draw_mutable(source, first, count);
  }
  /// The words of whole rows of weights as they come, from the row that weight `first` begins; it is a multiple of 64.
  const std::uint32_t* draw_packed(const random_stream& source, std::uint64_t first, std::size_t count) {
    std::uint32_t* words = Bits == 32 ? words_ : packed_;
    const auto skipped = static_cast<std::size_t>(first % weights_per_group);
    source.groups(first / weights_per_group, (skipped + count + weights_per_group - 1) / weights_per_group, words);
    return words + skipped * Bits / 32;
  }
  std::uint32_t* draw_mutable(const random_stream& source, std::uint64_t first, std::size_t count) {
    const std::uint64_t g = first / weights_per_group, last = (first + count + weights_per_group - 1) / weights_per_group;
    const auto groups = static_cast<std::size_t>(last - g);
    source.groups(g, groups, Bits == 32 ? words_ : packed_);
    if constexpr (Bits != 32)
      on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        encode_kernels<Set>::template spread_words<Bits>(packed_, groups * random_stream::group_size, words_);
      });
    return words_ + (first - g * weights_per_group);
  }

 private:
  alignas(64) std::uint32_t words_[tile_size];
  alignas(64) std::uint32_t packed_[Bits == 32 ? 1 : tile_size * Bits / 32];
};

/// Whether weights in a format are encoded in vectors: by a scale or a multiplier, under a rounding that vectors know.
template <class Format, class Rounding, class Grid>
inline constexpr bool encodes_lanes = rounding_lanes<Rounding>::known&& std::same_as<Grid, scaled>&& requires(
    const vectors<instruction_set::baseline>::f32& magnitude, vectors<instruction_set::baseline>::i32& lanes) {
  Format::locate_lanes_exactly(magnitude, lanes, lanes);
};

/// What the weights of groups in blocks are divided by, if all their scales are usual ones: whether they are. Behind the last group `largest`
/// has zeros.
template <class Format, class Rounding, std::size_t Most>
bool divide_groups(const group_numbers<Most>& scales, const group_numbers<Most>& largest, std::size_t count, group_divisors& by) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return encode_kernels<Set>::template divide_groups<Format, Rounding>(scales.values, largest.values, count, by);
  });
}

/// Whole blocks of 64 weights of a part of a batch, to their codes; `memory` is where they come from, `words` as they are drawn.
template <class Format, class Rounding, std::size_t Most>
void encode_groups(std::span<const float> weights, const float* memory, const std::uint32_t* words, std::size_t group,
                   const group_part& part, const group_divisors& by, const group_numbers<Most>& largest, std::byte* to, encoding& met) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    encode_kernels<Set>::template encode_groups<Format, Rounding>(weights.data(), memory, words, weights.size(), group, part, by,
                                                                  largest.values, to, met);
  });
}

/// codes[j] = code first + j of consecutive weights of one tile, which is what it writes of `bytes`.
template <int Bits>
void pack(const std::int32_t* codes, std::size_t first, std::size_t count, std::byte* bytes) {
  on_instruction_set(
      [&]<instruction_set Set>(instruction_set_constant<Set>) { encode_kernels<Set>::template pack<Bits>(codes, first, count, bytes); });
}

}  // namespace zolt::inline v0::kernel
