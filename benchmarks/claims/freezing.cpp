#include "adapted_network.hpp"
#include "bench.hpp"
#include "fashion_mnist/cached_losses.hpp"
#include "network_task.hpp"
#include "zolt/method/layer_freezing.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/step_matched.hpp"

namespace claims {
namespace {

using namespace zolt::method;

template <class Weights>
using list_of = std::conditional_t<std::is_same_v<Weights, fashion_mnist::float_weights>, float_list, coded_list<Weights>>;

enum class scored { accuracy, products };

/// What frozen layers make of an example is computed once and kept in 8 bits.
template <class Weights>
class caching_network final : public adapted_network<Weights, list_of<Weights>> {
 public:
  caching_network(scored s, unsigned seed)
      : adapted_network<Weights, list_of<Weights>>(fashion_mnist::quantized<Weights>(images().network), seed), scored_(s) {
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      const double unit =
          std::is_same_v<Weights, fashion_mnist::float_weights> ? 1 : fashion_mnist::weight_kind<Weights>::unit(this->net_.weights[l]);
      this->list_.add(fashion_mnist::weight_name(l), this->net_.weights[l], {.unit = unit});
      this->list_.add("bias " + std::to_string(l), this->net_.biases[l], {.unit = unit});
    }
  }
  const std::vector<double>& losses(const zolt::probe_view& probes) override {
    const std::vector<double>& all = losses_(this->net_, probes, this->batch_, this->examples_);
    products_ += losses_.passes();
    return all;
  }
  double score() const override { return scored_ == scored::products ? products_ : adapted_network<Weights, list_of<Weights>>::score(); }

 private:
  scored scored_;
  fashion_mnist::cached_losses losses_{images().data.adaptation.size(), 8};
  double products_ = 0;
};

template <class Weights>
auto caching(std::string name, double forwards, scored s = scored::accuracy) {
  return task_of<caching_network<Weights>>(std::move(name), forwards, s);
}

/// Products do not depend on the rate.
measurement products_of(entrant method, entrant baseline) {
  return [=](bench& b, unsigned seed) {
    return figures{b.at_rate(method, method.first_rate, seed).score, b.at_rate(baseline, baseline.first_rate, seed).score};
  };
}

}  // namespace

std::vector<claim> freezing_claims() {
  const auto half = static_cast<std::uint32_t>(budget::network / 4);  // of the steps, which take two forwards
  const layer_freezing on_codes{.first_step = half, .per_layer = 2};
  const auto counted = caching<int4_weights>("INT4 network, products", budget::network, scored::products);
  return {
      {.method = "layer_freezing",
       .says = "freezing the first layer costs no accuracy",
       .paper = "first order: 0.1 to 0.3 points lost (from a summary)",
       .metric = "accuracy of the INT4 network after equal steps, %; frozen from half of them on, features kept in 8 bits",
       .baseline = "step_matched",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("layer_freezing", caching<int4_weights>("INT4 network, caching", budget::network), 0.1, on_codes),
                            enter("step_matched", network_on_int4(budget::network), 0.1, step_matched{}))},
      {.method = "layer_freezing",
       .says = "fewer products",
       .paper = "first order: 32 to 47 % fewer (from a summary)",
       .metric = "products of the same training, in forward passes",
       .baseline = "step_matched",
       .is = better::less,
       .holds_in = {.least = 1.47},
       .measure = products_of(enter("layer_freezing", counted, 0.1, on_codes), enter("step_matched", counted, 0.1, step_matched{}))},
      {.method = "layer_freezing_floats",
       .says = "freezing the first layer costs no accuracy",
       .paper = "first order: 0.1 to 0.3 points lost (from a summary)",
       .metric = "accuracy of the float network after equal steps, %; frozen from half of them on, features kept in 8 bits",
       .baseline = "mezo",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("layer_freezing_floats", caching<fashion_mnist::float_weights>("float network, caching", budget::network),
                                  3e-4, layer_freezing_floats{.first_step = half, .per_layer = 2}),
                            enter("mezo", network_on_floats(budget::network), 3e-4, mezo{}))},
      not_testable("layer_freezing", "less memory", "first order: 58 to 73 % less (from a summary)",
                   "activations of a backward pass; here no pass keeps any, and the cache is memory that comes on top"),
  };
}

}  // namespace claims
