#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/estimator/difference.hpp"

namespace zolt::inline v0 {

/// Central difference over directions whose number grows with the epochs.
///
///   Q_e = min(max(⌊α eᵝ⌋, 1), queries),   e = 1 + ⌊step/epoch⌋,   the rest as two_point with Q_e queries
///
/// Early steps are cheap, and late ones, whose gradients are small beside their noise, are averaged more.
///
/// Units    radius: parameter units; epoch: steps; α = first, β = growth: pure numbers.
/// Cost     2·Q_e loss evaluations; 16·queries bytes.
/// Bias     as two_point.
/// Source   AdaZeta (Yang et al. 2024, arXiv 2406.18060): divergence of training under a fixed number of queries, and its schedule.
/// Differs  epochs are counted in steps, since an optimizer sees no data set.
struct growing_two_point {
  static constexpr std::string_view name = "growing_two_point";
  double radius = 1;
  std::uint32_t queries = 20;
  double first = 0.85;
  double growth = 0.45;
  std::uint32_t epoch = 100;

  template <class Field>
  void fields(Field&& field) const {
    field("radius", radius, bound::positive);
    field("queries", queries, bound::at_least_one);
    field("first", first, bound::positive);
    field("growth", growth, bound::non_negative);
    field("epoch", epoch, bound::at_least_one);
  }
  std::uint32_t queries_at(std::uint32_t step) const {
    const double grown = first * std::pow(1.0 + step / epoch, growth);
    constexpr double whole = 1 + 1e-9;  // a power that is whole is so under every library of mathematics
    return static_cast<std::uint32_t>(std::clamp(std::floor(grown * whole), 1.0, static_cast<double>(queries)));
  }
  void plan(const direction_key& key, const probe_scale& scale, std::span<const evaluation> seen, std::vector<probe>& next) const {
    two_point{radius, queries_at(key.step)}.plan(key, scale, seen, next);
  }
  void estimate(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    two_point{radius, queries}.estimate(seen, scale, terms);
  }
  friend bool operator==(const growing_two_point&, const growing_two_point&) = default;
};

}  // namespace zolt::inline v0
