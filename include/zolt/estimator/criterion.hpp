#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

/// The loss of one example as a function of the network's outputs for it, and its derivative by them: all that an estimator which sees the
/// outputs needs to know of a task.
///
/// What the compiler cannot check: slope is the derivative of loss; both are pure functions.
template <class C>
concept criterion = requires(const C& c, std::size_t example, std::span<const float> outputs, std::span<float> slope) {
  { c.loss(example, outputs) } -> std::convertible_to<double>;
  c.slope(example, outputs, slope);
};

/// Cross-entropy of classes: log Σ_c exp(o_c) − o_label, with derivative softmax(o) − onehot(label).
///
/// Units    loss: nats. Shapes: one label per row of the outputs, in memory that outlives the step.
/// Source   Bridle 1990; the largest output is subtracted first.
/// Errors   a label beyond the classes gives a loss that is not finite, which loses the example.
template <std::integral Label>
struct softmax_cross_entropy {
  std::span<const Label> labels;

  double loss(std::size_t example, std::span<const float> outputs) const {
    if (!known(example, outputs)) return std::numeric_limits<double>::quiet_NaN();
    const float largest = *std::max_element(outputs.begin(), outputs.end());  // subtracted so that exp cannot overflow
    double total = 0;
    for (const float o : outputs) total += std::exp(double{o} - double{largest});
    return std::log(total) + (double{largest} - double{outputs[label_of(example)]});
  }
  void slope(std::size_t example, std::span<const float> outputs, std::span<float> slope) const {
    if (!known(example, outputs)) return std::fill(slope.begin(), slope.end(), std::numeric_limits<float>::quiet_NaN());
    const float largest = *std::max_element(outputs.begin(), outputs.end());
    double total = 0;
    for (std::size_t c = 0; c < outputs.size(); ++c) total += slope[c] = std::exp(outputs[c] - largest);
    const auto share = static_cast<float>(1 / total);
    for (float& s : slope) s *= share;
    slope[label_of(example)] -= 1;
  }

 private:
  std::size_t label_of(std::size_t example) const { return static_cast<std::size_t>(labels[example]); }
  bool known(std::size_t example, std::span<const float> outputs) const {
    return example < labels.size() && std::cmp_greater_equal(labels[example], 0) && std::cmp_less(labels[example], outputs.size());
  }
};
template <class Range>
softmax_cross_entropy(const Range&) -> softmax_cross_entropy<std::remove_cvref_t<decltype(std::declval<const Range&>()[0])>>;

/// Two classes by one output o: log(1 + exp(−y·o)) for a target y of ±1, with derivative −y / (1 + exp(y·o)).
///
/// Units    loss: nats. Shapes: outputs of one column, one target per row.
/// Source   Cox 1958, in the ±1 form.
/// Errors   another target, or more outputs than one, give a loss that is not finite, which loses the example.
struct logistic_loss {
  std::span<const float> targets;

  double loss(std::size_t example, std::span<const float> outputs) const {
    if (!known(example, outputs)) return std::numeric_limits<double>::quiet_NaN();
    const double margin = double{targets[example]} * double{outputs[0]};
    return margin > 0 ? std::log1p(std::exp(-margin)) : std::log1p(std::exp(margin)) - margin;
  }
  void slope(std::size_t example, std::span<const float> outputs, std::span<float> slope) const {
    if (!known(example, outputs)) return std::fill(slope.begin(), slope.end(), std::numeric_limits<float>::quiet_NaN());
    const float y = targets[example];
    slope[0] = -y / (1 + std::exp(y * outputs[0]));
  }

 private:
  bool known(std::size_t example, std::span<const float> outputs) const {
    return example < targets.size() && outputs.size() == 1 && (targets[example] == 1 || targets[example] == -1);
  }
};

/// ½‖o − y‖² of every example, with derivative o − y.
///
/// Units    square of those of the outputs. Shapes: targets as the outputs.
struct squared_error {
  tensor_view<const float> targets;

  double loss(std::size_t example, std::span<const float> outputs) const {
    if (example >= targets.rows() || outputs.size() != targets.columns()) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    for (std::size_t c = 0; c < outputs.size(); ++c) {
      const double off = double{outputs[c]} - double{targets(example, c)};
      sum += off * off;
    }
    return sum / 2;
  }
  void slope(std::size_t example, std::span<const float> outputs, std::span<float> slope) const {
    const bool known = example < targets.rows() && outputs.size() == targets.columns();
    for (std::size_t c = 0; c < outputs.size(); ++c)
      slope[c] = known ? outputs[c] - targets(example, c) : std::numeric_limits<float>::quiet_NaN();
  }
};

}  // namespace zolt::inline v0
