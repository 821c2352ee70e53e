#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "zolt/core/lanes.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0::detail {

inline constexpr std::size_t block_size = 128 * tile_size;
static_assert(block_size >= beyond_second_cache, "a visit of a whole block asks for memory ahead");

/// f(parameter index, parameter, first, last, base) for the weights of one lane of `lanes`: a run of neighbouring blocks over all parameters
/// that `visited(parameter)` lets pass. Runs end at multiples of block_size or with a parameter, so that no byte of packed codes or residuals has two owners; `base` makes indices
/// unique over the parameters.
template <parameter_set Parameters, class Visited, class Function>
void for_each_range(const Parameters& parameters, std::size_t lanes, std::size_t lane, Visited&& visited, Function&& f) {
  const auto blocks_of = [&visited](const auto& p) { return visited(p) ? (p.size() + block_size - 1) / block_size : 0; };
  std::size_t blocks = 0;
  for_each_parameter(parameters, [&](std::size_t, const auto& p) { blocks += blocks_of(p); });
  const std::size_t begin = blocks * lane / lanes, end = blocks * (lane + 1) / lanes;
  std::size_t before = 0;
  std::uint64_t base = 0;
  for_each_parameter(parameters, [&](std::size_t i, const auto& p) {
    const std::size_t first = std::max(begin, before), last = std::min(end, before + blocks_of(p));
    if (first < last) f(i, p, (first - before) * block_size, std::min(p.size(), (last - before) * block_size), base);
    before += blocks_of(p);
    base += p.size();
  });
}

/// f(first, last) for the parts of a range that end at multiples of `size`: two passes over a part meet its weights in a cache.
template <class Function>
void for_each_part(std::size_t first, std::size_t last, std::size_t size, Function&& f) {
  for (std::size_t end; first < last; first = end) {
    end = std::min(last, (first / size + 1) * size);
    f(first, end);
  }
}

}  // namespace zolt::inline v0::detail
