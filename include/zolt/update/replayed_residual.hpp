#pragma once

#include <cstdint>
#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/update/write_back.hpp"

namespace zolt::inline v0 {

/// Error feedback without memory: what the codes could not hold is computed again from the last `window` steps.
///
///   e ← 0;  for the steps τ = t − window … t:   u = Δ_τ + γ·e,   move = nearest(u), or 0 where the code of now cannot go there,
///   e ← u − move;   the move of step t is made
///
/// An update below half a code is not lost and not rounded at random: it waits in e until enough of its kind have come.
///
/// Units    codes; γ = `retention` is a pure number. With γ = 1, no gates and a window of all steps, code + e is the float trajectory.
/// Cost     no state per weight; (window + 1) times the random numbers of an update; the terms of `window` steps per model.
/// Source   QES (arXiv 2602.03120) eqs. 5–8 and its stateless form; gates of past steps are taken from the weights of now, as there.
/// Differs  the first residual is 0, as in the paper; its released code starts from uniform noise.
struct replayed_residual {
  static constexpr std::string_view name = "replayed_residual";
  static constexpr int residual_bits = 0;
  static constexpr nearest_even round{};
  std::uint32_t window = 50;
  double retention = 0.9;

  template <class Field>
  void fields(Field&& field) const {
    field("window", window, bound::at_least_one);
    field("retention", retention, bound::fraction);
  }
  friend bool operator==(const replayed_residual&, const replayed_residual&) = default;
};

/// A write-back that looks back on the steps before.
template <class W>
concept replaying_write_back = write_back<W> && requires(const W& w) {
  { w.window } -> std::convertible_to<std::size_t>;
  { w.retention } -> std::convertible_to<double>;
};

}  // namespace zolt::inline v0
