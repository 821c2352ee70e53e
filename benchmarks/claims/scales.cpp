#include "bench.hpp"
#include "network_task.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/qzo.hpp"

namespace claims {

std::vector<claim> scale_claims() {
  using namespace zolt::method;
  const task<float_list> absolute = network_scales(budget::network, scale_unit::absolute),
                         relative = network_scales(budget::network, scale_unit::relative);
  const entrant mezo_net = enter("mezo", network_on_floats(budget::network), 3e-4, mezo{});
  const entrant clipped = enter("qzo", absolute, 1e-6, qzo{}), unclipped = enter("qzo, no clip", absolute, 1e-6, qzo{.limit = 1e12});
  const entrant normalised = enter("normalised_qzo", relative, 0.01, normalised_qzo{});
  return {
      {.method = "qzo",
       .says = "4-bit models trained by their scales come near MeZO on 16 bits",
       .paper = "OPT-6.7B: SST-2 87.6 for 93.0 (ratio 0.94), SQuAD 78.5 for 79.6; Llama-2-7B: SQuAD 85.5 for 80.7",
       .metric = "accuracy of the network after equal forwards, %: scales and biases of INT4 codes, and floats",
       .baseline = "mezo on floats",
       .holds_in = {.least = 0.94},
       .measure = scores_of(clipped, mezo_net)},
      {.method = "qzo",
       .says = "clipping the derivative keeps training stable",
       .paper = "without it NaN at step 22; Llama-2-7B",
       .metric = "accuracy of the INT4 network at 10 times the best rate, %",
       .baseline = "no clip",
       .measure = scores_beyond(clipped, unclipped, 10)},
      not_testable("qzo", "less memory than first order", "18 times less than AdamW; SD3.5-Large in 12.4 GB",
                   "the activations of a large model; state here is 0 bytes per weight, one scale in 32 weights is trained"),
      {.method = "normalised_qzo",
       .says = "steps in parts of a scale, of a length that does not depend on the loss, train better (ours)",
       .paper = "63.5 % after 20 000 forwards",
       .metric = "accuracy of the INT4 network after equal forwards, %",
       .baseline = "qzo",
       .measure = scores_of(normalised, clipped)},
  };
}

}  // namespace claims
