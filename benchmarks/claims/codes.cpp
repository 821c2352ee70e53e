#include "bench.hpp"
#include "estimates.hpp"
#include "network_task.hpp"
#include "objective.hpp"
#include "zolt/method/caq_zo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/qes.hpp"
#include "zolt/method/quzo.hpp"
#include "zolt/method/zoqo.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy_int4 = "accuracy of the INT4 network after equal forwards, %";

/// What rounding the ends of probes to the nearest code adds to the estimates of a quadratic, in parts of its gradient.
template <class Method>
double rounding_residual(const Method& m, unsigned seed) {
  const objective f = quadratic({.dimension = 64, .condition = 1});
  std::vector<float> at(f.dimension);
  for (std::size_t j = 0; j < at.size(); ++j) at[j] = static_cast<float>(j % 5) - 2;
  constexpr std::size_t draws = budget::draws / 16;  // two sets of them are compared
  return distance(estimates_of(m, f, at, draws, seed), estimates_of(m, rounded(f), at, draws, seed), f.gradient(at));
}

}  // namespace

std::vector<claim> code_claims() {
  const task<int4_list> int4 = network_on_int4(budget::network);
  const entrant two = enter("quzo_codes", int4, 0.3, quzo_codes{.deviation = 0.5});
  const qes replayed{.deviation = 0.05, .population = 8, .window = 20};
  const entrant qes_int4 = enter("qes", int4, 0.1, replayed);
  const entrant kept = enter("qes_residual<16>", int4, 0.1, qes_residual<16>{.deviation = 0.05, .population = 8});
  return {
      {.method = "quzo_codes",
       .says = "two independent roundings train better than one",
       .paper = "Q-RGE2 beside Q-RGE1",
       .metric = "accuracy of the INT4 network after equal forwards, %; deviation 0.5 codes, one rounding divided by κ",
       .baseline = "one rounding",
       .measure = scores_of(two, enter("one rounding", int4, 0.3, quzo_codes{.deviation = 0.5, .times = zolt::roundings::one_corrected}))},
      not_testable("quzo_codes", "better than first order in INT8 and INT4", "language models; tables not to be had",
                   "a comparison with backpropagation is that of examples/fashion_mnist: 82 % of straight-through beside 23 %"),
      {.method = "caq_zo",
       .says = "probes that end on the grid have no rounding residual",
       .paper = "residual Δ²/μ² of the others",
       .metric = "what rounding both ends to the nearest code adds to the estimate, in parts of the gradient; 64 codes, radius 1",
       .baseline = "mezo through rounding",
       .is = better::less,
       .measure =
           [](bench&, unsigned seed) {
             return figures{rounding_residual(caq_zo{}, seed), rounding_residual(mezo{.radius = 1}, seed)};
           }},
      {.method = "caq_zo",
       .says = "off the grid the residual falls as Δ²/μ²",
       .paper = "Δ²/μ²",
       .metric = "the square of the same at radius 1 and at radius 2: 4 times less",
       .baseline = "radius 2",
       .holds_in = {3, 5.3},
       .measure =
           [](bench&, unsigned seed) {
             const double one = rounding_residual(mezo{.radius = 1}, seed), half = rounding_residual(mezo{.radius = 2}, seed);
             return figures{one * one, half * half};
           }},
      {.method = "caq_zo",
       .says = "trains codes better than rounded Gaussian probes",
       .paper = "NF4: SST-2 76.5, RTE 61.5, BoolQ 67.2",
       .metric = accuracy_int4,
       .baseline = "quzo_codes",
       .measure = scores_of(enter("caq_zo", int4, 0.1, caq_zo{}), two)},
      {.method = "qes",
       .says = "error feedback trains INT4 where QuZO does not",
       .paper = "Countdown, Qwen2.5-1.5B INT4: 18.0 for 5.25; 3B: 31.9 for 25.7",
       .metric = "accuracy of the INT4 network after equal forwards, %; population 8, window 20, deviation 0.05",
       .baseline = "quzo_codes",
       .measure = scores_of(qes_int4, two)},
      {.method = "qes",
       .says = "the replayed residual is nearly as good as the kept one, without its memory",
       .paper = "1.5B: 16.0 with K = 50 for 18.0 (ratio 0.89)",
       .metric = "the same",
       .baseline = "qes_residual<16>",
       .holds_in = {.least = 0.89},
       .measure = scores_of(qes_int4, kept)},
      {.method = "qes_residual<16>",
       .says = "error feedback trains INT4 where stochastic rounding does not",
       .paper = "as qes",
       .metric = "the same; 16-bit residual",
       .baseline = "quzo_codes",
       .measure = scores_of(kept, two)},
      {.method = "zoqo<1>",
       .says = "integers alone come near training on floats",
       .paper = "ICASSP 2025; figures not to be had",
       .metric = "accuracy of the INT8 network after equal forwards, %; 8 queries",
       .baseline = "mezo on floats",
       .holds_in = {.least = 0.9},
       .measure = scores_of(enter("zoqo<1>", network_on_int8(budget::network), 1, zoqo<1>{.queries = 8}),
                            enter("mezo", network_on_floats(budget::network), 3e-4, mezo{}))},
  };
}

}  // namespace claims
