#include "adapted_network.hpp"
#include "bench.hpp"
#include "network_task.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/zeroqat.hpp"
#include "zolt/quantize/method/learnable_clip.hpp"

namespace claims {
namespace {

using namespace zolt::method;

using groups = zolt::per_group<32, zolt::last_group::shorter>;

/// Floats that are seen through a quantizer.
template <int Bits>
struct quantized_layer {
  zolt::tensor<float> floats;
  zolt::learnable_clip<Bits, groups> clip;

  quantized_layer(const std::string& name, zolt::tensor<float> w, double logit) : floats(std::move(w)), clip(name, view(), logit) {}
  quantized_layer(quantized_layer&&) = default;  // the floats stay where they are

  zolt::shape shape() const { return clip.shape(); }
  template <class Probes>
  void read(const Probes& probes, std::size_t first, std::span<float> out) const {
    clip.read(probes, first, out);
  }

 private:
  zolt::tensor_view<const float> view() const { return floats.view(); }
};

constexpr double all_of_the_range = 30, nearly_all = 4;  // logits

template <int Bits>
quantized_layer<Bits> layer_of(const zolt::tensor<float>& w, std::size_t l, double logit) {
  return {fashion_mnist::weight_name(l), w, logit};
}
template <int Bits>
fashion_mnist::network<quantized_layer<Bits>> behind_quantizers(const fashion_mnist::network<fashion_mnist::float_weights>& net,
                                                                double logit) {
  const auto& w = net.weights;
  return {{layer_of<Bits>(w[0], 0, logit), layer_of<Bits>(w[1], 1, logit), layer_of<Bits>(w[2], 2, logit)}, net.biases};
}
auto shipped_floats() { return fashion_mnist::quantized<fashion_mnist::float_weights>(images().network); }

/// Trained as it is seen by the quantizer, whose clips learn too.
template <int Bits>
class trained_through final : public adapted_network<quantized_layer<Bits>, float_list> {
 public:
  explicit trained_through(unsigned seed)
      : adapted_network<quantized_layer<Bits>, float_list>(behind_quantizers<Bits>(shipped_floats(), nearly_all), seed) {
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      const std::string name = fashion_mnist::weight_name(l);
      quantized_layer<Bits>& layer = this->net_.weights[l];
      this->list_.add(name, layer.floats, {.unit = 1});
      this->list_.add(name + " high", layer.clip.high(), {.unit = logit});
      this->list_.add(name + " low", layer.clip.low(), {.unit = logit});
      this->list_.add("bias " + std::to_string(l), this->net_.biases[l], {.unit = 1});
    }
  }
  /// A step sees the ranges of the weights as the one before left them.
  void begin(std::uint64_t step) override {
    adapted_network<quantized_layer<Bits>, float_list>::begin(step);
    for (quantized_layer<Bits>& layer : this->net_.weights) layer.clip.measure();
  }

 private:
  static constexpr double logit = 1;
};

/// Trained on floats, and rounded to nearest when it is done.
template <int Bits>
class rounded_afterwards final : public adapted_network<fashion_mnist::float_weights, float_list> {
 public:
  explicit rounded_afterwards(unsigned seed) : adapted_network(shipped_floats(), seed) {
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      list_.add(fashion_mnist::weight_name(l), net_.weights[l], {.unit = 1});
      list_.add("bias " + std::to_string(l), net_.biases[l], {.unit = 1});
    }
  }
  double validation() const override {
    return fashion_mnist::batch_losses{}(behind_quantizers<Bits>(net_, all_of_the_range), {}, images().data.validation).front();
  }
  double score() const override { return accuracy(behind_quantizers<Bits>(net_, all_of_the_range), images().data.test_turned); }
};

/// A probe is to move weights by about a step of the quantizer: with a shorter one, few of them cross a rounding.
template <int Bits>
measurement through_beside_afterwards(double forwards, double radius) {
  const std::string bits = std::to_string(Bits) + " bits";
  return scores_of(enter("zeroqat", task_of<trained_through<Bits>>(bits, forwards), 3e-4, zeroqat{.radius = radius}),
                   enter("mezo", task_of<rounded_afterwards<Bits>>(bits + " afterwards", forwards), 3e-4, mezo{}));
}

}  // namespace

std::vector<claim> quantizer_claims() {
  constexpr const char* rounded = "mezo on floats, rounded to nearest afterwards";
  return {
      {.method = "zeroqat",
       .says = "training through a 2-bit quantizer beats rounding what was trained",
       .paper = "Llama2-7B W2A16: perplexity 29.6 for 37.4 (OmniQuant) and 100 (SmoothQuant)",
       .metric = "accuracy of the 2-bit network after equal forwards, %; groups of 32, clips trained, radius 0.1",
       .baseline = rounded,
       .measure = through_beside_afterwards<2>(budget::network, 0.1)},
      {.method = "zeroqat",
       .says = "the same in 3 bits",
       .paper = "the same; W4A4 12.95 for 14.3 (OmniQuant)",
       .metric = "accuracy of the 3-bit network after equal forwards, %; radius 0.03",
       .baseline = rounded,
       .measure = through_beside_afterwards<3>(budget::network, 0.03)},
      not_testable("zeroqat", "less memory than first-order training through a quantizer",
                   "OPT-1.3B 3.1 GB for 28.8 (LLM-QAT); 6.4 GB for OPT-6.7B on a phone", "the activations of a language model"),
  };
}

}  // namespace claims
