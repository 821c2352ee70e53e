#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/exact.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::inline v0 {

/// Symmetric min-max fake quantization of floats that share a scale: a row of a weight, a token of activations.
///
///   s = (2^(Bits−1) − 1) / (max|x| + margin),   x ← round(x·s) / (s + margin)
///
/// Units    margin: that of x where it stands beside max|x|, its reciprocal beside s. It makes results smaller by about margin/s, which is
///          felt in layers of large activations; 0 is the plain formula, close to quantizer<integer<Bits>, per_channel>.
/// Cost     two passes. Nothing is allocated.
/// Errors   none: if x holds a NaN or an infinity, all of it becomes NaN, so that a loss that depends on it is lost and not merely wrong.
/// Source   LLM-QAT (Liu et al. 2023, arXiv 2305.17888); `SymQuantizer` of its code, with its two margins of 10⁻⁶.
/// Differs  all zeros under margin 0 stay zeros.
template <int Bits>
struct symmetric_min_max {
  static_assert(Bits >= 2 && Bits <= 16, "zolt: symmetric_min_max has 2 to 16 bits");
  static constexpr std::string_view name = "symmetric_min_max";
  double margin = 1e-6;

  template <class Field>
  void fields(Field&& field) const {
    field("margin", margin, bound::non_negative);
  }
  void operator()(std::span<float> x) const {
    float largest = 0;
    bool finite = true;
    for (const float v : x) largest = std::max(largest, std::fabs(v)), finite &= exact::is_finite(v);
    if (!finite) return std::fill(x.begin(), x.end(), std::numeric_limits<float>::quiet_NaN());
    const auto extra = static_cast<float>(margin);
    const float s = static_cast<float>((1 << (Bits - 1)) - 1) / (largest + extra);
    if (!exact::is_finite(s)) return std::fill(x.begin(), x.end(), 0.0f);
    for (float& v : x) v = static_cast<float>(nearest_even{}(locate_on_integers(v * s))) / (s + extra);
  }
};

/// Asymmetric min-max fake quantization of floats that share a range.
///
///   a = max x − min x + margin,   x ← round((x − min x)/a·(2^Bits − 1)) / (2^Bits − 1)·a + min x
///
/// Units    margin: that of x.
/// Cost     two passes. Nothing is allocated.
/// Errors   as symmetric_min_max.
/// Source   `AsymQuantizer` of LLM-QAT, with its margin of 10⁻⁸. The range is not extended to 0, so 0 need not be a grid point.
/// Differs  equal values under margin 0 stay as they are.
template <int Bits>
struct asymmetric_min_max {
  static_assert(Bits >= 1 && Bits <= 16, "zolt: asymmetric_min_max has 1 to 16 bits");
  static constexpr std::string_view name = "asymmetric_min_max";
  double margin = 1e-8;

  template <class Field>
  void fields(Field&& field) const {
    field("margin", margin, bound::non_negative);
  }
  void operator()(std::span<float> x) const {
    if (x.empty()) return;
    float lowest = x[0], highest = x[0];
    bool finite = true;
    for (const float v : x) lowest = std::min(lowest, v), highest = std::max(highest, v), finite &= exact::is_finite(v);
    const float width = highest - lowest + static_cast<float>(margin);
    if (!finite || !exact::is_finite(width)) return std::fill(x.begin(), x.end(), std::numeric_limits<float>::quiet_NaN());
    if (width == 0) return;
    constexpr auto steps = static_cast<float>((1 << Bits) - 1);
    for (float& v : x) {
      const auto step = static_cast<float>(nearest_even{}(locate_on_integers((v - lowest) / width * steps)));
      v = exact::product(step / steps, width) + lowest;
    }
  }
};

/// Each row in place under a policy for floats that share a range: tokens of activations, or outputs of a weight.
///
/// Units    as the policy.
/// Cost     as the policy, per row.
/// Errors   a field of the policy out of bounds.
template <class Policy>
void fake_quantize_rows(tensor_view<float> x, const Policy& policy) {
  std::vector<problem> problems;
  check_fields(policy, problems);
  if (!problems.empty()) throw error(std::move(problems));
  for (std::size_t r = 0; r < x.rows(); ++r) policy(x.row(r));
}

/// Activations per token, symmetric unless another policy is given: quantize_activations<4>(x), and for the other kind
/// fake_quantize_rows(x, asymmetric_min_max<4>{}).
///
/// Errors   none with the usual margin.
/// Source   LLM-QAT: 4 or 8 bits per token, also for keys and values of a cache.
template <int Bits>
void quantize_activations(tensor_view<float> x) {
  fake_quantize_rows(x, symmetric_min_max<Bits>{});
}

/// Weights per output channel as LLM-QAT means them, without margins: codes of the narrow integer, scale max|w| / (2^(Bits−1) − 1).
template <int Bits>
using min_max_quantizer = quantizer<integer<Bits>, per_channel>;

}  // namespace zolt::inline v0
