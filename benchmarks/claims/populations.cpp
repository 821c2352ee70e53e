#include "bench.hpp"
#include "controls.hpp"
#include "network_task.hpp"
#include "zolt/method/eggroll.hpp"
#include "zolt/method/grzo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/step_matched.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy = "accuracy of the float network after equal forwards, %";
constexpr const char* accuracy_int4 = "accuracy of the INT4 network after equal forwards, %";

}  // namespace

std::vector<claim> population_claims() {
  const auto examples = static_cast<std::uint32_t>(128);
  const task<float_list> net = network_on_floats(budget::network);
  const task<int4_list> int4 = network_on_int4(budget::network), int4_per_example = network_on_int4(budget::network, losses::of_examples);
  const entrant eggroll_net = enter("eggroll<1>", net, 3e-3, eggroll<1>{.radius = 1e-3, .population = 8});
  const entrant per_example = enter("per_example_step_matched", int4_per_example, 0.1, per_example_step_matched{.examples = examples});
  return {
      {.method = "eggroll<1>",
       .says = "directions of rank 1 train as well as full ones",
       .paper = "comparable to full rank; GRPO matched",
       .metric = "accuracy of the float network after equal forwards, %; population 8",
       .baseline = "full-rank strategies",
       .holds_in = {.least = 0.97},
       .measure = scores_of(eggroll_net, enter("full-rank strategies", net, 3e-3, full_rank_strategies{}))},
      not_testable("eggroll<1>", "about 100 times faster than naive strategies",
                   "billions of weights, GPUs, 91 % of the speed of inference",
                   "needs a model that fills a GPU; its products are those of linear(), see benchmarks/targets.tsv"),
      {.method = "integer_eggroll<1>",
       .says = "integers alone, no float per weight, train",
       .paper = "an INT8 recurrent language model from scratch",
       .metric = "accuracy of the INT4 network after equal forwards, %; population 16",
       .baseline = "eggroll<1> on floats",
       .holds_in = {.least = 0.9},
       .measure = scores_of(enter("integer_eggroll<1>", int4, 0.03, integer_eggroll<1>{.population = 16}), eggroll_net)},
      {.method = "grzo",
       .says = "a direction per example beats one per batch at equal forwards",
       .paper = "Llama-3-8B: RTE 81.6 for 74.4, BoolQ 81.4 for 76.7",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("grzo", network_on_floats(budget::network, losses::of_examples), 1e-2, grzo{.examples = examples}),
                            enter("mezo", net, 3e-4, mezo{}))},
      not_testable("grzo", "less memory than MeZO", "16.0 for 20.8 GB, 4 A100", "the activations of a language model on GPUs"),
      {.method = "per_example_step_matched",
       .says = "a direction per example beats one per batch on codes (ours)",
       .paper = "59 % for 38 % after 500 forwards",
       .metric = accuracy_int4,
       .baseline = "step_matched",
       .measure = scores_of(per_example, enter("step_matched", int4, 0.1, step_matched{}))},
      {.method = "per_example_residual<4>",
       .says = "four bits of what was not written help (ours)",
       .paper = "69.7 % for 63.0 % after 5000 forwards",
       .metric = accuracy_int4,
       .baseline = "per_example_step_matched",
       .measure =
           scores_of(enter("per_example_residual<4>", int4_per_example, 0.1, per_example_residual<4>{.examples = examples}), per_example)},
  };
}

}  // namespace claims
