#pragma once

#include "zolt/direction/dense.hpp"
#include "zolt/direction/partial.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// Layer freezing: the first layers stop learning one after another, and a forward stops computing them anew.
///
///   frozen(t) = min(most, 1 + ⌊(t − first_step)/interval⌋) layers from step first_step on;   the others as step_matched
///
/// No probe displaces a frozen layer, so both of a direction share what it computes, and a forward that keeps it (feature_cache) starts behind
/// it: a step falls from 2·F to 2·F_suffix.
///
/// Defaults  ours: when layers freeze is not in the abstract. List the parameters in the order of the layers.
///
/// Units    rate η: RMS step per weight that still learns, in units (codes); radius ε: units; first_step, interval: steps; most: layers;
///          per_layer: parameters of the list that make a layer.
/// Cost     2·queries forward passes per step, less what a forward saves; 16 bytes per tensor.
/// Source   freezing front to back with cached features: arXiv 2508.15033, read in its abstract. The step: ours.
/// Differs  the paper trains with backpropagation. What its forwards do is the user's: probe_view::moves, feature_cache.
struct layer_freezing {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 0.05;
  double radius = 1;
  double ratio = 1;
  std::uint32_t queries = 1;
  std::uint32_t first_step = 1000;
  std::uint32_t interval = 1000;
  std::uint32_t most = 1;
  std::uint32_t per_layer = 1;

  auto policies() const {
    const frozen_prefix layers{.first_step = first_step, .interval = interval, .most = most, .per_layer = per_layer};
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate},
                          freeze_prefix<sparse_rademacher>{.base = {.ratio = ratio}, .choice = layers}, running_rms{}, clip{},
                          stochastic{});
  }
};

/// The same on floats, the others as mezo.
///
/// Units    radius: RMS displacement in parameter units; rate: parameter units² per loss; the rest as layer_freezing.
/// Cost     2·queries forward passes per step, less what a forward saves; 16 bytes per tensor.
/// Source   freezing front to back with cached features: arXiv 2508.15033, read in its abstract. The step: MeZO (arXiv 2305.17333).
/// Differs  as layer_freezing.
struct layer_freezing_floats {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 1e-6;
  double radius = 1e-3;
  std::uint32_t queries = 1;
  std::uint32_t first_step = 1000;
  std::uint32_t interval = 1000;
  std::uint32_t most = 1;
  std::uint32_t per_layer = 1;

  auto policies() const {
    const frozen_prefix layers{.first_step = first_step, .interval = interval, .most = most, .per_layer = per_layer};
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate},
                          freeze_prefix<gaussian>{.base = {}, .choice = layers}, no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
