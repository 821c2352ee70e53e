#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fashion_mnist/adaptation_run.hpp"
#include "network_data.hpp"
#include "trainee.hpp"

namespace claims {

/// The biases of the network that was shipped.
template <class Weights>
void start_biases(fashion_mnist::network<Weights>& net) {
  for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
    const auto& biases = images().network.biases[l];
    net.biases[l].assign(biases.begin(), biases.end());
  }
}

/// The network on weights of any kind that `linear` reads, learning turned images. What derives from it fills the list.
template <class Weights, class List>
class adapted_network : public trainee<List> {
 public:
  const List& parameters() const override { return list_; }
  void begin(std::uint64_t step) override {
    examples_ = order_.at(step);
    slice_into(images().data.adaptation, examples_, batch_);
  }
  const std::vector<double>& losses(const zolt::probe_view& probes) override { return losses_(net_, probes, batch_); }
  double validation() const override { return fashion_mnist::batch_losses{}(net_, {}, images().data.validation).front(); }
  double score() const override { return accuracy(net_, images().data.test_turned); }

 protected:
  adapted_network(fashion_mnist::network<Weights> net, unsigned seed)
      : net_(std::move(net)),
        order_(images().data.adaptation.size(), fashion_mnist::batch_size, seed,
               fashion_mnist::counter_random::purpose::adaptation_batches) {}

  fashion_mnist::network<Weights> net_;
  List list_;
  fashion_mnist::batch_order order_;
  std::span<const Eigen::Index> examples_;
  fashion_mnist::dataset batch_;

 private:
  fashion_mnist::batch_losses losses_;
};

/// A task whose model is a Trainee made of the arguments and the seed.
template <class Trainee, class... Arguments>
auto task_of(std::string name, double forwards, const Arguments&... arguments) {
  using list = std::remove_cvref_t<decltype(std::declval<Trainee&>().parameters())>;
  return task<list>{std::move(name), better::more, forwards,
                    [=](unsigned seed) -> std::unique_ptr<trainee<list>> { return std::make_unique<Trainee>(arguments..., seed); }};
}

}  // namespace claims
