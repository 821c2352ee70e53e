#include <array>
#include <cmath>

#include "adapted_network.hpp"
#include "bench.hpp"
#include "network_task.hpp"
#include "zolt/method/fixed_point_zo.hpp"
#include "zolt/method/narrow_mezo.hpp"
#include "zolt/method/zo_sign_sgd.hpp"
#include "zolt/parameter/narrow.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy_bf16 = "accuracy of the bf16 network after equal forwards, %";

/// narrow_mezo rounded to nearest.
struct nearest_narrow_mezo {
  double rate = 1e-6;
  double radius = 1e-3;

  auto policies() const {
    return zolt::policies(zolt::two_point{.radius = radius}, zolt::sgd{.rate = rate}, zolt::gaussian{}, zolt::no_normalisation{},
                          zolt::no_clip{}, zolt::nearest{});
  }
};
/// fixed_point_zo rounded to nearest.
struct nearest_fixed_point_zo {
  double rate = 1e-4;
  double radius = 1e-3;

  auto policies() const {
    return zolt::policies(zolt::two_point{.radius = radius}, zolt::sgd{.rate = rate}, zolt::gaussian{}, zolt::sign_of_coefficient{},
                          zolt::no_clip{}, zolt::nearest{});
  }
};

/// The format of a tensor whose largest magnitude is known, and the bounds of its numbers.
struct bf16 {
  using format = zolt::bfloat16;
  format of(float) const { return {}; }
  zolt::parameter_options options(float) const { return {.unit = 1}; }
};
/// `bits` of fixed point, on the smallest power of two that no weight exceeds. Fewer than 16 are words whose upper bits stay the sign.
struct fixed_point {
  using format = zolt::fixed16;
  int bits = 16;
  static float range(float largest) { return std::exp2(std::ceil(std::log2(largest))); }
  float step(float largest) const { return std::ldexp(range(largest), 1 - bits); }
  format of(float largest) const { return {.scale = step(largest)}; }
  zolt::parameter_options options(float largest) const {
    return {.unit = 1, .lowest = -range(largest), .highest = range(largest) - step(largest)};
  }
};

template <class Kind>
using word_list = zolt::parameter_list<zolt::narrow_view<typename Kind::format>, zolt::dense_view>;

enum class scored { accuracy, fall_of_loss };

/// Weights in words of 16 bits, biases as floats.
template <class Kind>
class network_in_words final : public adapted_network<zolt::narrow_view<typename Kind::format>, word_list<Kind>> {
  using view = zolt::narrow_view<typename Kind::format>;
  using base = adapted_network<view, word_list<Kind>>;

 public:
  network_in_words(const Kind& kind, scored s, unsigned seed) : base({}, seed), scored_(s) {
    start_biases(this->net_);
    for (std::size_t l = 0; l < fashion_mnist::layers; ++l) {
      const fashion_mnist::matrix& w = images().network.weights[l];
      const zolt::tensor_view<const float> floats = fashion_mnist::view_of(w);
      const float largest = w.cwiseAbs().maxCoeff();
      words_[l].resize(floats.size());
      this->net_.weights[l] = view(zolt::tensor_view<std::uint16_t>(words_[l].data(), floats.shape()), kind.of(largest));
      this->net_.weights[l].encode(0, floats.flat());
      this->list_.add(fashion_mnist::weight_name(l), this->net_.weights[l], kind.options(largest));
      this->list_.add("bias " + std::to_string(l), this->net_.biases[l], {.unit = 1});
    }
    if (s == scored::fall_of_loss) first_loss_ = test_loss();
  }
  double score() const override { return scored_ == scored::accuracy ? base::score() : first_loss_ - test_loss(); }

 private:
  double test_loss() const { return fashion_mnist::batch_losses{}(this->net_, {}, images().data.test_turned).front(); }

  scored scored_;
  double first_loss_ = 0;
  std::array<std::vector<std::uint16_t>, fashion_mnist::layers> words_;
};

template <class Kind>
auto in_words(std::string name, double forwards, const Kind& kind, scored s = scored::accuracy) {
  return task_of<network_in_words<Kind>>(std::move(name), forwards, kind, s);
}

/// Both at one rate.
measurement scores_at_rate(double rate, entrant method, entrant baseline) {
  return [=](bench& b, unsigned seed) { return figures{b.at_rate(method, rate, seed).score, b.at_rate(baseline, rate, seed).score}; };
}

}  // namespace

std::vector<claim> word_claims() {
  const auto in_bf16 = in_words("bf16 network", budget::network, bf16{}),
             falling = in_words("bf16 network, loss", budget::network, bf16{}, scored::fall_of_loss);
  const auto in_16 = in_words("16-bit fixed-point network", budget::network, fixed_point{16}),
             in_8 = in_words("8-bit fixed-point network", budget::network, fixed_point{8});
  const entrant mezo_net = enter("mezo", network_on_floats(budget::network), 3e-4, mezo{});
  const entrant narrow = enter("narrow_mezo", in_bf16, 3e-4, narrow_mezo{});
  const entrant fixed_16 = enter("fixed_point_zo", in_16, 1e-3, fixed_point_zo{});
  constexpr double a_step = 0.01;  // and more, of 8 bits
  const entrant nearest_8 = enter("fixed_point_zo to nearest", in_8, 1e-3, nearest_fixed_point_zo{.radius = a_step});
  return {
      {.method = "narrow_mezo",
       .says = "MeZO trains on 16-bit floats",
       .paper = "MeZO's OPT runs hold weights in fp16",
       .metric = accuracy_bf16,
       .baseline = "mezo on floats",
       .holds_in = {.least = 0.97},
       .measure = scores_of(narrow, mezo_net)},
      {.method = "narrow_mezo",
       .says = "rounded to nearest, small updates are lost",
       .paper = "BSZO's authors: methods collapse or degrade in fp16 and bf16",
       .metric = "fall of the test loss of the bf16 network at the rate of the papers, 1e-6, nats",
       .baseline = "the same to nearest",
       .holds_in = {.least = 2},
       .measure = scores_at_rate(1e-6, enter("narrow_mezo", falling, 1e-6, narrow_mezo{}),
                                 enter("narrow_mezo to nearest", falling, 1e-6, nearest_narrow_mezo{}))},
      {.method = "narrow_mezo",
       .says = "rounding to nearest degrades training",
       .paper = "the same",
       .metric = accuracy_bf16,
       .baseline = "the same to nearest",
       .measure = scores_of(narrow, enter("narrow_mezo to nearest", in_bf16, 3e-4, nearest_narrow_mezo{}))},
      {.method = "fixed_point_zo",
       .says = "16-bit fixed point trains as floats do",
       .paper = "16-bit weights, 8-bit activations train; tables not to be had",
       .metric = "accuracy of the network after equal forwards, %: 16-bit fixed point, and floats",
       .baseline = "zo_scalar_sign_sgd on floats",
       .holds_in = {.least = 0.97},
       .measure = scores_of(fixed_16, enter("zo_scalar_sign_sgd", network_on_floats(budget::network), 1e-3, zo_scalar_sign_sgd{}))},
      {.method = "fixed_point_zo",
       .says = "8-bit weights do not do, 16 are needed",
       .paper = "8-bit weights did not converge",
       .metric = "accuracy of the network after equal forwards, %: 16 bits, and 8 of the same range rounded to nearest, radius 0.01",
       .baseline = "8 bits to nearest",
       .measure = scores_of(fixed_16, nearest_8)},
      {.method = "fixed_point_zo",
       .says = "stochastic rounding makes up for it (ours)",
       .paper = "none; a control of the line above",
       .metric = "accuracy of the 8-bit fixed-point network after equal forwards, %; radius 0.01",
       .baseline = "8 bits to nearest",
       .measure = scores_of(enter("fixed_point_zo", in_8, 1e-3, fixed_point_zo{.radius = a_step}), nearest_8)},
  };
}

}  // namespace claims
