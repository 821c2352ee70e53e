#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/estimator/estimate.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// An odd kernel on the radii r = j/n, j uniform on 1 … n, that keeps the derivative and drops the third order.
///
///   K(r) = a r + b r³,      E[r K(r)] = 1,   E[r³ K(r)] = 0
///   a = E r⁶/D,   b = −E r⁴/D,   D = E r²·E r⁶ − (E r⁴)²
///
/// The moments are those of the n radii themselves, so that both conditions hold for every n. For n → ∞, K → 15/4 · r (5 − 7r²). One
/// radius has no third order of its own: K = 1.
///
/// Units    a pure number.
/// Source   Bach & Perchet 2016 §3 for the conditions; Faulhaber's sums of j², j⁴ and j⁶.
struct smoothing_kernel {
  double first = 1;
  double third = 0;

  static smoothing_kernel of_levels(std::uint32_t levels) {
    if (levels < 2) return {};
    const double n = levels, square = n * n;
    const double second_moment = (n + 1) / n * ((2 * n + 1) / n) / 6;
    const double fourth_over_second = (3 + (3 * n - 1) / square) / 5;
    const double sixth_over_second = (3 + 6 / n - (3 * n - 1) / square / square) / 7;
    const double determinant = second_moment * (sixth_over_second - exact::product(fourth_over_second, fourth_over_second));
    return {sixth_over_second / determinant, -fourth_over_second / determinant};
  }
  double operator()(double r) const { return exact::product(r, first + exact::product(third, r * r)); }
};

/// Central difference at a random radius per query, weighted by a kernel that removes the bias of second order.
///
///   r_q = j/n,  j uniform on 1 … n = levels
///   c_q = (L(θ + ε r_q z_q) − L(θ − ε r_q z_q)) / (2 ε √ρ Q) · K(r_q),      K as smoothing_kernel
///
/// levels = 1 is two_point. On coded storage every ε r must be a whole number of codes: take a power of two for `levels` and a
/// multiple of it for the radius, radius 4 and levels 4 on INT8 for instance.
///
/// Units    radius ε: the largest one, in parameter units. c: loss per unit.
/// Cost     2·queries loss evaluations; 16·queries bytes.
/// Bias     O(ε⁴) from ∇L where two_point has O(ε²); exact for a cubic loss. Its price: a derivative along z has 6.25 times the second moment
///          of two_point's, noise of the loss 18.75 times, for many levels. It is worth it where the radius is large.
/// Source   KerZOO (arXiv 2505.18886); kernel conditions as in Bach & Perchet 2016.
/// Differs  r > 0 on a lattice instead of uniform on [−1, 1]: K is odd, so that −r with −z is the same query. The kernel is normalised for the
///          lattice.
struct kernel_smoothed {
  static constexpr std::string_view name = "kernel_smoothed";
  double radius = 1;
  std::uint32_t queries = 1;
  std::uint32_t levels = 1024;

  template <class Field>
  void fields(Field&& field) const {
    field("radius", radius, bound::positive);
    field("queries", queries, bound::at_least_one);
    field("levels", levels, bound::at_least_one);
  }
  /// On codes this times the radius must be whole.
  double smallest_offset() const { return 1.0 / levels; }
  void plan(const direction_key& key, const probe_scale&, std::span<const evaluation> seen, std::vector<probe>& next) const {
    if (!seen.empty()) return;
    for (std::uint32_t q = 0; q < queries; ++q) {
      const direction_key query{key.run, key.step, q};
      const std::uint64_t word = random_stream(query, 0, stream::radius).word(0);
      const double part = static_cast<double>((word * levels >> 32) + 1) / levels;
      for (const double offset : {part, -part}) next.push_back({query, offset});
    }
  }
  void estimate(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    const smoothing_kernel kernel = smoothing_kernel::of_levels(levels);
    const std::size_t before = terms.size();
    for (std::size_t i = 0; i + 1 < seen.size(); i += 2)
      if (exact::is_finite(seen[i].loss) && exact::is_finite(seen[i + 1].loss))
        terms.push_back({seen[i].probe.key.query, (seen[i].loss - seen[i + 1].loss) * kernel(seen[i].probe.offset)});
    const double divisor = 2 * radius * scale.spread * static_cast<double>(terms.size() - before);
    for (std::size_t i = before; i < terms.size(); ++i) terms[i].coefficient /= divisor;
  }
  friend bool operator==(const kernel_smoothed&, const kernel_smoothed&) = default;
};

}  // namespace zolt::inline v0
