#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "zolt/random/stream.hpp"

namespace zolt::test {

/// Test data from the library's own words: a pure function of the seed, the same on every machine.
class draws {
 public:
  explicit draws(std::uint64_t seed) : words_(random_stream({.run = seed}, 0x7e57, stream::mask)) {}

  std::uint32_t word() { return words_(next_++); }
  std::uint64_t long_word() { return std::uint64_t{word()} << 32 | word(); }
  /// One of 0 … bound − 1; bound is below 2³².
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(std::uint64_t{word()} * bound >> 32); }
  /// One of first … last.
  std::size_t between(std::size_t first, std::size_t last) { return first + below(last - first + 1); }
  /// In (0, 1).
  double fraction() { return (word() + 0.5) * 0x1p-32; }
  float real(double low, double high) { return static_cast<float>(low + fraction() * (high - low)); }
  /// N(0, 1) by Box and Muller, which is continuous, unlike the library's integer distributions.
  float normal() {
    const double radius = std::sqrt(-2 * std::log(fraction()));
    return static_cast<float>(radius * std::cos(2 * std::numbers::pi * fraction()));
  }

 private:
  word_reader words_;
  std::uint64_t next_ = 0;
};

inline std::vector<float> normal_weights(std::size_t count, std::uint64_t seed) {
  draws random(seed);
  std::vector<float> weights(count);
  for (float& w : weights) w = random.normal();
  return weights;
}

}  // namespace zolt::test
