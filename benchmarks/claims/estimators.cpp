#include "bench.hpp"
#include "estimates.hpp"
#include "network_task.hpp"
#include "objective.hpp"
#include "zolt/method/adazeta.hpp"
#include "zolt/method/fzoo.hpp"
#include "zolt/method/kerzoo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/romberg_zoge.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy = "accuracy of the float network after equal forwards, %";

/// At 0, in so many dimensions.
std::vector<float> origin(const objective& f) { return std::vector<float>(f.dimension); }

/// |⟨E ĝ, ∇⟩/|∇|² − 1| at radius 1.
template <class Method>
double bias(const Method& m, const objective& f, unsigned seed) {
  const std::vector<float> at = origin(f);
  return std::fabs(projection(estimates_of(m, f, at, budget::draws, seed), f.gradient(at)) - 1);
}

/// How far a fifth derivative takes estimates from those of a straight line.
double added_by_fifth(double radius, unsigned seed) {
  const objective f = odd_power(5, 1), line = odd_power(5, 0);
  const romberg_zoge m{.radius = radius};
  const std::vector<float> at = origin(f);
  return distance(estimates_of(m, f, at, 256, seed), estimates_of(m, line, at, 256, seed), f.gradient(at));
}

}  // namespace

std::vector<claim> estimator_claims() {
  const task<float_list> net = network_on_floats(budget::network);
  const entrant mezo_net = enter("mezo", net, 3e-4, mezo{});
  task<float_list> third = network_on_floats(budget::network / 3);
  third.name += ", a third";
  const auto second_moments = [](auto method) {
    return [=](bench&, unsigned seed) {
      const objective f = odd_power(3, 0);
      const std::vector<float> at = origin(f);
      const auto of = [&](const auto& m) { return second_moment(estimates_of(m, f, at, budget::draws, seed), f.gradient(at)); };
      return figures{of(method), of(mezo{.radius = 1})};
    };
  };
  return {
      {.method = "kerzoo",
       .says = "the kernel removes the bias of the third derivative",
       .paper = "lemma; E[r³K(r)] = 0",
       .metric = "bias of the mean estimate along the gradient of Σ a(x + x³/6) at radius 1",
       .baseline = "mezo",
       .is = better::less,
       .holds_in = {.least = 2},
       .measure =
           [](bench&, unsigned seed) {
             const objective f = odd_power(3, 1);
             return figures{bias(kerzoo{.radius = 1}, f, seed), bias(mezo{.radius = 1}, f, seed)};
           }},
      {.method = "kerzoo",
       .says = "at 6.25 times the second moment of MeZO (not in the abstract; follows from the kernel)",
       .paper = "E[r²K²] = 25/4",
       .metric = "mean square of the estimate on a straight line",
       .baseline = "mezo",
       .holds_in = {5.5, 7.1},
       .measure = second_moments(kerzoo{.radius = 1})},
      {.method = "kerzoo",
       .says = "fewer steps to the same accuracy than MeZO, and a better one",
       .paper = "OPT-2.7B: GPU hours −74 % (WSC), −44 % (MultiRC); +2.9 and +2.6 points",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("kerzoo", net, 1e-4, kerzoo{}), mezo_net)},
      {.method = "romberg_zoge",
       .says = "bias of order r⁴ with one halving",
       .paper = "O(r^(2R+2))",
       .metric = "what the fifth derivative adds at radius 1 and at 0.5: 16 times less",
       .baseline = "radius 0.5",
       .holds_in = {15.5, 16.5},
       .measure =
           [](bench&, unsigned seed) {
             return figures{added_by_fifth(1, seed), added_by_fifth(0.5, seed)};
           }},
      {.method = "romberg_zoge",
       .says = "keeps the leading constant of the variance",
       .paper = "abstract",
       .metric = "mean square of the estimate on a straight line",
       .baseline = "mezo",
       .holds_in = {0.95, 1.05},
       .measure = second_moments(romberg_zoge{.radius = 1})},
      {.method = "romberg_zoge",
       .says = "less bias pays for twice the forwards",
       .paper = "figures not to be had",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("romberg_zoge", net, 3e-4, romberg_zoge{}), mezo_net)},
      {.method = "fzoo",
       .says = "better than MeZO with fewer forwards",
       .paper = "+3 % with a third of the forwards; RoBERTa-large +5.6 % with 1/18",
       .metric = "accuracy of the float network after equal forwards, %; radius 1e-3",
       .baseline = "mezo",
       .measure = scores_of(enter("fzoo", net, 3e-3, fzoo{.radius = 1e-3}), mezo_net)},
      {.method = "fzoo",
       .says = "a third of the forwards suffices",
       .paper = "the same",
       .metric = "accuracy of the float network, %, after a third of the forwards",
       .baseline = "mezo, all forwards",
       .measure = scores_of(enter("fzoo", third, 3e-3, fzoo{.radius = 1e-3}), mezo_net)},
      {.method = "adazeta",
       .says = "more directions in later epochs converge where one direction does not, and better",
       .paper = "Llama-2-7B with tensor-train adapters: RTE 74.0 for 54.6, BoolQ 79.4 for 71.6",
       .metric = "accuracy of the float network after equal forwards, %; all weights instead of adapters",
       .baseline = "mezo",
       .measure = scores_of(enter("adazeta", net, 1e-3, adazeta{.queries = 15, .epoch = 15}), mezo_net)},
      {.method = "adazeta",
       .says = "better than as many directions from the start",
       .paper = "by its schedule",
       .metric = "the same",
       .baseline = "mezo, 15 queries",
       .measure = scores_of(enter("adazeta", net, 1e-3, adazeta{.queries = 15, .epoch = 15}),
                            enter("mezo, 15 queries", net, 1e-3, mezo{.queries = 15}))},
  };
}

}  // namespace claims
