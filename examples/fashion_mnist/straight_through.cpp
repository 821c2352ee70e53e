#include "straight_through.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "backpropagation.hpp"
#include "batch_order.hpp"

namespace fashion_mnist {
namespace {

void validate(const straight_through_settings& settings, const requantizer& requantize) {
  const auto require = [](bool holds, std::string_view field, auto value, std::string_view bound) {
    if (!holds) throw std::runtime_error(fmt::format("straight_through_settings: {} is {}, must be {}", field, value, bound));
  };
  require(settings.steps >= 1, "steps", settings.steps, "at least 1");
  require(settings.report_every >= 1, "report_every", settings.report_every, "at least 1");
  require(std::isfinite(settings.rate) && settings.rate > 0.0, "rate", settings.rate, "positive and finite");
  if (!requantize) throw std::runtime_error("straight_through: requantize is empty, must be a function");
}

void see(const float_network& latent, const requantizer& requantize, float_network& seen) {
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const matrix& weights = latent.weights[layer];
    seen.weights[layer] = requantize(static_cast<int>(layer), weights);
    if (seen.weights[layer].rows() != weights.rows() || seen.weights[layer].cols() != weights.cols()) {
      throw std::runtime_error(fmt::format("straight_through: requantized weights of layer {} are {}×{}, must be {}×{}", layer,
                                           seen.weights[layer].rows(), seen.weights[layer].cols(), weights.rows(), weights.cols()));
    }
    seen.biases[layer] = latent.biases[layer];
  }
}

}  // namespace

float_network adapt_straight_through(const float_network& shipped, const requantizer& requantize, const dataset& adaptation,
                                     std::uint64_t seed, const straight_through_settings& settings,
                                     const std::function<void(std::uint64_t step, const float_network& seen)>& report) {
  validate(settings, requantize);
  adam::rates unit{};
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const matrix& weights = shipped.weights[layer];
    unit.weights[layer] = static_cast<double>(weights.norm()) / std::sqrt(static_cast<double>(weights.size()));
    unit.biases[layer] = unit.weights[layer];
  }
  batch_order order(adaptation.size(), settings.batch, seed, counter_random::purpose::adaptation_batches);
  float_network latent = shipped;
  float_network seen;
  backpropagation slopes;
  adam rule;
  dataset batch;
  see(latent, requantize, seen);
  if (report) report(0, seen);
  for (std::uint64_t step = 0; step < settings.steps; ++step) {
    slice_into(adaptation, order.at(step), batch);
    slopes.run(seen, batch);
    const double rate = settings.rate * (1.0 - static_cast<double>(step) / static_cast<double>(settings.steps));
    adam::rates step_sizes = unit;
    for (std::size_t layer = 0; layer < layers; ++layer) {
      step_sizes.weights[layer] *= rate;
      step_sizes.biases[layer] *= rate;
    }
    rule.step(latent, slopes.gradient(), step_sizes);
    see(latent, requantize, seen);
    const std::uint64_t done = step + 1;
    if (report && (done % settings.report_every == 0 || done == settings.steps)) report(done, seen);
  }
  return seen;
}

std::size_t straight_through_bytes(const float_network& network) {
  std::size_t floats = 0;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    floats += 4 * static_cast<std::size_t>(network.weights[layer].size());
    floats += 3 * static_cast<std::size_t>(network.biases[layer].size());
  }
  return floats * sizeof(float);
}

}  // namespace fashion_mnist
