#include "batch_order.hpp"

#include <fmt/format.h>

#include <numeric>
#include <stdexcept>
#include <utility>

namespace fashion_mnist {

batch_order::batch_order(Eigen::Index examples, Eigen::Index batch, std::uint64_t seed, counter_random::purpose use)
    : random_{seed, use}, batch_{0}, steps_per_epoch_{0} {
  if (batch < 1 || batch > examples)
    throw std::runtime_error(fmt::format("batch_order: batch is {}, must be 1 to the number of examples, {}", batch, examples));
  permutation_.resize(static_cast<std::size_t>(examples));
  batch_ = static_cast<std::size_t>(batch);
  steps_per_epoch_ = static_cast<std::uint64_t>(examples / batch);
  shuffle(0);
}

std::span<const Eigen::Index> batch_order::at(std::uint64_t step) {
  const std::uint64_t epoch = step / steps_per_epoch_;
  if (epoch != epoch_) shuffle(epoch);
  return std::span<const Eigen::Index>(permutation_).subspan(static_cast<std::size_t>(step % steps_per_epoch_) * batch_, batch_);
}

void batch_order::shuffle(std::uint64_t epoch) {
  std::iota(permutation_.begin(), permutation_.end(), Eigen::Index{0});  // from the identity: an epoch must not depend on the one before
  for (std::size_t last = permutation_.size() - 1; last > 0; --last) {
    const std::uint32_t other = random_.below(static_cast<std::uint32_t>(last + 1), epoch << 32U | last);
    std::swap(permutation_[last], permutation_[other]);
  }
  epoch_ = epoch;
}

}  // namespace fashion_mnist
