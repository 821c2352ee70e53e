#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "zolt/core/vectors.hpp"
#include "zolt/kernel/direction.hpp"

/// Update rules by their steps, and where those land on floats.
namespace zolt::inline v0::kernel {

/// m ← decay·m + g,   Δ = −rate·m
struct momentum_step {
  static constexpr std::size_t moments = 1;
  float rate, decay;
};
/// m ← first_decay·m + first_rest·g,   v ← second_decay·v + second_rest·g²,   Δ = −rate · m / (√v + epsilon)
struct adam_step {
  static constexpr std::size_t moments = 2;
  float rate, first_decay, first_rest, second_decay, second_rest, epsilon;
};
/// m and v as in Adam,   v̂ ← max(v̂, v),   Δ = −rate · m / (√v̂ + epsilon)
struct amsgrad_step {
  static constexpr std::size_t moments = 3;
  float rate, first_decay, first_rest, second_decay, second_rest, epsilon;
};
/// m as in Adam,   v ← second_decay·v + second_rest·m²,   Δ = −rate · m / √(v + epsilon)
struct refined_adam_step {
  static constexpr std::size_t moments = 2;
  float rate, first_decay, first_rest, second_decay, second_rest, epsilon;
};
/// Δ = g
struct no_step {
  static constexpr std::size_t moments = 0;
};
/// Δ = −length·sign(g) where |g| ≥ threshold, 0 elsewhere and where g is 0.
struct sign_step {
  static constexpr std::size_t moments = 0;
  float length, threshold;
};

/// Where a change of a weight lands: w + unit·Δ, kept in [lowest, highest].
struct landing {
  float unit = 1, lowest = -std::numeric_limits<float>::infinity(), highest = std::numeric_limits<float>::infinity();

  bool is_bounded() const { return lowest >= -std::numeric_limits<float>::max() || highest <= std::numeric_limits<float>::max(); }
};

}  // namespace zolt::inline v0::kernel

namespace zolt::inline v0 {

template <instruction_set Set>
struct update_kernels;

#define ZOLT_KERNEL_FILE "zolt/kernel/update.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// w[j] ← where w[j] and delta[j] land; how many were not kept within bounds. A delta of 0 changes nothing, a NaN stays one.
inline std::uint64_t add_update(std::span<float> w, const float* delta, const landing& where) {
  return on_instruction_set(
      [&]<instruction_set Set>(instruction_set_constant<Set>) { return update_kernels<Set>::add(w.data(), delta, where, w.size()); });
}

/// delta[j] ← what a step makes of gradient[j] and the moments of weight j, moments[m][j].
template <class Step>
void apply_rule(const Step& step, std::span<const float> gradient, const std::array<std::span<float>, Step::moments>& moments,
                float* delta) {
  std::array<float*, Step::moments> of{};
  for (std::size_t m = 0; m < of.size(); ++m) of[m] = moments[m].data();
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    update_kernels<Set>::apply(step, gradient.data(), of, delta, gradient.size());
  });
}

/// w[j] ← where w[j] and what apply_rule would make of gradient[j] land, in one visit; how many were not kept within bounds.
template <class Step>
std::uint64_t apply_rule_to(std::span<float> w, const Step& step, std::span<const float> gradient,
                            const std::array<std::span<float>, Step::moments>& moments, const landing& where) {
  std::array<float*, Step::moments> of{};
  for (std::size_t m = 0; m < of.size(); ++m) of[m] = moments[m].data();
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return update_kernels<Set>::apply_to(step, gradient.data(), of, w.data(), where, gradient.size());
  });
}

/// apply_rule_to for the gradient coefficient·z[first + j], z regenerated, and w without bounds.
template <class Distribution, class Source, class Step>
void apply_rule_along(const Source& source, std::uint64_t first, float coefficient, std::span<float> w, const Step& step,
                      const std::array<std::span<float>, Step::moments>& moments, float unit) {
  std::array<float*, Step::moments> of{};
  for (std::size_t m = 0; m < of.size(); ++m) of[m] = moments[m].data();
  on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    update_kernels<Set>::template apply_along<Distribution>(source, first, coefficient, step, of, w.data(), unit, w.size());
  });
}

}  // namespace zolt::inline v0::kernel
