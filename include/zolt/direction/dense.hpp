#pragma once

#include <cmath>
#include <string_view>

#include "zolt/direction/law.hpp"
#include "zolt/kernel/direction.hpp"
#include "zolt/kernel/update.hpp"

namespace zolt::inline v0 {

/// Independent components of one integer distribution on every weight, from the words of a random_stream or a block_stream.
template <class Distribution, class Source = random_stream>
struct dense_law {
  static constexpr int bits = Distribution::bits;
  static constexpr bool whole_units = Distribution::second_moment == 1;

  double density() const { return 1; }
  double spread() const { return 1; }
  double amplitude() const { return 1 / std::sqrt(Distribution::second_moment); }
  std::uint32_t record() const { return 0; }
  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    distribution::fill<Distribution>(Source(key, info.id, stream::direction), first, z);
  }
  /// One component.
  int at(const direction_key& key, const parameter_info& info, std::uint64_t index) const {
    return distribution::at<Distribution>(Source(key, info.id, stream::direction), index);
  }
  void add(const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient, std::span<float> to) const {
    kernel::add_direction<Distribution>(Source(key, info.id, stream::direction), first, coefficient, to);
  }
  void set(const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient, std::span<float> to) const {
    kernel::set_direction<Distribution>(Source(key, info.id, stream::direction), first, coefficient, to);
  }
  /// See kernel::apply_rule_along.
  template <class Step, class Moments>
  void apply_rule(const direction_key& key, const parameter_info& info, std::uint64_t first, float coefficient, std::span<float> w,
                  const Step& step, const Moments& moments, float unit) const {
    kernel::apply_rule_along<Distribution>(Source(key, info.id, stream::direction), first, coefficient, w, step, moments, unit);
  }
  /// See kernel/direction.hpp.
  std::size_t displace(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                       const kernel::noted_displacement& to) const {
    return kernel::displace<Distribution>(Source(key, info.id, stream::direction), first, w, to);
  }
  void put_back(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                const kernel::past_displacement& from) const {
    kernel::put_back<Distribution>(Source(key, info.id, stream::direction), first, w, from);
  }
  std::size_t exchange(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                       const kernel::past_displacement& from, const kernel::noted_displacement& to) const {
    return kernel::exchange<Distribution>(Source(key, info.id, stream::direction), first, w, from, to);
  }
  void put_back_and_add(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<float> w,
                        const kernel::past_displacement& from, float coefficient) const {
    kernel::put_back_and_add<Distribution>(Source(key, info.id, stream::direction), first, w, from, coefficient);
  }
};

/// z = ±1 with equal probability.
///
/// Units    radius ε moves every weight by exactly ε units.
/// Cost     one random bit per weight.
/// Source   Spall 1992 §III: symmetric Bernoulli perturbations.
struct rademacher {
  static constexpr std::string_view name = "rademacher";
  dense_law<distribution::rademacher> law_at(double, std::uint32_t) const { return {}; }
  dense_law<distribution::rademacher> law_of(std::uint32_t) const { return {}; }
  friend bool operator==(const rademacher&, const rademacher&) = default;
};

/// z approximately N(0, 846), an integer of 7 bits and a sign; kurtosis 2.9998, cut at 4.26 standard deviations.
///
/// Units    radius ε is the RMS displacement in units. Not for coded storage: its displacements are no whole codes.
/// Cost     16 random bits per weight.
/// Source   Malladi et al. 2023 (arXiv 2305.17333) Algorithm 1 draws N(0, I).
/// Differs  a sum of four 16-level variables: integer arithmetic gives the same z on every machine. The theory of zeroth-order descent
///          needs zero mean, unit covariance and a bounded fourth moment only.
struct gaussian {
  static constexpr std::string_view name = "gaussian";
  dense_law<distribution::gaussian> law_at(double, std::uint32_t) const { return {}; }
  dense_law<distribution::gaussian> law_of(std::uint32_t) const { return {}; }
  friend bool operator==(const gaussian&, const gaussian&) = default;
};

/// The distribution of `gaussian` from a block_stream: another z, made by fewer operations.
///
/// Units    as gaussian.
/// Cost     as gaussian, its random bits in half of the time; a weight alone costs up to 64 draws.
/// Source   as gaussian; the words: see block_stream.
struct block_gaussian {
  static constexpr std::string_view name = "block_gaussian";
  dense_law<distribution::gaussian, block_stream> law_at(double, std::uint32_t) const { return {}; }
  dense_law<distribution::gaussian, block_stream> law_of(std::uint32_t) const { return {}; }
  friend bool operator==(const block_gaussian&, const block_gaussian&) = default;
};

/// z uniform on 4096 odd integers, symmetric about zero.
///
/// Units    radius ε is the RMS displacement in units. Not for coded storage.
/// Cost     16 random bits per weight, 12 of them used.
/// Source   the uniform perturbation of PeZO and of fixed-point training; 12 bits keep products with a coefficient exact.
struct uniform {
  static constexpr std::string_view name = "uniform";
  dense_law<distribution::uniform> law_at(double, std::uint32_t) const { return {}; }
  dense_law<distribution::uniform> law_of(std::uint32_t) const { return {}; }
  friend bool operator==(const uniform&, const uniform&) = default;
};

}  // namespace zolt::inline v0
