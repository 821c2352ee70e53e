#include <fmt/format.h>

#include "adapted_network.hpp"
#include "bench.hpp"
#include "network_task.hpp"
#include "zolt/estimator/integer_cross_entropy.hpp"
#include "zolt/method/elastic_zo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/optimizer/elastic_optimizer.hpp"

namespace claims {
namespace {

using namespace zolt::method;

/// The body and the last layer of a network, each in its list.
template <class Weights, class List>
class split_network final : public adapted_network<Weights, List> {
 public:
  explicit split_network(unsigned seed) : adapted_network<Weights, List>(fashion_mnist::quantized<Weights>(images().network), seed) {
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      List& part = l + 1 < fashion_mnist::layers ? this->list_ : head_;
      const double unit = std::is_same_v<List, float_list> ? 1 : fashion_mnist::weight_kind<Weights>::unit(this->net_.weights[l]);
      part.add(fashion_mnist::weight_name(l), this->net_.weights[l], {.unit = unit});
      part.add("bias " + std::to_string(l), this->net_.biases[l], {.unit = unit});
    }
  }
  const List& head() const { return head_; }
  auto outputs(const zolt::probe_view& probes) { return logits(this->net_, probes, this->batch_.images, memory_); }
  std::span<const std::uint8_t> labels() const { return this->batch_.labels; }

 private:
  List head_;
  fashion_mnist::activations memory_;
};

/// As train(), with both parts of a step.
template <class Weights, class List, class Method>
outcome train_both(const Method& method, double forwards, unsigned seed) {
  split_network<Weights, List> model(seed);
  double used = 0, done = 0;
  zolt::elastic_optimizer training{model.parameters(), model.head(), method, falling_with_forwards{&done},
                                   zolt::options{.run = seed, .record = false}};
  const auto forward = [&](const zolt::probe_view& probes) { return model.outputs(probes); };
  const auto start = std::chrono::steady_clock::now();
  try {
    for (std::uint64_t step = 0; used < forwards; ++step) {
      model.begin(step);
      const zolt::softmax_cross_entropy criterion{model.labels()};
      zolt::elastic_report r;
      if constexpr (std::is_same_v<List, float_list>)
        r = training.step(forward, criterion);
      else
        r = training.step(forward, criterion, zolt::integer_cross_entropy{model.labels()});
      if (!std::isfinite(r.body.loss)) break;
      used += r.forwards();
      done = used / forwards;
    }
  } catch (const zolt::error&) {  // it diverged, as the score says
  }
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  const double validation = model.validation();
  return {model.score(), std::isfinite(validation) ? validation : std::numeric_limits<double>::infinity(), spent.count() / used};
}

/// The rate is that of the head, beside a body at a given one.
entrant elastic(double forwards, double body) {
  return {fmt::format("elastic_zo, body at {}", body), "float network", better::more, 0.03, [=](double rate, unsigned seed) {
            return train_both<fashion_mnist::float_weights, float_list>(elastic_zo{.rate = body, .head_rate = rate}, forwards, seed);
          }};
}
/// Rates of body and head in the proportion of the defaults.
entrant elastic_int8(double forwards) {
  return {"elastic_zo_int8", "INT8 network", better::more, 1, [=](double rate, unsigned seed) {
            return train_both<int8_weights, int8_list>(elastic_zo_int8{.rate = rate, .head_rate = rate / 2}, forwards, seed);
          }};
}

}  // namespace

std::vector<claim> elastic_claims() {
  const entrant mezo_net = enter("mezo", network_on_floats(budget::network), 3e-4, mezo{});
  const double forwards = budget::network;
  const auto at_body_of_mezo = [=](bench& b, unsigned seed) { return b.best(elastic(forwards, b.best_rate(mezo_net)), seed); };
  const auto beside = [](const outcome& m, const outcome& n) {
    return figures{m.score, n.score, m.milliseconds_per_forward, n.milliseconds_per_forward};
  };
  return {
      {.method = "elastic_zo",
       .says = "the last layer by its gradient, the others by perturbation: better than perturbation alone",
       .paper = "5.2 to 9.5 points more (MNIST, Fashion-MNIST, ModelNet40)",
       .metric = "accuracy of the float network after equal forwards, %; body at the best rate of mezo",
       .baseline = "mezo",
       .measure = [=](bench& b, unsigned seed) { return beside(at_body_of_mezo(b, seed), b.best(mezo_net, seed)); }},
      not_testable("elastic_zo", "hardly more memory", "0.072 to 1.7 % more than perturbation alone",
                   "the memory of a device; here the inputs of the last layer are kept, 32 KiB of a batch beside 436 KiB of weights"),
      {.method = "elastic_zo_int8",
       .says = "INT8 loses no accuracy",
       .paper = "none lost beside floats",
       .metric = "accuracy of the network after equal forwards, %: INT8, and floats",
       .baseline = "elastic_zo on floats",
       .holds_in = {.least = 0.97},
       .measure = [=](bench& b, unsigned seed) { return beside(b.best(elastic_int8(forwards), seed), at_body_of_mezo(b, seed)); }},
      not_testable("elastic_zo_int8", "less time and memory than on floats", "1.38 to 1.42 times less time, 1.46 to 1.60 times less memory",
                   "integer products on a device; forwards here multiply floats"),
  };
}

}  // namespace claims
