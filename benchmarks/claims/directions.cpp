#include "bench.hpp"
#include "estimates.hpp"
#include "network_task.hpp"
#include "objective.hpp"
#include "zolt/method/lozo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/pezo.hpp"
#include "zolt/method/quzo.hpp"
#include "zolt/method/sparse_mezo.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy = "accuracy of the float network after equal forwards, %";

/// |⟨E ĝ, ∇⟩/|∇|² − 1| of QuZO on a straight line.
double bias(zolt::roundings times, int bits, unsigned seed) {
  const objective f = odd_power(3, 0);
  const quzo m{.radius = 1, .perturbation_bits = bits, .times = times};
  const std::vector<float> at(f.dimension);
  return std::fabs(projection(estimates_of(m, f, at, budget::draws, seed), f.gradient(at)) - 1);
}

}  // namespace

std::vector<claim> direction_claims() {
  const task<float_list> net = network_on_floats(budget::network);
  const entrant mezo_net = enter("mezo", net, 3e-4, mezo{}), sparse_net = enter("sparse_mezo", net, 1e-3, sparse_mezo{});
  return {
      {.method = "lozo<2>",
       .says = "low-rank directions train better than full ones",
       .paper = "Llama-3-8B, re-run by others: BoolQ 79.4 for 76.7, SQuAD 89.0 for 86.7, RTE 72.1 for 74.4",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("lozo<2>", net, 3e-4, lozo<2>{}), mezo_net)},
      {.method = "sparse_mezo",
       .says = "better than MeZO by leaving large weights alone",
       .paper = "LLaMA-7B: RTE 80.7 for 71.7; average of six 80.3 for 76.6",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(sparse_net, mezo_net)},
      {.method = "sparse_mezo",
       .says = "the same with the mask of the start, which weights cannot leave by moving",
       .paper = "the same; there the threshold is kept and the mask is not",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("sparse_mezo, first mask", net, 1e-3, sparse_mezo{.interval = 1u << 31}), mezo_net)},
      {.method = "sparse_mezo",
       .says = "a larger rate is stable",
       .paper = "MeZO diverges from 1e-6 to 2e-6 on LLaMA-7B",
       .metric = "best rate of the float network",
       .baseline = "mezo",
       .holds_in = {.least = 1.5},
       .measure = rates_of(sparse_net, mezo_net)},
      {.method = "pezo",
       .says = "a pool of numbers trains as well as fresh Gaussian ones",
       .paper = "no loss of quality",
       .metric = accuracy,
       .baseline = "mezo",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("pezo", net, 3e-4, pezo{}), mezo_net)},
      not_testable("pezo", "less hardware for random numbers", "LUT −48.6 %, FF −12.7 %, power up to −86 % on an FPGA",
                   "no FPGA; of 109 386 numbers per direction the pool keeps 4093"),
      {.method = "quzo",
       .says = "two roundings are unbiased where one is not",
       .paper = "Q-RGE2 beside Q-RGE1",
       .metric = "bias of the mean estimate along the gradient of a straight line, 2 bits",
       .baseline = "one rounding",
       .is = better::less,
       .holds_in = {.least = 2},
       .measure =
           [](bench&, unsigned seed) {
             return figures{bias(zolt::roundings::two, 2, seed), bias(zolt::roundings::one, 2, seed)};
           }},
      {.method = "quzo",
       .says = "4-bit directions train as well as full ones",
       .paper = "Llama-3-8B, re-run by others, INT8: BoolQ 76.8 for 76.7, RTE 75.2 for 74.4, SQuAD 80.6 for 86.7",
       .metric = accuracy,
       .baseline = "mezo",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("quzo", net, 3e-4, quzo{}), mezo_net)},
      not_testable("quzo", "less memory than quantized first-order training", "LLaMA2-7B: 2.94 to 5.47 times less",
                   "needs the activations of a language model; what can be counted is the state, 0 bytes per weight"),
  };
}

}  // namespace claims
