#pragma once

#include <cstddef>
#include <cstdint>

#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// The words of a stream by blocks of 1024, for directions that need many: 16 small generators side by side, started for every block by the
/// cipher. A pure function of the index like random_stream, and frozen with it, but other words.
///
///   word i: lane i mod 16 of row ⌊i/16⌋ of block ⌊i/1024⌋;  row r of a block is the r-th draw of xoshiro128++ in every lane
///   state k of lane l of block b at first: word 16·k + l of group b of the random_stream of the same key, parameter and purpose
///
/// Cost     twice as many words a second as random_stream; a word in the middle of a block the draws before it.
class block_stream {
 public:
  static constexpr std::size_t group_size = random_stream::group_size, groups_per_block = 16, blocks_at_once = 4,
                               groups_at_once = blocks_at_once * groups_per_block;

  constexpr block_stream(const direction_key& key, std::uint64_t parameter, stream purpose) : seeds_(key, parameter, purpose) {}

  /// One word anywhere, by scalars.
  constexpr std::uint32_t word(std::uint64_t index) const {
    constexpr std::size_t per_block = groups_per_block * group_size;
    const std::uint64_t block = index / per_block * group_size, lane = index % lane_count;
    std::uint32_t s[4] = {seeds_.word(block + lane), seeds_.word(block + lane_count + lane), seeds_.word(block + 2 * lane_count + lane),
                          seeds_.word(block + 3 * lane_count + lane)};
    std::uint32_t drawn = 0;
    for (std::uint64_t row = index % per_block / lane_count + 1; row != 0; --row) xoshiro128pp::draw(s, drawn);
    return drawn;
  }
  /// The words of `count` groups of 64 from g on.
  void groups(std::uint64_t g, std::size_t count, std::uint32_t* out) const {
    on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) { word_kernels<Set>::groups(*this, g, count, out); });
  }

  constexpr const random_stream& seeds() const { return seeds_; }

 private:
  random_stream seeds_;
};

}  // namespace zolt::inline v0
