#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "zolt/core/error.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

namespace detail {

/// Powers of 2^(1/16) as integers, and where a logarithm to that base rounds up. Every entry lies farther from a tie than what IEEE
/// additions, products and quotients may err on the way, so that every compiler makes the same ones; a test compares them with integer
/// powers.
struct sixteenths_of_two {
  static constexpr int power_bits = 8, sum_bits = 40;

  std::array<std::int32_t, 256> power{};    ///< [k] = round(2^(8 + k/16))
  std::array<std::uint64_t, 16> rounds_up;  ///< [j] = ⌈2^(40 + (2j + 1)/32)⌉

  constexpr sixteenths_of_two() : rounds_up{} {
    double root = 2;  // its 32nd root, by Newton's iteration for each of five square roots
    for (int i = 0; i < 5; ++i) {
      const double square = root;
      for (int k = 0; k < 8; ++k) root = (root + square / root) / 2;
    }
    for (std::size_t k = 0; k < power.size(); ++k) {
      const double whole = static_cast<double>(std::uint32_t{1} << (power_bits + k / 16));
      power[k] = static_cast<std::int32_t>(whole * exact::power(root, 2 * (k % 16)) + 0.5);
    }
    for (std::size_t j = 0; j < rounds_up.size(); ++j)
      rounds_up[j] = static_cast<std::uint64_t>(0x1p40 * exact::power(root, 2 * j + 1)) + 1;
  }
};
inline constexpr sixteenths_of_two sixteenths{};

/// 16·log₂ of a sum below 2⁴⁰, rounded to nearest: exactly, since no integer lies on a tie.
constexpr std::int32_t log2_in_sixteenths(std::uint64_t sum) {
  const int whole = static_cast<int>(std::bit_width(sum)) - 1;
  const std::uint64_t mantissa = sum << (sixteenths_of_two::sum_bits - whole);
  std::int32_t part = 0;
  for (const std::uint64_t tie : sixteenths.rounds_up) part += mantissa >= tie ? 1 : 0;
  return 16 * whole + part;
}

}  // namespace detail

/// The classes that cross_entropy_in_sixteenths takes at most.
inline constexpr std::size_t most_integer_classes = std::size_t{1} << 16;

/// −log₂ softmax(x)_label of int8 logits, by integer additions, comparisons and one table alone.
///
///   S = Σ_c round(2^(8 + (x_c + 128)/16)),      loss = round(16·log₂ S) − 128 − (x_label + 128)
///
/// A logit is 16·log₂ e = 23.08 times one of nats. The loss is never negative, never grows with the label's logit and never falls with
/// another; n equal logits give round(16·log₂ n).
///
/// Units    sixteenths of a bit: 0.0433 nats.
/// Cost     an addition from a table of 1 KiB per class; 16 comparisons.
/// Bias     within 0.54 units of the real number: ½ where the logarithm is rounded, 0.04 from the powers, which are off by at most 0.17%.
/// Errors   no classes, more than 65 536 of them (S stays below 2⁴⁰), a label beyond them.
/// Source   the integer trainer of EGGROLL (arXiv 2511.16652): powers of two from a table, their sum, a logarithm from a table.
/// Differs  powers are multiplied by 256, not 16, with which they would be off by up to 2.6%, 0.6 units.
inline std::int32_t cross_entropy_in_sixteenths(std::span<const std::int8_t> logits, std::size_t label) {
  constexpr std::string_view subject = "cross_entropy_in_sixteenths";
  if (logits.empty() || logits.size() > most_integer_classes)
    fail(subject, "classes", logits.size(), "be at least 1 and at most " + to_text(most_integer_classes));
  if (label >= logits.size()) fail(subject, "label", label, "be below " + to_text(logits.size()) + ", the classes");
  std::uint64_t sum = 0;
  for (const std::int8_t x : logits) sum += static_cast<std::uint64_t>(detail::sixteenths.power[static_cast<std::size_t>(x + 128)]);
  return detail::log2_in_sixteenths(sum) - 16 * detail::sixteenths_of_two::power_bits - (logits[label] + 128);
}

/// Cross-entropy of classes in whole sixteenths of a bit, for losses of probes that are compared as integers. Outputs that are floats are
/// first rounded to int8 logits.
///
/// Units    sixteenths of a bit. scale: sixteenths of a bit per unit of a float output; 16·log₂ e for outputs in nats.
/// Shapes   one label per row of the outputs, in memory that outlives the step.
/// Cost     that of cross_entropy_in_sixteenths.
/// Bias     as there; float outputs saturate at −128 and 127, 5.5 nats for the default scale.
/// Errors   integer logits: as there. Float outputs: a label beyond the classes, too many classes or an output that is not finite give a
///          loss that is not finite, which loses the query.
/// Source   as cross_entropy_in_sixteenths.
template <std::integral Label>
struct integer_cross_entropy {
  std::span<const Label> labels;
  double scale = 23.083120654223414;

  std::int32_t loss(std::size_t example, std::span<const std::int8_t> logits) const {
    if (example >= labels.size()) fail("integer_cross_entropy", "example", example, "be below " + to_text(labels.size()) + ", the labels");
    if (std::cmp_less(labels[example], 0)) fail("integer_cross_entropy", "label", std::int64_t{labels[example]}, "be not negative");
    return cross_entropy_in_sixteenths(logits, static_cast<std::size_t>(labels[example]));
  }
  /// The sum over a batch: an integer, so that no order of additions shows.
  std::int64_t sum(tensor_view<const std::int8_t> logits) const {
    std::int64_t total = 0;
    for (std::size_t b = 0; b < logits.rows(); ++b) total += loss(b, std::span<const std::int8_t>(logits.row(b)));
    return total;
  }

  double loss(std::size_t example, std::span<const float> outputs) const {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    if (example >= labels.size() || std::cmp_less(labels[example], 0) || std::cmp_greater_equal(labels[example], outputs.size()) ||
        outputs.size() > most_integer_classes)
      return none;
    thread_local std::vector<std::int8_t> logits;
    logits.resize(outputs.size());
    for (std::size_t c = 0; c < logits.size(); ++c) {
      if (!exact::is_finite(outputs[c])) return none;
      logits[c] = static_cast<std::int8_t>(std::clamp(std::floor(exact::product(scale, double{outputs[c]}) + 0.5), -128.0, 127.0));
    }
    return cross_entropy_in_sixteenths(logits, static_cast<std::size_t>(labels[example]));
  }
};
template <class Range>
integer_cross_entropy(const Range&) -> integer_cross_entropy<std::remove_cvref_t<decltype(std::declval<const Range&>()[0])>>;
template <class Range>
integer_cross_entropy(const Range&, double) -> integer_cross_entropy<std::remove_cvref_t<decltype(std::declval<const Range&>()[0])>>;

}  // namespace zolt::inline v0
