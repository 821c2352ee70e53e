#pragma once

#include <cstdint>

#include "zolt/method/mezo.hpp"
#include "zolt/zolt.hpp"

/// Compositions that no paper names, each one step away from a method: what its claim is measured against.
namespace claims {

/// Evolution strategies of full rank.
struct full_rank_strategies {
  double rate = 1e-3;
  double radius = 1e-3;
  std::uint32_t population = 8;

  auto policies() const {
    return zolt::policies(zolt::two_point{.radius = radius, .queries = population}, zolt::sgd{.rate = rate}, zolt::gaussian{},
                          zolt::standard_scores{}, zolt::no_clip{});
  }
};

/// Two forward differences from one baseline, as they are.
struct forward_differences {
  double rate = 1e-3;
  double radius = 1e-3;

  auto policies() const {
    return zolt::policies(zolt::one_sided{.radius = radius, .queries = 2}, zolt::sgd{.rate = rate}, zolt::gaussian{},
                          zolt::no_normalisation{}, zolt::no_clip{});
  }
};

/// Sparse probes whose density does not follow the step.
struct fixed_density {
  double rate = 0.1;
  double density = 0.05;

  auto policies() const {
    return zolt::policies(zolt::two_point{}, zolt::sgd{.rate = rate}, zolt::sparse_rademacher{.ratio = 0, .min_density = density},
                          zolt::running_rms{}, zolt::clip{}, zolt::stochastic{});
  }
};

}  // namespace claims
