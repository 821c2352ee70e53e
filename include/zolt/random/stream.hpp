#pragma once

#include <cstddef>
#include <cstdint>

#include "zolt/random/words.hpp"

namespace zolt::inline v0 {

/// Names one random field over all parameters: the run (the user's seed), the step, and the query within the step.
struct direction_key {
  std::uint64_t run = 0;
  std::uint32_t step = 0;
  std::uint32_t query = 0;

  friend constexpr bool operator==(const direction_key&, const direction_key&) = default;
};

/// What random bits are for. Two streams of one key are independent; a new purpose gets a new name, never "seed + 4".
enum class stream : std::uint8_t {
  direction,
  round_probe,
  round_update,
  mask,
  factor_left,
  factor_right,
  example_row,
  example_column,
  round_quantize,
  rotation,
  codebook,
  round_direction,
  pool,
  radius,
  node,
  feedback,
  round_tail,
  round_moment
};

/// The words of one stream of one parameter, by index: a pure function, frozen by `stream_version`.
///
///   cipher key = (run, parameter),   counter = (block low 32, step, query, stream·2²⁴ | block high 24)
///   word i: lane i mod 16 of row ⌊i/16⌋;  row r is word r mod 4 of the 16 consecutive blocks from 16·⌊r/4⌋
///
/// so that a machine of any vector width makes 64 consecutive words (a *group*) without moving a value across lanes.
class random_stream {
 public:
  static constexpr std::size_t group_size = 4 * lane_count;
  /// What a reader of many had best ask for together.
  static constexpr std::size_t groups_at_once = 8;

  constexpr random_stream(const direction_key& key, std::uint64_t parameter, stream purpose)
      : key_{low(key.run), high(key.run), low(parameter), high(parameter)},
        step_(key.step),
        query_(key.query),
        purpose_(static_cast<std::uint32_t>(purpose) << 24) {}

  /// One word anywhere: a whole block for four bytes. Sequential readers use word_reader.
  constexpr std::uint32_t word(std::uint64_t index) const {
    const std::uint64_t row = index / lane_count;
    return threefry4x32::block(counter(row / 4 * lane_count + index % lane_count), key_)[row % 4];
  }

  /// Words 64·g … 64·g + 63.
  void group(std::uint64_t g, std::uint32_t* out) const { groups(g, 1, out); }
  /// The words of `count` groups from g on.
  void groups(std::uint64_t g, std::size_t count, std::uint32_t* out) const {
    on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) { word_kernels<Set>::groups(*this, g, count, out); });
  }

  constexpr const std::array<std::uint32_t, 4>& key() const { return key_; }
  constexpr std::array<std::uint32_t, 4> counter(std::uint64_t block) const {
    return {low(block), step_, query_, purpose_ | (high(block) & 0xffffffu)};
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
  static constexpr std::uint32_t high(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }

  std::array<std::uint32_t, 4> key_;
  std::uint32_t step_, query_, purpose_;
};

/// Groups of a stream that are made some at a time, for a reader that comes back for the rest of one.
///
/// Cost     2 KiB; the first reader of one group pays for eight.
class made_groups {
 public:
  static constexpr std::size_t group_size = random_stream::group_size, groups_at_once = random_stream::groups_at_once;

  explicit made_groups(const random_stream& source) : source_(source) {}

  /// Whether groups first … last are there, which are made if they are of those that are made together.
  bool cover(std::uint64_t first, std::uint64_t last) {
    if (first / groups_at_once != last / groups_at_once) return false;
    if (first / groups_at_once != batch_) {
      batch_ = first / groups_at_once;
      source_.groups(batch_ * groups_at_once, groups_at_once, words_);
    }
    return true;
  }
  const std::uint32_t* made(std::uint64_t g) const { return words_ + g % groups_at_once * group_size; }

 private:
  random_stream source_;
  std::uint64_t batch_ = ~std::uint64_t{0};
  alignas(64) std::uint32_t words_[groups_at_once * group_size];
};

/// Words by ascending index at the price of a load: keeps the group it is in.
class word_reader {
 public:
  explicit word_reader(const random_stream& source) : source_(source) {}

  std::uint32_t operator()(std::uint64_t index) {
    const std::uint64_t g = index / random_stream::group_size;
    if (g != group_) source_.group(group_ = g, words_);
    return words_[index % random_stream::group_size];
  }

 private:
  random_stream source_;
  std::uint64_t group_ = ~std::uint64_t{0};
  alignas(64) std::uint32_t words_[random_stream::group_size];
};

/// FNV-1a, 64 bits: the identity of a parameter is a hash of its name, not its position.
constexpr std::uint64_t hash_of(const char* text, std::size_t size) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < size; ++i) h = (h ^ static_cast<unsigned char>(text[i])) * 0x100000001b3u;
  return h;
}

}  // namespace zolt::inline v0
