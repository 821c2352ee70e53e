#include <memory>

#include "adapted_network.hpp"
#include "bench.hpp"
#include "fashion_mnist/backpropagation.hpp"
#include "network_task.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/senszoq.hpp"
#include "zolt/quantize/method/sensitive_overlay.hpp"

namespace claims {
namespace {

using namespace zolt::method;

using overlay = zolt::sensitive_overlay<int4_weights>;
using index_lists = std::array<std::vector<std::uint32_t>, fashion_mnist::layers>;

/// An overlay with the codes that it lies on.
struct layer_with_overlay {
  std::unique_ptr<const int4_weights> codes;
  std::unique_ptr<overlay> weights;

  zolt::shape shape() const { return weights->shape(); }
  template <class Probes>
  void read(const Probes& probes, std::size_t first, std::span<float> out) const {
    weights->read(probes, first, out);
  }
};

enum class chosen { sensitive, at_random };

/// Σ (∂L/∂w)² over the first batches, of all layers in a row.
std::vector<float> squared_gradients(unsigned seed) {
  constexpr std::uint64_t calibration_batches = 8;
  const fashion_mnist::dataset& all = images().data.adaptation;
  fashion_mnist::batch_order order(all.size(), fashion_mnist::batch_size, seed, fashion_mnist::counter_random::purpose::adaptation_batches);
  fashion_mnist::backpropagation gradients;
  fashion_mnist::dataset batch;
  std::vector<float> scores;
  for (std::uint64_t b = 0; b < calibration_batches; ++b) {
    slice_into(all, order.at(b), batch);
    gradients.run(images().network, batch);
    std::size_t i = 0;
    for (const fashion_mnist::matrix& g : gradients.gradient().weights) {
      scores.resize(std::max(scores.size(), i + static_cast<std::size_t>(g.size())));
      for (Eigen::Index j = 0; j < g.size(); ++j) scores[i++] += g.data()[j] * g.data()[j];
    }
  }
  return scores;
}
std::vector<float> random_scores(std::size_t count, unsigned seed) {
  const fashion_mnist::counter_random random{seed, fashion_mnist::counter_random::purpose::initial_weights};
  std::vector<float> scores;
  for (std::size_t i = 0; i < count; ++i) scores.push_back(static_cast<float>(random.symmetric(i)));
  return scores;
}

/// So many of all weights, by layer.
index_lists indices_of(chosen how, double fraction, unsigned seed) {
  std::vector<float> scores = squared_gradients(seed);
  if (how == chosen::at_random) scores = random_scores(scores.size(), seed);
  index_lists lists;
  std::size_t layer = 0, first = 0;
  for (const std::uint32_t i : zolt::most_sensitive(scores, fraction)) {
    while (i >= first + static_cast<std::size_t>(images().network.weights[layer].size()))
      first += static_cast<std::size_t>(images().network.weights[layer++].size());
    lists[layer].push_back(static_cast<std::uint32_t>(i - first));
  }
  return lists;
}

/// INT4 codes and biases stay as they are, some weights are floats and learn.
class network_with_overlay final : public adapted_network<layer_with_overlay, float_list> {
 public:
  network_with_overlay(chosen how, double fraction, unsigned seed) : adapted_network({}, seed) {
    start_biases(net_);
    index_lists indices = indices_of(how, fraction, seed);
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      const std::string name = fashion_mnist::weight_name(l);
      const fashion_mnist::matrix& floats = images().network.weights[l];
      auto codes = std::make_unique<const int4_weights>(fashion_mnist::weight_kind<int4_weights>::of(floats, name));
      auto weights = std::make_unique<overlay>(name, *codes, fashion_mnist::view_of(floats), std::move(indices[l]));
      if (!weights->values().empty()) list_.add(name, weights->values(), {.unit = 1});
      net_.weights[l] = {std::move(codes), std::move(weights)};
    }
  }
};

auto overlaid(std::string name, double forwards, chosen how, double fraction) {
  return task_of<network_with_overlay>(std::move(name), forwards, how, fraction);
}

}  // namespace

std::vector<claim> sensitive_claims() {
  const auto sensitive = overlaid("1 % of an INT4 network", budget::network, chosen::sensitive, 0.01),
             thousandth = overlaid("0.1 % of an INT4 network", budget::network, chosen::sensitive, 0.001),
             random = overlaid("1 % of an INT4 network at random", budget::network, chosen::at_random, 0.01);
  const entrant mezo_net = enter("mezo", network_on_floats(budget::network), 3e-4, mezo{});
  const entrant one_percent = enter("senszoq", sensitive, 1e-2, senszoq{});
  return {
      {.method = "senszoq",
       .says = "sensitive weights learn more than as many others",
       .paper = "the diagonal of the Fisher information beside random and other masks; tables not to be had",
       .metric = "accuracy of the INT4 network after equal forwards, %; 1 % of the weights are floats and learn",
       .baseline = "1 % at random",
       .measure = scores_of(one_percent, enter("senszoq", random, 1e-2, senszoq{}))},
      {.method = "senszoq",
       .says = "few sensitive weights beside frozen 4-bit codes learn as much as all weights do",
       .paper = "0.1 % of Llama2-7B outperforms all of them; tables not to be had",
       .metric = "the same",
       .baseline = "mezo on floats",
       .measure = scores_of(one_percent, mezo_net)},
      {.method = "senszoq",
       .says = "a thousandth suffices",
       .paper = "the same",
       .metric = "the same with 0.1 %, 109 weights",
       .baseline = "mezo on floats",
       .measure = scores_of(enter("senszoq", thousandth, 1e-1, senszoq{}), mezo_net)},
  };
}

}  // namespace claims
