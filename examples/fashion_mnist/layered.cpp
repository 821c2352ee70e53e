#include "layered.hpp"

#include "adaptation_run.hpp"
#include "chained_error.hpp"

namespace fashion_mnist {
namespace {

/// The part of a forward's products that comes after a hidden layer, the first being 0.
double share_after(std::size_t layer, const float_network& net) {
  double all = 0, after = 0;
  for (std::size_t l = 0; l < layers; ++l) {
    const auto products = static_cast<double>(net.weights[l].size());
    all += products;
    if (l > layer) after += products;
  }
  return after / all;
}

struct head_alone {
  template <class Weights>
  auto operator()(network<Weights>& net) const {
    constexpr std::size_t head = layers - 1;
    return zolt::parameters(zolt::parameter{weight_name(head), net.weights[head]}, bias_of(net, head));
  }
};

template <class Write, class Weights, class Trained, class Estimator>
adaptation_result run_with(const recipe& r, const assignment& a, network<Weights>& net, const Trained& trained, double forwards_per_step,
                           const Estimator& estimator) {
  return run_on_layers(a, net, trained, forwards_per_step, estimator, zolt::sgd{.rate = r.rate}, zolt::factored_rms{.power = r.power},
                       Write{});
}

/// With stochastic write-back or a residual of four bits.
template <class Weights, class Trained, class Estimator>
adaptation_result run_either(const recipe& r, const assignment& a, network<Weights>& net, const Trained& trained, double forwards_per_step,
                             const Estimator& estimator) {
  if (r.lands == landing::residual_4) return run_with<zolt::residual<4>>(r, a, net, trained, forwards_per_step, estimator);
  return run_with<zolt::stochastic>(r, a, net, trained, forwards_per_step, estimator);
}

adaptation_result adapt_int8(const recipe& r, const assignment& a) {
  network<int8_weights> net = quantized<int8_weights>(a.start);
  if (r.how == procedure::learned_feedback)
    return run_with<zolt::stochastic>(r, a, net, weights_and_biases{}, 1 + share_after(0, a.start), zolt::learned_feedback<>{});
  return run_with<zolt::stochastic>(r, a, net, weights_and_biases{}, 1, chained_error<int8_weights>{&net});
}

}  // namespace

adaptation_result adapt_by_layers(const recipe& r, const assignment& a) {
  if (r.format == "int8") return adapt_int8(r, a);
  network<int4_weights> net = quantized<int4_weights>(a.start);
  const double first = share_after(0, a.start), last = share_after(layers - 2, a.start);
  const weights_and_biases all;
  const zolt::orthogonal_node_perturbation orthogonal{};
  switch (r.how) {
    case procedure::exact_head: return run_either(r, a, net, head_alone{}, 1, zolt::exact_head{});
    case procedure::node_perturbation: return run_with<zolt::stochastic>(r, a, net, all, 1 + 2 * first, zolt::node_perturbation{});
    case procedure::orthogonal_nodes:
      return run_either(r, a, net, all, 1 + orthogonal.copies * first + orthogonal.last_copies * last, orthogonal);
    case procedure::unbiased_feedback:
      return run_with<zolt::stochastic>(r, a, net, all, 1 + first, zolt::learned_feedback<>{.control_variate = true});
    case procedure::direct_feedback: return run_with<zolt::stochastic>(r, a, net, all, 1, zolt::direct_feedback{});
    case procedure::chained_backpropagation: return run_either(r, a, net, all, 1, chained_error<int4_weights>{&net});
    default: break;
  }
  if (r.lands == landing::nearest) return run_with<zolt::nearest>(r, a, net, all, 1 + first, zolt::learned_feedback<>{});
  if (r.lands == landing::residual_2) return run_with<zolt::residual<2>>(r, a, net, all, 1 + first, zolt::learned_feedback<>{});
  return run_either(r, a, net, all, 1 + first, zolt::learned_feedback<>{});
}

}  // namespace fashion_mnist
