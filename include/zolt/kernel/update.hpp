#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "zolt/core/vectors.hpp"

/// Update rules by their steps, and where those land on floats.
namespace zolt::inline v0::kernel {

/// m ← decay·m + g,   Δ = −rate·m
struct momentum_step {
  static constexpr std::size_t moments = 1;
  float rate, decay;
};
/// m and v as in Adam,   Δ = −rate · (m/first_correction) / (√(v/second_correction) + epsilon)
struct adam_step {
  static constexpr std::size_t moments = 2;
  float rate, first_decay, first_rest, second_decay, second_rest, first_correction, second_correction, epsilon;
};
/// m and v as in Adam,   v̂ ← max(v̂, v),   Δ = −rate · m / (√v̂ + epsilon)
struct amsgrad_step {
  static constexpr std::size_t moments = 3;
  float rate, first_decay, first_rest, second_decay, second_rest, epsilon;
};
/// Δ = −length·sign(g) where |g| ≥ threshold, 0 elsewhere and where g is 0.
struct sign_step {
  static constexpr std::size_t moments = 0;
  float length, threshold;
};

}  // namespace zolt::inline v0::kernel

namespace zolt::inline v0 {

template <instruction_set Set>
struct update_kernels;

#define ZOLT_KERNEL_FILE "zolt/kernel/update.inc"
#include "zolt/core/per_instruction_set.inc"

}  // namespace zolt::inline v0

namespace zolt::inline v0::kernel {

/// w[j] ← w[j] + unit·delta[j], kept in [lowest, highest]; how many were not. A delta of 0 changes nothing, a NaN stays one.
inline std::uint64_t add_update(std::span<float> w, const float* delta, float unit, float lowest, float highest) {
  return on_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    return update_kernels<Set>::add(w.data(), delta, unit, lowest, highest, w.size());
  });
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

}  // namespace zolt::inline v0::kernel
