#include "straight_through.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "backpropagation.hpp"
#include "batch_order.hpp"
#include "counter_random.hpp"

namespace fashion_mnist {
namespace {

void require(bool holds, std::string_view field, auto value, std::string_view bound) {
  if (!holds) throw std::runtime_error(fmt::format("straight_through: {} is {}, must be {}", field, value, bound));
}

void require_rate(double rate) { require(std::isfinite(rate) && rate > 0.0, "rate", rate, "positive and finite"); }

void require_same_shape(std::size_t layer, const matrix& seen, const matrix& weights) {
  if (seen.rows() != weights.rows() || seen.cols() != weights.cols()) {
    throw std::runtime_error(fmt::format("straight_through: weights of layer {} are {}×{}, must be {}×{}", layer, seen.rows(), seen.cols(),
                                         weights.rows(), weights.cols()));
  }
}

}  // namespace

write_back latent_adam(const float_network& shipped, requantizer requantize, double rate) {
  require_rate(rate);
  if (!requantize) throw std::runtime_error("straight_through: requantize is empty, must be a function");
  adam::rates unit{};
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const matrix& weights = shipped.weights[layer];
    unit.weights[layer] = static_cast<double>(weights.norm()) / std::sqrt(static_cast<double>(weights.size()));
    unit.biases[layer] = unit.weights[layer];
  }
  return [=, latent = shipped, rule = adam{}](double fraction, const float_network& gradient, float_network& seen) mutable {
    adam::rates step_sizes = unit;
    for (std::size_t layer = 0; layer < layers; ++layer) {
      step_sizes.weights[layer] *= rate * fraction;
      step_sizes.biases[layer] *= rate * fraction;
    }
    rule.step(latent, gradient, step_sizes);
    for (std::size_t layer = 0; layer < layers; ++layer) {
      seen.weights[layer] = requantize(static_cast<int>(layer), latent.weights[layer]);
      require_same_shape(layer, seen.weights[layer], latent.weights[layer]);
      seen.biases[layer] = latent.biases[layer];
    }
  };
}

write_back code_descent(code_grid grid, code_rounding rounding, double rate, std::uint64_t seed) {
  require_rate(rate);
  require(grid.lowest < grid.highest, "lowest code", grid.lowest, fmt::format("below the highest, {}", grid.highest));
  const counter_random random{seed, counter_random::purpose::code_rounding};
  return
      [=, grid = std::move(grid), words = std::uint64_t{0}](double fraction, const float_network& gradient, float_network& seen) mutable {
        const double step_rate = rate * fraction;
        for (std::size_t layer = 0; layer < layers; ++layer) {
          const matrix& steps = grid.steps[layer];
          require_same_shape(layer, steps, gradient.weights[layer]);
          matrix& weights = seen.weights[layer];
          for (Eigen::Index i = 0; i < weights.size(); ++i) {
            const double step = steps.data()[i], code = std::round(weights.data()[i] / step);
            const double target = code - step_rate * step * gradient.weights[layer].data()[i];
            const double noise = static_cast<double>(random.bits(words++) >> 11) * 0x1p-53;
            const double rounded = rounding == code_rounding::nearest ? std::nearbyint(target) : std::floor(target + noise);
            const double kept = std::clamp<double>(rounded, grid.lowest, grid.highest);
            weights.data()[i] = static_cast<float>(kept) * steps.data()[i];
          }
          const double unit = steps.mean();
          seen.biases[layer] -= static_cast<float>(step_rate * unit * unit) * gradient.biases[layer];
        }
      };
}

float_network adapt_straight_through(float_network seen, const write_back& land, const dataset& adaptation, std::uint64_t seed,
                                     const straight_through_settings& settings,
                                     const std::function<void(std::uint64_t step, const float_network& seen)>& report) {
  require(settings.steps >= 1, "steps", settings.steps, "at least 1");
  require(settings.report_every >= 1, "report_every", settings.report_every, "at least 1");
  if (!land) throw std::runtime_error("straight_through: land is empty, must be a function");
  batch_order order(adaptation.size(), settings.batch, seed, counter_random::purpose::adaptation_batches);
  backpropagation slopes;
  dataset batch;
  if (report) report(0, seen);
  for (std::uint64_t step = 0; step < settings.steps; ++step) {
    slice_into(adaptation, order.at(step), batch);
    slopes.run(seen, batch);
    land(1.0 - static_cast<double>(step) / static_cast<double>(settings.steps), slopes.gradient(), seen);
    const std::uint64_t done = step + 1;
    if (report && (done % settings.report_every == 0 || done == settings.steps)) report(done, seen);
  }
  return seen;
}

std::size_t straight_through_bytes(const float_network& network, std::size_t floats_per_weight, std::size_t floats_per_bias) {
  std::size_t floats = 0;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    floats += floats_per_weight * static_cast<std::size_t>(network.weights[layer].size());
    floats += floats_per_bias * static_cast<std::size_t>(network.biases[layer].size());
  }
  return floats * sizeof(float);
}

}  // namespace fashion_mnist
