#include "splits.hpp"

#include <numeric>

namespace fashion_mnist {

experiment_data load_experiment(const std::filesystem::path& folder, double degrees) {
  experiment_data result;
  {
    const dataset upright = load(folder, split::train, {adaptation_range.first, validation_range.last});
    std::vector<Eigen::Index> downwards(static_cast<std::size_t>(adaptation_range.size()));
    std::iota(downwards.rbegin(), downwards.rend(), Eigen::Index{0});
    result.adaptation = rotated(slice(upright, downwards), degrees);
    std::vector<Eigen::Index> upwards(static_cast<std::size_t>(validation_range.size()));
    std::iota(upwards.begin(), upwards.end(), validation_range.first - adaptation_range.first);
    result.validation = rotated(slice(upright, upwards), degrees);
  }
  result.test_upright = load(folder, split::test);
  result.test_turned = rotated(result.test_upright, degrees);
  return result;
}

upright_data load_upright(const std::filesystem::path& folder) {
  return {load(folder, split::train, scratch_range), load(folder, split::train, validation_range)};
}

}  // namespace fashion_mnist
