#pragma once

#include <cstdint>
#include <span>

#include "dataset.hpp"

namespace fashion_mnist {

/// Mean cross-entropy of softmax(logits), in nats; sums run in double and in the order of the examples.
/// Shapes   logits: examples × 10, labels: one per row.
double mean_cross_entropy(const Eigen::Ref<const matrix>& logits, std::span<const std::uint8_t> labels);

/// The same, and `logits` become the gradient of that mean: (softmax - one-hot) / examples.
double cross_entropy_to_gradient(Eigen::Ref<matrix> logits, std::span<const std::uint8_t> labels);

/// Number of rows whose largest logit stands at the label; the first of equal logits counts.
Eigen::Index correct_predictions(const Eigen::Ref<const matrix>& logits, std::span<const std::uint8_t> labels);

}  // namespace fashion_mnist
