#pragma once

#include <cstdint>

#include "zolt/direction/low_rank.hpp"
#include "zolt/optimizer/slots.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/replayed.hpp"

namespace zolt::inline v0::method {

/// LOZO: two-point descent along directions of low rank whose right factor is held for `refresh` steps.
///
///   c = (L(W + ε U Vᵀ) − L(W − ε U Vᵀ)) / (2 ε),      W ← W − η·c·U Vᵀ/r
///
/// The division by r is spread and amplitude of the law, 1/√r each: the paper's η and ε are the ones here. The released code does not divide:
/// its rates are to be multiplied by r. On codes a probe moves a weight by ε·z whole codes, |z| ≤ r, and the update is rounded
/// stochastically; ε is then a whole number.
///
/// Defaults  the paper has r = 2, ν = 50 or 100, ε = 1e-3 and rates of 1e-7 to 1e-6 for large models, r = 4, ν = 50 for small ones.
///
/// Units    radius ε: parameter units; rate: parameter units² per loss; refresh ν: steps.
/// Cost     2·queries forward passes per step; no state.
/// Source   LOZO (Chen et al. 2025, arXiv 2410.07698) Algorithm 1.
/// Differs  factors are ±1. Probe and update use the same U on the steps that refresh V as well; in the released code they do not. Tensors
///          of one row or column have directions of uncorrelated components, sums of r signs.
template <int Rank>
struct lozo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t refresh = 50;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, low_rank<Rank>{.refresh = refresh},
                          no_normalisation{}, no_clip{}, stochastic{});
  }
};

/// LOZO-M: LOZO with momentum, which is made again from the factors of the last steps instead of being kept.
///
///   N ← β N + (1 − β) c·U,      W ← W − η·N Vᵀ/r
///
/// Defaults  as lozo; β = 0.9 is the paper's.
///
/// Units    as lozo; window: steps. Of a moment with all steps β^(window + 1) is missing: 0.5 % by default.
/// Cost     2·queries forward passes per step; no state; window + 1 directions per query, weight and step, r signs each.
/// Source   LOZO (Chen et al. 2025, arXiv 2410.07698), LOZO-M.
/// Differs  when V is drawn anew the paper keeps N and projects it onto the new V, N ← N V_oldᵀV_new/n, of which little is left; here past
///          steps go on in the direction that they were measured along, U V_oldᵀ. In the first `refresh` steps, if the window holds them,
///          it is the paper's update exactly; later on up to what is left of the steps before the last refresh. And as lozo.
template <int Rank>
struct lozo_momentum {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  double decay = 0.9;
  std::uint32_t window = 50;
  std::uint32_t refresh = 50;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries},
                          replayed<momentum>{.rule = {.rate = rate * (1 - decay), .decay = decay}, .window = window},
                          low_rank<Rank>{.refresh = refresh}, no_normalisation{}, no_clip{}, stochastic{});
  }
};

}  // namespace zolt::inline v0::method
