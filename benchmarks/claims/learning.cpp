#include <fmt/format.h>

#include <cmath>

#include "bench.hpp"
#include "controls.hpp"
#include "network_task.hpp"
#include "objective.hpp"
#include "zolt/method/bszo.hpp"
#include "zolt/method/conmezo.hpp"
#include "zolt/method/hizoo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/subzero.hpp"
#include "zolt/method/tezo.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy = "accuracy of the float network after equal forwards, %";
constexpr const char* loss_left = "loss left on the diagonal quadratic after equal forwards";

/// Prior and noise as the paper has them for the network's 109 386 weights.
bszo filtered() {
  const double deviation = std::sqrt(0.109386);
  return {.radius = 1e-3, .prior = deviation, .noise = deviation};
}

}  // namespace

std::vector<claim> learning_claims() {
  const task<float_list> net = network_on_floats(budget::network);
  task<float_list> half = network_on_floats(budget::network / 2);
  half.name += ", a half";
  const task<float_list> diagonal = descent("diagonal quadratic", quadratic({}), budget::descent);
  const task<float_list> mixed = descent("mixed quadratic", quadratic({.mixed = true}), budget::descent);
  const entrant mezo_net = enter("mezo", net, 3e-4, mezo{}), mezo_diagonal = enter("mezo", diagonal, 3e-3, mezo{});
  const auto learns = [](const task<float_list>& what, double first_rate) {
    std::vector<entrant> all;
    for (const double a : {1e-3, 1e-5, 1e-7})
      all.push_back(enter(fmt::format("hizoo, a = {}", a), what, first_rate, hizoo{.smoothing = a}));
    return all;
  };
  const entrant filtered_net = enter("bszo", net, 3e-4, filtered());
  return {
      {.method = "hizoo",
       .says = "curvature per weight speeds up MeZO where curvatures differ",
       .paper = "OPT-13B: RTE 69.3 for 66.1, SST-2 92.1 for 91.4, DROP 25.0 for 30.9",
       .metric = loss_left,
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_of_best(learns(diagonal, 3e-3), mezo_diagonal)},
      {.method = "hizoo",
       .says = "the same where no weight has a curvature of its own",
       .paper = "a control of the line above",
       .metric = "loss left on the mixed quadratic after equal forwards",
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_of_best(learns(mixed, 3e-3), enter("mezo", mixed, 3e-3, mezo{}))},
      {.method = "hizoo",
       .says = "better than MeZO at fine-tuning",
       .paper = "the same",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of_best(learns(net, 3e-4), mezo_net)},
      {.method = "conmezo",
       .says = "better than MeZO through directions near past estimates",
       .paper = "up to twice as fast",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("conmezo", net, 3e-4, conmezo{}), mezo_net)},
      {.method = "conmezo",
       .says = "half of the forwards suffices",
       .paper = "up to twice as fast",
       .metric = "accuracy of the float network, %, after half of the forwards",
       .baseline = "mezo, all forwards",
       .measure = scores_of(enter("conmezo", half, 3e-4, conmezo{}), mezo_net)},
      {.method = "bszo",
       .says = "better than MeZO",
       .paper = "OPT-13B: up to +6.67 points on average",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(filtered_net, mezo_net)},
      {.method = "bszo",
       .says = "the filter is better than the differences it is made of",
       .paper = "a control of the line above",
       .metric = accuracy,
       .baseline = "two one-sided differences",
       .measure = scores_of(filtered_net, enter("two one-sided differences", net, 3e-4, forward_differences{}))},
      {.method = "tezo<4>",
       .says = "directions of a run's own low-rank space train as well as full ones",
       .paper = "beside MeZO; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("tezo<4>", net, 3e-4, tezo<4>{}), mezo_net)},
      {.method = "subzero<4>",
       .says = "directions in a subspace that is held train better than full ones",
       .paper = "OPT-13B: RTE 74.0 for 66.1, CB 73.2, BoolQ 75.3",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("subzero<4>", net, 3e-4, subzero<4>{}), mezo_net)},
      {.method = "subzero<4>",
       .says = "holding it pays",
       .paper = "lazy refresh, thousands of steps",
       .metric = accuracy,
       .baseline = "a new subspace every step",
       .measure = scores_of(enter("subzero<4>", net, 3e-4, subzero<4>{}),
                            enter("subzero<4>, a new subspace every step", net, 3e-4, subzero<4>{.refresh = 1}))},
  };
}

}  // namespace claims
