#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "zolt/core/vectors.hpp"
#include "zolt/kernel/encode.hpp"
#include "zolt/numeric/format.hpp"
#include "zolt/numeric/packing.hpp"
#include "zolt/random/stream.hpp"

/// Moves of codes: unpacked ones, one byte each, and of signs also where they lie.
namespace zolt::inline v0 {

template <instruction_set Set>
struct code_kernels;

namespace kernel {

/// A format whose ordinals come and go by vectors.
template <class F>
concept format_of_lanes = number_format<F> && requires(lanes_i32& x) {
  F::codes_to_ordinals(x);
  F::ordinals_to_codes(x);
};

/// One whose ordinals fit in a byte with a sign.
template <class F>
concept format_of_byte_lanes = format_of_lanes<F> && F::lowest >= -128 && F::highest <= 127;

/// The random bits of 2048 weights that move by a sign with one probability: a group of words with the signs, 16 words for every 64 weights
/// with a byte each, and a word for every 64 with the bits that those share.
struct sign_words {
  alignas(64) std::uint32_t signs[random_stream::group_size];
  alignas(64) std::uint32_t bytes[tile_size / 4];
  std::uint32_t tails[tile_size / random_stream::group_size];
};

/// Why a move of a code cannot be undone by the opposite move: it stopped at the end of the range, or the code was not the one that stands
/// for its ordinal.
inline constexpr std::uint8_t stopped = 1, not_canonical = 2;

/// What moving met in a tile.
struct moved_codes {
  std::size_t exceptions = 0, stopped = 0;
};

/// What landing did to a tile.
struct landed_codes {
  std::uint64_t moved = 0, clamped = 0;
};

}  // namespace kernel

#define ZOLT_KERNEL_FILE "zolt/kernel/codes.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// codes[j] moves by step·z[j] ordinals, as far as the range goes; exceptions[j] ← why it cannot be undone, or 0.
template <number_format Format>
moved_codes move_codes(code* codes, const std::int16_t* z, int step, std::size_t count, std::uint8_t* exceptions) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return code_kernels<Set>::template move<Format>(codes, z, step, count, exceptions);
  });
}

/// Undoes move_codes, where it can be undone.
template <number_format Format>
void move_codes_back(code* codes, const std::int16_t* z, int step, std::size_t count) {
  on_instruction_set(
      [&]<instruction_set Set>(instruction_set_constant<Set>) { code_kernels<Set>::template move_back<Format>(codes, z, step, count); });
}

/// codes[j] moves by delta[j] ordinals, rounded stochastically with words[j], within the range. A code that stays is not touched.
template <number_format Format>
landed_codes land_codes(code* codes, const float* delta, const std::uint32_t* words, std::size_t count) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return code_kernels<Set>::template land<Format>(codes, delta, words, count);
  });
}

/// Codes that lie as Layout says, packing<8> or packing<4>, from the first of a block on: code j moves by one ordinal along the sign of weight
/// j, against it if `negative`, where its random word is below `fraction`, within the range. That is land_codes for deltas of ±fraction/2³²
/// and the words that thrifty_words would make. At most a tile.
template <format_of_byte_lanes Format, class Layout>
landed_codes land_signs(std::byte* codes, const sign_words& words, std::uint32_t fraction, bool negative, std::size_t count) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return code_kernels<Set>::template land_signs<Format, Layout>(codes, words, fraction, negative, count);
  });
}

/// The places j, in order, where `delta[j]·scale` steps, rounded stochastically with words[j], are not 0; how many. scale is a power of two.
/// Most updates are a small part of a step, and most weights stay: those that do need not be read.
inline std::size_t find_stochastic_moves(const float* delta, float scale, const std::uint32_t* words, std::size_t count,
                                         std::uint16_t* movers) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return code_kernels<Set>::find_moves(delta, scale, words, count, movers);
  });
}

/// The words that thrifty rounding compares for the weights of one tile: their own bytes above bits that 64 neighbours share.
class thrifty_words {
 public:
  /// `tails` is the stream of shared bits. By index; good until the next call.
  const std::uint32_t* draw(const random_stream& source, const random_stream& tails, std::uint64_t first, std::size_t count) {
    constexpr std::size_t row = random_stream::group_size;
    const auto skipped = static_cast<std::size_t>(first % (4 * row));  // where the drawn words start
    std::uint32_t* words = own_.draw_mutable(source, first - skipped, skipped + count);
    word_reader tail(tails);
    for (std::size_t r = 0; r * row < skipped + count; ++r) tails_[r] = tail((first - skipped) / row + r);
    on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
      code_kernels<Set>::share_tails(words, tails_, (skipped + count + row - 1) / row);
    });
    return words + skipped;
  }

 private:
  random_tile<8> own_;
  std::uint32_t tails_[tile_size / random_stream::group_size + 4];
};

}  // namespace zolt::inline v0::kernel
