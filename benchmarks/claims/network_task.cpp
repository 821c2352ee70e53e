#include "network_task.hpp"

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "fashion_mnist/adaptation_run.hpp"
#include "fashion_mnist/float_training.hpp"
#include "fashion_mnist/splits.hpp"

namespace claims {
namespace {

using fashion_mnist::batch_losses, fashion_mnist::dataset, fashion_mnist::example_losses, fashion_mnist::float_weights;

constexpr double degrees = 45;

struct prepared {
  fashion_mnist::float_network network;
  fashion_mnist::experiment_data data;
};
std::unique_ptr<const prepared>& shared() {
  static std::unique_ptr<const prepared> all;
  return all;
}
const prepared& images() {
  if (!shared()) throw std::runtime_error("prepare_networks must be called before a network is trained");
  return *shared();
}

/// Which tensors of a network are trained, and their units.
template <class Weights>
struct all_of {
  using list = std::conditional_t<std::is_same_v<Weights, float_weights>, float_list, coded_list<Weights>>;
  void operator()(fashion_mnist::network<Weights>& net, list& to) const {
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      const bool dense = std::is_same_v<Weights, float_weights>;
      const double unit = dense ? 1 : fashion_mnist::weight_kind<Weights>::unit(net.weights[l]);
      to.add(fashion_mnist::weight_name(l), net.weights[l], {.unit = unit});
      to.add("bias " + std::to_string(l), net.biases[l], {.unit = unit});
    }
  }
};
struct scales_of {
  using list = float_list;
  scale_unit unit;
  void operator()(fashion_mnist::network<int4_weights>& net, list& to) const {
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      const bool relative = unit == scale_unit::relative;
      const double code = fashion_mnist::weight_kind<int4_weights>::unit(net.weights[l]);
      if (relative)
        to.add("scales " + std::to_string(l), net.weights[l].scales(), {.relative = true});
      else
        to.add("scales " + std::to_string(l), net.weights[l].scales(), {.unit = 1, .lowest = 0});
      to.add("bias " + std::to_string(l), net.biases[l], {.unit = relative ? code : 1});
    }
  }
};

template <class Weights, class Losses, class Trained>
class network_trainee final : public trainee<typename Trained::list> {
 public:
  network_trainee(const Trained& trained, unsigned seed)
      : net_(fashion_mnist::quantized<Weights>(images().network)),
        order_(images().data.adaptation.size(), fashion_mnist::batch_size, seed,
               fashion_mnist::counter_random::purpose::adaptation_batches) {
    trained(net_, list_);
  }
  const typename Trained::list& parameters() const override { return list_; }
  void begin(std::uint64_t step) override { slice_into(images().data.adaptation, order_.at(step), batch_); }
  const std::vector<double>& losses(const zolt::probe_view& probes) override { return losses_(net_, probes, batch_); }
  double passes(std::size_t probes) const override { return std::is_same_v<Losses, example_losses> ? 2 : static_cast<double>(probes); }
  double validation() const override { return batch_losses{}(net_, {}, images().data.validation).front(); }
  double score() const override { return accuracy(net_, images().data.test_turned); }

 private:
  fashion_mnist::network<Weights> net_;
  fashion_mnist::batch_order order_;
  dataset batch_;
  Losses losses_;
  typename Trained::list list_;
};

template <class Weights, class Losses, class Trained = all_of<Weights>>
task<typename Trained::list> network_task(std::string name, double forwards, Trained trained = {}) {
  using list = typename Trained::list;
  return {std::move(name), better::more, forwards, [trained](unsigned seed) -> std::unique_ptr<trainee<list>> {
            return std::make_unique<network_trainee<Weights, Losses, Trained>>(trained, seed);
          }};
}

}  // namespace

task<float_list> network_on_floats(double forwards, losses l) {
  if (l == losses::of_examples) return network_task<float_weights, example_losses>("float network, per example", forwards);
  return network_task<float_weights, batch_losses>("float network", forwards);
}
task<int8_list> network_on_int8(double forwards) { return network_task<int8_weights, batch_losses>("INT8 network", forwards); }
task<int4_list> network_on_int4(double forwards, losses l) {
  if (l == losses::of_examples) return network_task<int4_weights, example_losses>("INT4 network, per example", forwards);
  return network_task<int4_weights, batch_losses>("INT4 network", forwards);
}
task<float_list> network_scales(double forwards, scale_unit u) {
  const std::string name = u == scale_unit::relative ? "scales of an INT4 network" : "scales of an INT4 network, unit 1";
  return network_task<int4_weights, batch_losses, scales_of>(name, forwards, {u});
}

void prepare_networks(const std::filesystem::path& folder, const std::filesystem::path& cache) {
  const auto shipped = fashion_mnist::load_or_train(cache, folder, 1, {});
  shared() = std::make_unique<const prepared>(prepared{shipped.network, fashion_mnist::load_experiment(folder, degrees)});
}

}  // namespace claims
