#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The limits that kernels are held against. Their file is compiled for the machine at hand with the widest registers, whatever the flags
/// of the rest: nothing may slow a reference down, and no call is inlined, so that none is left out.
namespace ratio {

/// w ← c·w in place: a read and a write of every float.
void scale(std::span<float> w, float c);
/// Adds to every byte in place.
void add_to_bytes(std::span<std::uint8_t> bytes, std::uint8_t c);
/// A copy.
void copy_bytes(const void* from, void* to, std::size_t bytes);

/// Adam on an estimate c·z with z in memory, as one loop.
struct stored_adam {
  float rate, first_decay, second_decay, epsilon, first_correction, second_correction;
  void operator()(std::span<float> w, std::span<float> first, std::span<float> second, std::span<const float> z, float c) const;
};

/// Stochastic rounding of c·z added to int8 codes, one weight at a time, z = ±1: what a first version looks like.
void update_codes_one_by_one(std::span<std::int8_t> codes, float c, std::uint32_t seed);

}  // namespace ratio
