#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/random/distribution.hpp"

/// Floats that move along a direction.
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
template <class Distribution>
void add_direction(const random_stream& source, std::uint64_t first, float coefficient, std::span<float> w) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template add<Distribution>(source, first, coefficient, w.data(), w.size());
  });
}

/// w[j] ← 0 + coefficient·z[first + j].
template <class Distribution>
void set_direction(const random_stream& source, std::uint64_t first, float coefficient, std::span<float> w) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template set<Distribution>(source, first, coefficient, w.data(), w.size());
  });
}

/// w[j] ← w[j] + coefficient·z[j].
inline void add_scaled(std::span<const std::int16_t> z, float coefficient, std::span<float> w) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::add_scaled(z.data(), coefficient, w.data(), w.size());
  });
}

/// w[j] ← w[j] + coefficient·z[j], with a byte per weight to undo it by and, for the rare weights whose byte does not suffice, their old bits
/// in `lost`; how many those are. The products must be exact.
inline std::size_t displace(std::span<float> w, const std::int16_t* z, float coefficient, std::int8_t* corrections, std::uint32_t* lost) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return direction_kernels<Set>::displace(w.data(), z, coefficient, corrections, lost, w.size());
  });
}
template <class Distribution>
std::size_t displace(const random_stream& source, std::uint64_t first, float coefficient, std::span<float> w, std::int8_t* corrections,
                     std::uint32_t* lost) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return direction_kernels<Set>::template displace<Distribution>(source, first, coefficient, w.data(), corrections, lost, w.size());
  });
}

/// w[j] ← the bits that it had before displace with the same arguments.
inline void put_back(std::span<float> w, const std::int16_t* z, float coefficient, const std::int8_t* corrections,
                     const std::uint32_t* lost) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::put_back(w.data(), z, coefficient, corrections, lost, w.size());
  });
}
template <class Distribution>
void put_back(const random_stream& source, std::uint64_t first, float coefficient, std::span<float> w, const std::int8_t* corrections,
              const std::uint32_t* lost) {
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    direction_kernels<Set>::template put_back<Distribution>(source, first, coefficient, w.data(), corrections, lost, w.size());
  });
}

}  // namespace zolt::inline v0::kernel
