#pragma once

#include <cstdint>

#include "zolt/core/lanes.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/byte_moments.hpp"
#include "zolt/update/momentum.hpp"

namespace zolt::inline v0::method {

/// MeZO with Adam whose moments are kept in 8 bits.
///
///   m ← SR(β₁ m + (1 − β₁) g z),   v ← SR(β₂ v + (1 − β₂)(g z)²),   θ ← θ − η m̂/(√v̂ + δ), of the moments before they are rounded
///
/// Units    as mezo_adam.
/// Cost     2·queries forward passes per step; 2 bytes of state per weight and 8 per tile of 2048.
/// Source   MeZO (arXiv 2305.17333), its trainer on materialised estimates; moments in bytes by blocks: Dettmers et al. 2022
///          (arXiv 2110.02861). The two together: ours.
/// Differs  see byte_moments for the format. The rate's default is ours.
struct mezo_adam_8bit {
  static constexpr double state_bytes_per_weight = 2 * (1 + 4.0 / tile_size);
  double rate = 1e-5;
  double radius = 1e-3;
  double first_decay = 0.9;
  double second_decay = 0.999;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries},
                          byte_moments<adam>{.rule = {.rate = rate, .first_decay = first_decay, .second_decay = second_decay}}, gaussian{},
                          no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
