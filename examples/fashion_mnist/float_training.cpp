#include "float_training.hpp"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <system_error>

#include "backpropagation.hpp"
#include "batch_order.hpp"
#include "network_file.hpp"

namespace fashion_mnist {
namespace {

constexpr Eigen::Index batch_size = 64;
constexpr std::uint64_t epochs = 10;
constexpr double first_rate = 1e-3;

}  // namespace

float_network train_float_network(const dataset& data, std::uint64_t seed, const std::function<void(double fraction)>& progress) {
  batch_order order(data.size(), batch_size, seed, counter_random::purpose::training_batches);
  const std::uint64_t steps = epochs * static_cast<std::uint64_t>(data.size() / batch_size);
  float_network network = initial_network(seed);
  backpropagation slopes;
  adam rule;
  dataset batch;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const double fraction = static_cast<double>(step) / static_cast<double>(steps);
    if (progress) progress(fraction);
    slice_into(data, order.at(step), batch);
    slopes.run(network, batch);
    const double rate = first_rate * (1.0 - fraction);
    rule.step(network, slopes.gradient(), {.weights = {rate, rate, rate}, .biases = {rate, rate, rate}});
  }
  if (progress) progress(1.0);
  return network;
}

shipped_network load_or_train(const std::filesystem::path& cache, const std::filesystem::path& data_folder, std::uint64_t seed,
                              const std::function<void(double fraction)>& progress) {
  const network_origin origin{.seed = seed, .images = fingerprint(data_folder, split::train)};
  shipped_network result{};
  std::error_code unknown;  // then there is no cache to read
  if (std::filesystem::exists(cache, unknown)) {
    try {
      result.network = read_network(cache, origin);
      return result;
    } catch (const std::exception& error) {
      result.note = fmt::format("the cached network is not used, it is trained anew: {}", error.what());
    }
  }
  const dataset data = load(data_folder, split::train, float_training_range);
  const auto start = std::chrono::steady_clock::now();
  result.network = train_float_network(data, seed, progress);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.trained = true;
  try {
    write_network(cache, result.network, origin);
  } catch (const std::exception& error) {
    if (!result.note.empty()) result.note += "; ";
    result.note += fmt::format("the network is not cached: {}", error.what());
  }
  return result;
}

}  // namespace fashion_mnist
