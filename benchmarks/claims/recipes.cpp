#include "bench.hpp"
#include "controls.hpp"
#include "network_task.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/sparse_mezo.hpp"
#include "zolt/method/step_matched.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy_int4 = "accuracy of the INT4 network after equal forwards, %";

}  // namespace

std::vector<claim> recipe_claims() {
  const task<int4_list> int4 = network_on_int4(budget::network);
  const entrant mezo_net = enter("mezo", network_on_floats(budget::network), 3e-4, mezo{});
  const entrant matched = enter("step_matched", int4, 0.1, step_matched{});
  return {
      {.method = "step_matched",
       .says = "INT8 codes without state reach MeZO on floats (ours)",
       .paper = "72.1 % for 72.0 % after 20 000 forwards",
       .metric = "accuracy of the INT8 network after equal forwards, %; radius 4",
       .baseline = "mezo on floats",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("step_matched", network_on_int8(budget::network), 1, step_matched{.radius = 4}), mezo_net)},
      {.method = "step_matched",
       .says = "INT4 codes without state come near (ours)",
       .paper = "71.0 % for 72.0 % after 20 000 forwards",
       .metric = accuracy_int4,
       .baseline = "mezo on floats",
       .holds_in = {.least = 0.9},
       .measure = scores_of(matched, mezo_net)},
      {.method = "step_matched",
       .says = "a density that follows the step beats a fixed one (ours)",
       .paper = "65.1 % for 55.5 % after 5000 forwards",
       .metric = accuracy_int4,
       .baseline = "density 0.05",
       .measure = scores_of(matched, enter("density 0.05", int4, 0.1, fixed_density{}))},
      {.method = "step_matched_residual<4>",
       .says = "four bits of what was not written help (ours)",
       .paper = "67.0 % for 65.1 % after 5000 forwards",
       .metric = accuracy_int4,
       .baseline = "step_matched",
       .measure = scores_of(enter("step_matched_residual<4>", int4, 0.1, step_matched_residual<4>{.ratio = 2.5}), matched)},
      {.method = "sparse_mezo_codes",
       .says = "leaving large weights alone helps on codes too",
       .paper = "Sparse MeZO on floats: LLaMA-7B 80.3 for 76.6",
       .metric = accuracy_int4,
       .baseline = "step_matched",
       .measure = scores_of(enter("sparse_mezo_codes", int4, 0.1, sparse_mezo_codes{}), matched)},
  };
}

}  // namespace claims
