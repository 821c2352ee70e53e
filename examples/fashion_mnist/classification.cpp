#include "classification.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace fashion_mnist {
namespace {

void require_one_label_per_row(const Eigen::Ref<const matrix>& logits, std::span<const std::uint8_t> labels) {
  if (logits.rows() == 0 || static_cast<std::size_t>(logits.rows()) != labels.size()) {
    throw std::runtime_error(
        fmt::format("labels: {} are given, must be as many as the {} rows of logits, and at least 1", labels.size(), logits.rows()));
  }
}

}  // namespace

double mean_cross_entropy(const Eigen::Ref<const matrix>& logits, std::span<const std::uint8_t> labels) {
  require_one_label_per_row(logits, labels);
  double sum = 0.0;
  for (Eigen::Index row = 0; row < logits.rows(); ++row) {
    const float largest = logits.row(row).maxCoeff();  // subtracted so that exp cannot overflow
    const float total = (logits.row(row).array() - largest).exp().sum();
    sum += std::log(static_cast<double>(total)) + static_cast<double>(largest) -
           static_cast<double>(logits(row, labels[static_cast<std::size_t>(row)]));
  }
  return sum / static_cast<double>(logits.rows());
}

double cross_entropy_to_gradient(Eigen::Ref<matrix> logits, std::span<const std::uint8_t> labels) {
  const double loss = mean_cross_entropy(logits, labels);
  const float share = 1.0F / static_cast<float>(logits.rows());
  for (Eigen::Index row = 0; row < logits.rows(); ++row) {
    const float largest = logits.row(row).maxCoeff();
    logits.row(row) = (logits.row(row).array() - largest).exp().matrix();
    logits.row(row) *= share / logits.row(row).sum();
    logits(row, labels[static_cast<std::size_t>(row)]) -= share;
  }
  return loss;
}

Eigen::Index correct_predictions(const Eigen::Ref<const matrix>& logits, std::span<const std::uint8_t> labels) {
  require_one_label_per_row(logits, labels);
  Eigen::Index correct = 0;
  for (Eigen::Index row = 0; row < logits.rows(); ++row) {
    Eigen::Index best = 0;
    logits.row(row).maxCoeff(&best);
    correct += best == static_cast<Eigen::Index>(labels[static_cast<std::size_t>(row)]) ? 1 : 0;
  }
  return correct;
}

}  // namespace fashion_mnist
