#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "counter_random.hpp"
#include "dataset.hpp"

namespace fashion_mnist {

/// Which examples a step sees: a new permutation of all examples in every epoch, cut into whole batches.
///
/// A pure function of (seed, purpose, step), so the batch order is part of the seed; the permutation of the last epoch that was asked for
/// is kept. What a permutation has beyond the last whole batch is left out of that epoch.
class batch_order {
 public:
  batch_order(Eigen::Index examples, Eigen::Index batch, std::uint64_t seed, counter_random::purpose use);

  std::span<const Eigen::Index> at(std::uint64_t step);

 private:
  void shuffle(std::uint64_t epoch);

  counter_random random_;
  std::vector<Eigen::Index> permutation_;
  std::size_t batch_;
  std::uint64_t steps_per_epoch_;
  std::uint64_t epoch_ = 0;
};

}  // namespace fashion_mnist
