#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/estimator/kernel_smoothed.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// KerZOO: two-point differences at random radii, weighted by a kernel that removes the bias of the third derivative.
///
///   ĝ = 1/Q Σ_q (L(θ + ε r_q z_q) − L(θ − ε r_q z_q))/2ε · K(r_q) z_q,   K(r) = 15/4 · r (5 − 7r²),   θ ← θ − η ĝ
///
/// Defaults  are MeZO's: the paper's were not to be had. At this radius the bias it removes is tiny, and its variance is 6.25 times MeZO's:
///           it is for large radii.
///
/// Units    radius: of the longest probe, RMS displacement in parameter units; rate: parameter units² per loss.
/// Cost     2·queries forward passes per step; no state.
/// Source   KerZOO (arXiv 2505.18886); Bach & Perchet 2016.
/// Differs  the radius is one of `levels` equidistant ones, for which the kernel is normalised exactly (see kernel_smoothed).
struct kerzoo {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;
  std::uint32_t levels = 1024;

  auto policies() const {
    return zolt::policies(kernel_smoothed{.radius = radius, .queries = queries, .levels = levels}, sgd{.rate = rate}, gaussian{},
                          no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
