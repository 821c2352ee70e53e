#include "bench.hpp"
#include "network_task.hpp"
#include "objective.hpp"
#include "zolt/method/dizo.hpp"
#include "zolt/method/meazo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/r_adazo.hpp"
#include "zolt/method/zo_adamm.hpp"
#include "zolt/method/zo_conservative.hpp"
#include "zolt/method/zo_sign_sgd.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy = "accuracy of the float network after equal forwards, %";
constexpr const char* loss_left = "loss left on the diagonal quadratic after equal forwards";

task<float_list> of_rank_64(std::size_t dimension, double forwards) {
  return descent("rank 64 of " + std::to_string(dimension),
                 quadratic({.dimension = dimension, .condition = 10, .mixed = true, .curved = 64}), forwards);
}

template <class Method>
measurement bytes_beside(const Method& m, double other) {
  return [=](bench&, unsigned) { return figures{state_bytes_per_weight(m), other}; };
}

}  // namespace

std::vector<claim> float_claims() {
  const task<float_list> net = network_on_floats(budget::network);
  const task<float_list> diagonal = descent("diagonal quadratic", quadratic({}), budget::descent);
  const task<float_list> mixed = descent("mixed quadratic", quadratic({.mixed = true}), budget::descent);
  const task<float_list> louder = descent("diagonal quadratic, losses × 100", quadratic({}), budget::descent, 100);
  const entrant mezo_net = enter("mezo", net, 3e-4, mezo{}), mezo_diagonal = enter("mezo", diagonal, 3e-3, mezo{});
  const entrant adam_net = enter("mezo_adam", net, 1e-3, mezo_adam{}), adam_diagonal = enter("mezo_adam", diagonal, 3e-3, mezo_adam{});
  const entrant adamm_diagonal = enter("zo_adamm", diagonal, 3e-3, zo_adamm{});
  const entrant scalar_sign = enter("zo_scalar_sign_sgd", diagonal, 1e-3, zo_scalar_sign_sgd{});
  const entrant conservative_diagonal = enter("zo_conservative", diagonal, 3e-3, zo_conservative{});
  const entrant meazo_diagonal = enter("meazo", diagonal, 1e-3, meazo{});
  return {
      {.method = "mezo",
       .says = "the slowdown goes with the rank of the curvature, not with the number of weights",
       .paper = "theorem; up to 13B and more weights with 20k steps",
       .metric = "loss left on a quadratic of rank 64 in 4096 dimensions, and in 256",
       .baseline = "256 dimensions",
       .is = better::less,
       .holds_in = {0.5, 2},
       .measure = scores_of(enter("mezo", of_rank_64(4096, budget::descent / 4), 1e-2, mezo{}),
                            enter("mezo", of_rank_64(256, budget::descent / 4), 1e-2, mezo{}))},
      {.method = "mezo",
       .says = "fine-tunes in the memory of inference",
       .paper = "up to 12 times less than Adam; 30B on one A100 for 2.7B",
       .metric = "bytes of state per weight (activations of a backward pass come on top)",
       .baseline = "mezo_adam",
       .is = better::less,
       .measure = bytes_beside(mezo{}, state_bytes_per_weight(mezo_adam{}))},
      {.method = "mezo_momentum",
       .says = "momentum speeds up ZO-SGD",
       .paper = "ZO-SGD-MMT of ZO-Bench; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("mezo_momentum", net, 3e-5, mezo_momentum{}), mezo_net)},
      {.method = "mezo_adam",
       .says = "moments per weight help with unequal curvature",
       .paper = "ZO-Adam of ZO-Bench; figures not to be had",
       .metric = loss_left,
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_of(adam_diagonal, mezo_diagonal)},
      {.method = "mezo_adam",
       .says = "the same where no weight has a curvature of its own: what is gained there is not due to moments per weight",
       .paper = "a control of the line above",
       .metric = "loss left on the mixed quadratic after equal forwards",
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_of(enter("mezo_adam", mixed, 3e-3, mezo_adam{}), enter("mezo", mixed, 3e-3, mezo{}))},
      {.method = "mezo_adam",
       .says = "better than ZO-SGD at fine-tuning",
       .paper = "ZO-Adam of ZO-Bench; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(adam_net, mezo_net)},
      {.method = "zo_sign_sgd",
       .says = "converges faster than ZO-SGD",
       .paper = "Liu et al. 2019, black-box attacks",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("zo_sign_sgd", net, 1e-3, zo_sign_sgd{}), mezo_net)},
      {.method = "zo_scalar_sign_sgd",
       .says = "the length of a step does not depend on the loss",
       .paper = "by its rule; figures of ZO-Bench not to be had",
       .metric = "loss left on the diagonal quadratic × 100, at the rate chosen without the factor",
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_transferred({scalar_sign, enter("zo_scalar_sign_sgd", louder, 1e-3, zo_scalar_sign_sgd{})},
                                     {mezo_diagonal, enter("mezo", louder, 3e-3, mezo{})})},
      {.method = "zo_scalar_sign_sgd",
       .says = "trains as well as ZO-SGD without the size of the difference",
       .paper = "ZO-SGD-Sign of ZO-Bench; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("zo_scalar_sign_sgd", net, 1e-3, zo_scalar_sign_sgd{}), mezo_net)},
      {.method = "zo_adamm",
       .says = "converges faster than ZO-SGD and ZO-signSGD",
       .paper = "Chen et al. 2019, black-box attacks: six competitors",
       .metric = loss_left,
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_of(adamm_diagonal, mezo_diagonal)},
      {.method = "zo_adamm",
       .says = "converges faster than ZO-SGD and ZO-signSGD",
       .paper = "the same",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("zo_adamm", net, 1e-3, zo_adamm{}), mezo_net)},
      {.method = "r_adazo",
       .says = "faster than ZO-AdaMM: the second moment of the first moment has less variance",
       .paper = "ICML 2025; figures not to be had",
       .metric = loss_left,
       .baseline = "zo_adamm",
       .is = better::less,
       .measure = scores_of(enter("r_adazo", diagonal, 1e-3, r_adazo{}), adamm_diagonal)},
      {.method = "r_adazo",
       .says = "faster than ZO-AdaMM",
       .paper = "the same",
       .metric = accuracy,
       .baseline = "zo_adamm",
       .measure = scores_of(enter("r_adazo", net, 1e-3, r_adazo{}), enter("zo_adamm", net, 1e-3, zo_adamm{}))},
      {.method = "meazo",
       .says = "one second moment for the model learns what one per weight does",
       .paper = "MEAZO 2026; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo_adam",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("meazo", net, 1e-3, meazo{}), adam_net)},
      {.method = "meazo",
       .says = "one second moment for the model learns what one per weight does",
       .paper = "the same",
       .metric = loss_left,
       .baseline = "mezo_adam",
       .is = better::less,
       .holds_in = {.least = 0.97},
       .measure = scores_of(meazo_diagonal, adam_diagonal)},
      {.method = "meazo",
       .says = "a rate serves losses of any scale",
       .paper = "by its rule",
       .metric = "loss left on the diagonal quadratic × 100, at the rate chosen without the factor",
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_transferred({meazo_diagonal, enter("meazo", louder, 1e-3, meazo{})},
                                     {mezo_diagonal, enter("mezo", louder, 3e-3, mezo{})})},
      {.method = "zo_conservative",
       .says = "survives rates at which ZO-SGD diverges",
       .paper = "ZO-SGD-Cons of ZO-Bench; figures not to be had",
       .metric = "loss left on the diagonal quadratic at 10 times the best rate",
       .baseline = "mezo",
       .is = better::less,
       .measure = scores_beyond(conservative_diagonal, mezo_diagonal, 10)},
      {.method = "zo_conservative",
       .says = "worth its five forwards",
       .paper = "ZO-SGD-Cons of ZO-Bench; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("zo_conservative", net, 1e-3, zo_conservative{}), mezo_net)},
      {.method = "dizo",
       .says = "faster than MeZO through a ratio per layer",
       .paper = "up to 48 % less GPU time; OPT-2.7B SST-2 after 4000 steps 93.2 for 91.6",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("dizo", net, 3e-4, dizo{}), mezo_net)},
  };
}

}  // namespace claims
