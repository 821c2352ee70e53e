#include "bench.hpp"
#include "network_task.hpp"
#include "zolt/method/adamezo.hpp"
#include "zolt/method/lozo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/mezo_adam_8bit.hpp"
#include "zolt/method/tezo.hpp"

namespace claims {
namespace {

using namespace zolt::method;

constexpr const char* accuracy = "accuracy of the float network after equal forwards, %";
constexpr const char* bytes = "bytes of state per weight";

template <class Method, class Other>
measurement bytes_of(const Method& m, const Other& other) {
  return [=](bench&, unsigned) { return figures{state_bytes_per_weight(m), state_bytes_per_weight(other)}; };
}

}  // namespace

std::vector<claim> moment_claims() {
  const task<float_list> net = network_on_floats(budget::network);
  const entrant adam_net = enter("mezo_adam", net, 1e-3, mezo_adam{});
  return {
      {.method = "mezo_adam_8bit",
       .says = "moments in 8 bits train as those in 32 do",
       .paper = "8-bit Adam of first order, Dettmers et al. 2022: no loss",
       .metric = accuracy,
       .baseline = "mezo_adam",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("mezo_adam_8bit", net, 1e-3, mezo_adam_8bit{}), adam_net)},
      {.method = "mezo_adam_8bit",
       .says = "a quarter of the memory",
       .paper = "8-bit Adam of first order: 75 % less",
       .metric = bytes,
       .baseline = "mezo_adam",
       .is = better::less,
       .holds_in = {.least = 3.99},
       .measure = bytes_of(mezo_adam_8bit{}, mezo_adam{})},
      {.method = "adamezo",
       .says = "moments of the last steps alone train as those of all do",
       .paper = "AdaMeZO 2026; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo_adam",
       .holds_in = {.least = 0.97},
       .measure = scores_of(enter("adamezo", net, 1e-3, adamezo{}), adam_net)},
      {.method = "adamezo",
       .says = "Adam in the memory of MeZO",
       .paper = "by its rule",
       .metric = bytes,
       .baseline = "mezo_adam",
       .is = better::less,
       .measure = bytes_of(adamezo{}, mezo_adam{})},
      {.method = "adamezo",
       .says = "better than MeZO",
       .paper = "AdaMeZO 2026; figures not to be had",
       .metric = accuracy,
       .baseline = "mezo",
       .measure = scores_of(enter("adamezo", net, 1e-3, adamezo{}), enter("mezo", net, 3e-4, mezo{}))},
      {.method = "lozo_momentum<2>",
       .says = "momentum that costs almost nothing improves LOZO",
       .paper = "LOZO-M beside LOZO; figures not to be had",
       .metric = accuracy,
       .baseline = "lozo<2>",
       .measure = scores_of(enter("lozo_momentum<2>", net, 3e-4, lozo_momentum<2>{}), enter("lozo<2>", net, 3e-4, lozo<2>{}))},
      {.method = "tezo_momentum<4>",
       .says = "momentum that costs almost nothing improves TeZO",
       .paper = "TeZO-m beside TeZO; figures not to be had",
       .metric = accuracy,
       .baseline = "tezo<4>",
       .measure = scores_of(enter("tezo_momentum<4>", net, 3e-4, tezo_momentum<4>{}), enter("tezo<4>", net, 3e-4, tezo<4>{}))},
  };
}

}  // namespace claims
