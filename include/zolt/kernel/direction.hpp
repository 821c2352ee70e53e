#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/random/distribution.hpp"

/// Floats that move along a direction.
namespace zolt::inline v0::kernel {

/// Weights at w + coefficient·z and how they come back from there: how many representable floats w lies above (w + c·z) − c·z, as a byte. Where
/// no byte can say it, the byte is −128 and the next of `lost` the bits of w.
struct noted_displacement {
  float coefficient;
  std::int8_t* corrections;
  std::uint32_t* lost;
};
struct past_displacement {
  float coefficient;
  const std::int8_t* corrections;
  const std::uint32_t* lost;
};

}  // namespace zolt::inline v0::kernel

namespace zolt::inline v0 {

template <instruction_set Set>
struct direction_kernels;

#define ZOLT_KERNEL_FILE "zolt/kernel/direction.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// w[j] ← w[j] + coefficient·z[first + j], z regenerated; where z is 0 not even the sign of a zero changes. The products are exact, and so
/// the same fused or not, where the coefficient has 24 − bits significant bits at most.
///
/// Cost     one read and write of w, the random bits of the distribution, no memory.
template <class Distribution, class Source>
void add_direction(const Source& source, std::uint64_t first, float coefficient, std::span<float> w) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template add<Distribution>(source, first, coefficient, w.data(), w.size());
  });
}

/// w[j] ← 0 + coefficient·z[first + j].
template <class Distribution, class Source>
void set_direction(const Source& source, std::uint64_t first, float coefficient, std::span<float> w) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template set<Distribution>(source, first, coefficient, w.data(), w.size());
  });
}

/// to[j] ← w[j] + coefficient·z[first + j].
template <class Distribution, class Source>
void sum_with_direction(const Source& source, std::uint64_t first, float coefficient, const float* w, std::span<float> to) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template sum<Distribution>(source, first, coefficient, w, to.data(), to.size());
  });
}

/// w[j] ← w[j] + coefficient·z[j].
inline void add_scaled(std::span<const std::int16_t> z, float coefficient, std::span<float> w) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::add_scaled(z.data(), coefficient, w.data(), w.size());
  });
}

/// w[j] ← w[j] + c·z[j], noting how to come back; how many weights are lost to a byte. The products must be exact.
inline std::size_t displace(std::span<float> w, const std::int16_t* z, const noted_displacement& to) {
  return on_instruction_set(
      [&]<instruction_set Set>(instruction_set_constant<Set>) { return direction_kernels<Set>::displace(w.data(), z, to, w.size()); });
}
template <class Distribution, class Source>
std::size_t displace(const Source& source, std::uint64_t first, std::span<float> w, const noted_displacement& to) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return direction_kernels<Set>::template displace<Distribution>(source, first, w.data(), to, w.size());
  });
}

/// w[j] ← the bits that it had before displace.
inline void put_back(std::span<float> w, const std::int16_t* z, const past_displacement& from) {
  on_instruction_set(
      [&]<instruction_set Set>(instruction_set_constant<Set>) { direction_kernels<Set>::put_back(w.data(), z, from, w.size()); });
}
template <class Distribution, class Source>
void put_back(const Source& source, std::uint64_t first, std::span<float> w, const past_displacement& from) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template put_back<Distribution>(source, first, w.data(), from, w.size());
  });
}

/// put_back and then displace along the same direction, or add it, in one visit that makes it once. The bytes of the new displacement may take
/// the place of the old one's.
template <class Distribution, class Source>
std::size_t exchange(const Source& source, std::uint64_t first, std::span<float> w, const past_displacement& from,
                     const noted_displacement& to) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return direction_kernels<Set>::template exchange<Distribution>(source, first, w.data(), from, to, w.size());
  });
}
template <class Distribution, class Source>
void put_back_and_add(const Source& source, std::uint64_t first, std::span<float> w, const past_displacement& from, float coefficient) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template put_back_and_add<Distribution>(source, first, w.data(), from, coefficient, w.size());
  });
}

}  // namespace zolt::inline v0::kernel
