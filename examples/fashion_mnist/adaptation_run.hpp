#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "adaptation.hpp"
#include "batch_order.hpp"
#include "forward.hpp"
#include "zolt/zolt.hpp"

/// The run itself, for any kind of weights, parameters, loss and policies: what adaptation.cpp, published.cpp and layered.cpp fill in.
namespace fashion_mnist {

inline constexpr Eigen::Index batch_size = 128;

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

inline std::string weight_name(std::size_t layer) { return "weight " + std::to_string(layer); }

template <class Weights>
network<Weights> quantized(const float_network& start) {
  network<Weights> net;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    net.weights[layer] = weight_kind<Weights>::of(start.weights[layer], weight_name(layer));
    net.biases[layer].assign(start.biases[layer].begin(), start.biases[layer].end());
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

/// A bias moves by the code step of its layer.
template <class Weights>
auto bias_of(network<Weights>& net, std::size_t layer) {
  return zolt::parameter{"bias " + std::to_string(layer), net.biases[layer], {.unit = weight_kind<Weights>::unit(net.weights[layer])}};
}

/// Weights and biases side by side in one set.
struct weights_and_biases {
  template <class Weights>
  auto operator()(network<Weights>& net) const {
    const auto weight = [&net](std::size_t layer) {
      return zolt::parameter{weight_name(layer), net.weights[layer], {.unit = weight_kind<Weights>::unit(net.weights[layer])}};
    };
    return zolt::parameters(weight(0), weight(1), weight(2), bias_of(net, 0), bias_of(net, 1), bias_of(net, 2));
  }
};

class stopwatch {
 public:
  double milliseconds() const { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The same as a list in the order of the layers.
struct layer_by_layer {
  template <class Weights>
  auto operator()(network<Weights>& net) const {
    const auto weight = [&net](std::size_t layer) {
      return zolt::parameter{weight_name(layer), net.weights[layer], {.unit = weight_kind<Weights>::unit(net.weights[layer])}};
    };
    return zolt::parameters(weight(0), bias_of(net, 0), weight(1), bias_of(net, 1), weight(2), bias_of(net, 2));
  }
};

/// Steps on batch after batch, watched: step(batch, examples) makes one and gives zolt's report of it; `examples` are those of the batch.
template <class Weights>
adaptation_result train(const assignment& a, const network<Weights>& net, std::uint64_t steps,
                        const std::function<zolt::report(const dataset& batch, std::span<const Eigen::Index> examples)>& step) {
  batch_order order(a.images.size(), batch_size, a.seed, counter_random::purpose::adaptation_batches);
  dataset batch;
  batch_losses bare;
  adaptation_result result;
  result.weight_bytes = bytes_of(net);
  double forwards = 0;
  const auto tell = [&] {
    a.report({static_cast<std::uint64_t>(std::llround(forwards)), [&net](const dataset& data) { return accuracy(net, data); }});
  };

  timings sum;
  std::uint64_t samples = 0, next_report = 1;
  const std::uint64_t sample_every = std::max<std::uint64_t>(1, steps / 200);
  tell();
  for (std::uint64_t s = 0; s < steps; ++s) {
    const std::span<const Eigen::Index> examples = order.at(s);
    slice_into(a.images, examples, batch);
    const stopwatch of_step;
    const zolt::report made = step(batch, examples);
    const double milliseconds = of_step.milliseconds();
    forwards += made.forwards;
    result.work += made.work;
    if (s % sample_every == 0) {
      sum.step += milliseconds;
      const stopwatch of_forwards;
      bare(net, {}, batch), bare(net, {}, batch);
      sum.forward += of_forwards.milliseconds() / 2;
      const stopwatch of_float_forward;
      static_cast<void>(mean_cross_entropy(logits(a.start, batch.images), batch.labels));
      sum.float_forward += of_float_forward.milliseconds();
      ++samples;
    }
    for (; next_report <= a.reports && (s + 1) * a.reports >= next_report * steps; ++next_report) tell();
  }
  const auto mean = [samples](double total) { return total / static_cast<double>(samples); };
  result.milliseconds = {mean(sum.step), mean(sum.forward), mean(sum.float_forward)};
  return result;
}

/// A method on loss scalars: everything that differs between them is the weights, which of them are trained, the loss of a probe and the
/// policies.
template <class Weights, class Trained, class Losses, class... Policies>
adaptation_result run(const assignment& a, const Trained& trained, Losses losses, const Policies&... policies) {
  network<Weights> net = quantized<Weights>(a.start);
  const std::uint64_t steps = std::max<std::uint64_t>(1, a.forwards / 2);
  zolt::optimizer opt{trained(net), policies..., zolt::linear_decay{.steps = steps}, zolt::options{.run = a.seed}};
  const bool per_example = std::is_same_v<Losses, example_losses>;
  adaptation_result result = train(a, net, steps, [&](const dataset& batch, std::span<const Eigen::Index> examples) {
    constexpr bool knows_examples = requires { losses.passes(); };
    zolt::report made = opt.step([&](const zolt::probe_view& probes) -> const std::vector<double>& {
      if constexpr (knows_examples)
        return losses(net, probes, batch, examples);
      else
        return losses(net, probes, batch);
    });
    if (per_example) made.forwards = made.work = 2;  // a probe is one example of the batch
    if constexpr (knows_examples) made.forwards = made.work = losses.passes();
    return made;
  });
  result.purity = decltype(opt)::purity;
  result.optimizer_bytes = opt.state_bytes();
  if constexpr (requires { losses.bytes(); }) result.optimizer_bytes += losses.bytes();
  return result;
}

/// A method that sees the layers: the same forward, and what its outputs are to be.
template <class Weights, class Trained, class... Policies>
adaptation_result run_on_layers(const assignment& a, network<Weights>& net, const Trained& trained, double forwards_per_step,
                                const Policies&... policies) {
  const auto steps = static_cast<std::uint64_t>(std::max(1.0, static_cast<double>(a.forwards) / forwards_per_step));
  zolt::optimizer opt{trained(net), policies..., zolt::linear_decay{.steps = steps}, zolt::options{.run = a.seed}};
  activations memory;
  adaptation_result result = train(a, net, steps, [&](const dataset& batch, std::span<const Eigen::Index>) {
    return opt.step([&](const zolt::probe_view& probes) { return logits(net, probes, batch.images, memory); },
                    zolt::softmax_cross_entropy{batch.labels});
  });
  result.purity = decltype(opt)::purity;
  result.optimizer_bytes = opt.state_bytes();
  return result;
}

}  // namespace fashion_mnist
