#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "zolt/core/lanes.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0::detail {

inline constexpr std::size_t block_size = 128 * tile_size;

/// f(parameter index, parameter, first, last, base) for the blocks of one lane of `lanes`. Blocks end at multiples of block_size, so that
/// no byte of packed codes or residuals has two owners; `base` makes indices unique over the parameters.
template <parameter_set Parameters, class Function>
void for_each_block(const Parameters& parameters, std::size_t lanes, std::size_t lane, Function&& f) {
  std::size_t block = 0;
  std::uint64_t base = 0;
  for_each_parameter(parameters, [&](std::size_t i, const auto& p) {
    for (std::size_t first = 0; first < p.size(); first += block_size)
      if (block++ % lanes == lane) f(i, p, first, std::min(p.size(), first + block_size), base);
    base += p.size();
  });
}

}  // namespace zolt::inline v0::detail
