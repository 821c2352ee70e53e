#pragma once

#include <cstdint>

namespace fashion_mnist {

/// Random numbers as a pure function of (seed, purpose, counter): no state, hence the same on every machine and in any order of use.
///
/// The example needs such numbers for initial weights, batch orders and its first-order competitor, outside the library and without <random>, whose
/// distributions differ between standard libraries. Two rounds of a 64-bit finaliser, each keyed, are plenty for that.
class counter_random {
 public:
  enum class purpose : std::uint32_t { initial_weights = 1, training_batches = 2, adaptation_batches = 3, code_rounding = 4 };

  constexpr counter_random(std::uint64_t seed, purpose use) noexcept
      : key_{scramble(scramble(seed) ^ (static_cast<std::uint64_t>(use) * golden_ratio))} {}

  constexpr std::uint64_t bits(std::uint64_t counter) const noexcept { return scramble(scramble(counter * golden_ratio + key_) ^ key_); }

  /// An integer in [0, bound). The bias is below bound / 2^32, far under what a batch order could show.
  constexpr std::uint32_t below(std::uint32_t bound, std::uint64_t counter) const noexcept {
    return static_cast<std::uint32_t>(((bits(counter) >> 32) * bound) >> 32);
  }

  /// A float in (-1, 1), symmetric about zero: an odd integer times 2^-23, so that both signs have the same values.
  constexpr float symmetric(std::uint64_t counter) const noexcept {
    const auto odd = static_cast<std::int32_t>((bits(counter) >> 40) | 1U) - (1 << 23);
    return static_cast<float>(odd) * 0x1p-23F;
  }

 private:
  static constexpr std::uint64_t golden_ratio = 0x9E3779B97F4A7C15U;

  static constexpr std::uint64_t scramble(std::uint64_t value) noexcept {
    value = (value ^ (value >> 31)) * 0xD6E8FEB86659FD93U;
    value = (value ^ (value >> 29)) * 0xA0761D6478BD642FU;
    return value ^ (value >> 32);
  }

  std::uint64_t key_;
};

}  // namespace fashion_mnist
