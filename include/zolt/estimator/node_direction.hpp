#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/core/lanes.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/random/distribution.hpp"
#include "zolt/random/stream.hpp"

/// Directions over the outputs of a layer (its nodes): ±1 for every example and output, a pure function of key, layer and position.
namespace zolt::inline v0::node_direction {

/// f(index, ±1) for every element of a row-major matrix, from the signs of one stream.
template <class Function>
void for_each_sign(const direction_key& key, std::uint64_t layer, stream purpose, std::size_t count, Function&& f) {
  alignas(64) std::int16_t z[tile_size];
  const random_stream source(key, layer, purpose);
  for (std::size_t first = 0; first < count; first += tile_size) {
    const std::span<std::int16_t> tile(z, std::min(tile_size, count - first));
    distribution::fill<distribution::rademacher>(source, first, tile);
    for (std::size_t j = 0; j < tile.size(); ++j) f(first + j, static_cast<float>(tile[j]));
  }
}

/// out = ±length, independent for every example, output and copy.
inline void independent(direction_key key, std::uint64_t layer, std::uint32_t copy, float length, tensor_view<float> out) {
  key.query = copy;
  for_each_sign(key, layer, stream::node, out.size(), [&](std::size_t i, float sign) { out.data()[i] = sign * length; });
}

/// The same, with the copies of one example orthogonal to each other: row `copy` of a Hadamard matrix, Sylvester's, times one random sign
/// per example and output. Orthogonal for up to as many copies as the largest power of two that divides the width.
inline void orthogonal(const direction_key& key, std::uint64_t layer, std::uint32_t copy, float length, tensor_view<float> out) {
  independent(key, layer, 0, length, out);
  for (std::size_t b = 0; b < out.rows(); ++b)
    for (std::size_t i = 0; i < out.columns(); ++i)
      if (std::popcount(copy & static_cast<std::uint32_t>(i)) % 2 != 0) out(b, i) = -out(b, i);
}

/// The length of a displacement of one output of a layer, for noise relative to the RMS of its outputs.
inline float length_in(double noise, const layer_trace& layer) { return static_cast<float>(noise * layer.output_rms); }

/// Whether a displacement of an output can have come through its activation: where no copy saw a response the derivative is 0, exactly. Of a
/// layer without a known activation everything counts as responding.
inline bool responds(const layer_trace& layer, std::size_t i) { return layer.slope.data() == nullptr || layer.slope.data()[i] != 0; }

/// values[i] ← Σ_k values[k] · (row k of Sylvester's Hadamard matrix)[i], for a power of two of values.
inline void hadamard_transform(std::span<float> values) {
  for (std::size_t half = 1; half < values.size(); half *= 2)
    for (std::size_t i = 0; i < values.size(); ++i)
      if ((i & half) == 0) {
        const float a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
}

}  // namespace zolt::inline v0::node_direction
