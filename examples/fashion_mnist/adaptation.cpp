#include "adaptation.hpp"

#include <chrono>
#include <cmath>
#include <stdexcept>

#include "batch_order.hpp"
#include "forward.hpp"
#include "zolt/zolt.hpp"

namespace fashion_mnist {

namespace {

constexpr Eigen::Index batch_size = 128;

using int8_weights = zolt::quantized_tensor<zolt::int8, zolt::per_channel>;
using int4_weights = zolt::quantized_tensor<zolt::int4, zolt::per_group<32, zolt::last_group::shorter>>;
using fp8_weights = zolt::quantized_tensor<zolt::e4m3fn, zolt::per_channel>;
using float_weights = zolt::tensor<float>;

template <class Weights>
struct weight_kind;
template <class Format, class Granularity>
struct weight_kind<zolt::quantized_tensor<Format, Granularity>> {
  static zolt::quantized_tensor<Format, Granularity> of(const matrix& m, const std::string& name) {
    return zolt::quantize<Format, Granularity>(name, view_of(m));
  }
  static double unit(const zolt::quantized_tensor<Format, Granularity>& w) { return zolt::unit_of(w); }
  static std::size_t bytes(const zolt::quantized_tensor<Format, Granularity>& w) { return w.memory(); }
};
template <>
struct weight_kind<float_weights> {
  static float_weights of(const matrix& m, const std::string&) {
    float_weights w({static_cast<std::size_t>(m.rows()), static_cast<std::size_t>(m.cols())});
    std::copy_n(m.data(), m.size(), w.data());
    return w;
  }
  static double unit(const float_weights& w) {
    double squares = 0;
    for (const float v : w.flat()) squares += static_cast<double>(v) * v;
    return std::sqrt(squares / static_cast<double>(w.size()));
  }
  static std::size_t bytes(const float_weights& w) { return w.size() * sizeof(float); }
};

template <class Weights>
network<Weights> quantized(const float_network& shipped) {
  network<Weights> net;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    net.weights[layer] = weight_kind<Weights>::of(shipped.weights[layer], "weight " + std::to_string(layer));
    net.biases[layer].assign(shipped.biases[layer].begin(), shipped.biases[layer].end());
  }
  return net;
}

template <class Weights>
std::size_t bytes_of(const network<Weights>& net) {
  std::size_t bytes = 0;
  for (std::size_t layer = 0; layer < layers; ++layer)
    bytes += weight_kind<Weights>::bytes(net.weights[layer]) + net.biases[layer].size() * sizeof(float);
  return bytes;
}

/// Weights and biases side by side in one set: a bias moves by the code step of its layer.
template <class Weights>
auto parameters_of(network<Weights>& net) {
  const auto weight = [&net](std::size_t layer) {
    return zolt::parameter{"weight " + std::to_string(layer), net.weights[layer], {.unit = weight_kind<Weights>::unit(net.weights[layer])}};
  };
  const auto bias = [&net](std::size_t layer) {
    return zolt::parameter{"bias " + std::to_string(layer), net.biases[layer], {.unit = weight_kind<Weights>::unit(net.weights[layer])}};
  };
  return zolt::parameters(weight(0), weight(1), weight(2), bias(0), bias(1), bias(2));
}

class stopwatch {
 public:
  double milliseconds() const { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The run itself: everything that differs between methods is the policies and the kind of weights.
template <class Weights, class... Policies>
adaptation_result run(const float_network& shipped, const dataset& images, std::uint64_t forwards, unsigned seed, unsigned reports,
                      const std::function<void(const checkpoint&)>& report, const Policies&... policies) {
  network<Weights> net = quantized<Weights>(shipped);
  const std::uint64_t steps = forwards / 2;
  zolt::optimizer opt{parameters_of(net), policies..., zolt::linear_decay{.steps = steps}, zolt::options{.run = seed}};

  batch_order order(images.size(), batch_size, seed, counter_random::purpose::adaptation_batches);
  dataset batch;
  activations memory;
  std::vector<double> losses;
  const auto loss = [&](const zolt::probe_view& probes) -> const std::vector<double>& {
    const auto outputs = logits(net, probes, batch.images, memory);
    losses.clear();
    for (std::size_t k = 0; k < probes.count(); ++k) losses.push_back(loss_of_probe(outputs, k, batch));
    return losses;
  };
  const auto tell = [&](std::uint64_t done) { report({done, [&net](const dataset& data) { return accuracy(net, data); }}); };

  timings sum;
  std::uint64_t samples = 0, next_report = 1;
  const std::uint64_t sample_every = std::max<std::uint64_t>(1, steps / 200);
  tell(0);
  for (std::uint64_t step = 0; step < steps; ++step) {
    slice_into(images, order.at(step), batch);
    const stopwatch of_step;
    opt.step(loss);
    if (step % sample_every == 0) {
      sum.step += of_step.milliseconds();
      const stopwatch of_forwards;
      loss({}), loss({});
      sum.forward += of_forwards.milliseconds() / 2;
      const stopwatch of_float_forward;
      static_cast<void>(mean_cross_entropy(logits(shipped, batch.images), batch.labels));
      sum.float_forward += of_float_forward.milliseconds();
      ++samples;
    }
    for (; next_report <= reports && (step + 1) * reports >= next_report * steps; ++next_report) tell(2 * (step + 1));
  }
  const auto mean = [samples](double total) { return total / static_cast<double>(samples); };
  return {bytes_of(net),
          opt.state_bytes(),
          zolt::to_bytes(opt.recorded()).size(),
          {mean(sum.step), mean(sum.forward), mean(sum.float_forward)}};
}

/// Calls f with a network kind named by the format.
template <class Function>
auto with_weights(std::string_view format, Function&& f) {
  if (format == "int8") return f(std::type_identity<int8_weights>{});
  if (format == "int4") return f(std::type_identity<int4_weights>{});
  if (format == "fp8") return f(std::type_identity<fp8_weights>{});
  throw std::runtime_error("format = " + std::string(format) + " must be int8, int4 or fp8");
}

}  // namespace

const std::vector<recipe>& main_recipes() {
  static const std::vector<recipe> all{
      {.format = "int8", .method = default_method, .rate = 0.7, .radius = 4, .density_ratio = 1},
      {.format = "int8", .method = straight_through_method, .rate = 0.01, .radius = 0, .density_ratio = 0},
      {.format = "int4", .method = default_method, .rate = 0.084, .radius = 1, .density_ratio = 0.5},
      {.format = "int4", .method = residual_method, .rate = 0.084, .radius = 1, .density_ratio = 2.5},
      {.format = "int4", .method = straight_through_method, .rate = 0.007, .radius = 0, .density_ratio = 0},
      {.format = "fp8", .method = default_method, .rate = 0.7, .radius = 3, .density_ratio = 1},
      {.format = "fp8", .method = straight_through_method, .rate = 0.01, .radius = 0, .density_ratio = 0},
      {.format = "float", .method = mezo_method, .rate = 0.021, .radius = 0.01, .density_ratio = 1},
  };
  return all;
}

std::vector<recipe> grid_of(const recipe& chosen) {
  struct axes {
    std::vector<double> rates, radii, density_ratios;
  };
  const auto axes_of = [&chosen]() -> axes {
    if (chosen.method == straight_through_method) return {{0.007, 0.01, 0.014}, {0}, {0}};
    if (chosen.method == mezo_method) return {{0.0105, 0.015, 0.021}, {0.01}, {1}};
    if (chosen.method == residual_method) return {{0.042, 0.06, 0.084}, {1}, {2.5, 5, 10}};
    if (chosen.format == "int4") return {{0.042, 0.06, 0.084}, {1}, {0.5, 1, 2}};
    if (chosen.format == "int8") return {{0.49, 0.7, 0.98}, {2, 4, 8}, {1}};
    return {{0.35, 0.5, 0.7}, {2, 3, 6}, {1}};
  };
  const axes tried = axes_of();
  std::vector<recipe> grid;
  for (const double radius : tried.radii)
    for (const double density_ratio : tried.density_ratios)
      for (const double rate : tried.rates) grid.push_back({chosen.format, chosen.method, rate, radius, density_ratio});
  return grid;
}

adaptation_result adapt(const recipe& r, const float_network& shipped, const dataset& images, std::uint64_t forwards, unsigned seed,
                        unsigned reports, const std::function<void(const checkpoint&)>& report) {
  const zolt::sgd rule{.rate = r.rate};
  const zolt::two_point estimator{.radius = r.radius};
  if (r.format == "float") return run<float_weights>(shipped, images, forwards, seed, reports, report, rule, estimator, zolt::rademacher{});
  const zolt::sparse_rademacher law{.ratio = r.density_ratio};
  return with_weights(r.format, [&]<class Weights>(std::type_identity<Weights>) {
    if (r.method == residual_method)
      return run<Weights>(shipped, images, forwards, seed, reports, report, rule, estimator, law, zolt::residual<4>{});
    return run<Weights>(shipped, images, forwards, seed, reports, report, rule, estimator, law);
  });
}

matrix requantized(std::string_view format, int layer, const matrix& weights) {
  return with_weights(format, [&]<class Weights>(std::type_identity<Weights>) {
    matrix seen(weights.rows(), weights.cols());
    const Weights w = weight_kind<Weights>::of(weights, "weight " + std::to_string(layer));
    w.decode(0, {seen.data(), static_cast<std::size_t>(seen.size())});
    return seen;
  });
}

std::size_t quantized_bytes(std::string_view format, const float_network& shipped) {
  return with_weights(format, [&]<class Weights>(std::type_identity<Weights>) { return bytes_of(quantized<Weights>(shipped)); });
}

}  // namespace fashion_mnist
