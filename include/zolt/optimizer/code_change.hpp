#pragma once

#include <compare>
#include <cstddef>
#include <vector>

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// One code that an update moved.
struct code_change {
  std::size_t parameter = 0;  ///< position in the set
  std::size_t index = 0;
  int move = 0;  ///< in ordinals

  friend auto operator<=>(const code_change&, const code_change&) = default;
};
using code_changes = std::vector<code_change>;

}  // namespace zolt::inline v0
