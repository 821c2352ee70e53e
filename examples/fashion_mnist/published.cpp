#include "published.hpp"

#include "adaptation_run.hpp"
#include "zolt/direction/per_example.hpp"
#include "zolt/direction/rounded.hpp"
#include "zolt/method/qzo.hpp"

namespace fashion_mnist {
namespace {

/// Frozen codes under trained group scales. A step is a part of the scale itself, since scales differ by orders of magnitude.
struct scales_and_biases {
  auto operator()(network<int4_weights>& net) const {
    const auto scale = [&net](std::size_t layer) {
      return zolt::parameter{"scales " + std::to_string(layer), net.weights[layer].scales(), {.relative = true}};
    };
    return zolt::parameters(scale(0), scale(1), scale(2), bias_of(net, 0), bias_of(net, 1), bias_of(net, 2));
  }
};

}  // namespace

adaptation_result adapt_as_published(const recipe& r, const assignment& a) {
  const zolt::sgd rule{.rate = r.rate};
  const auto run_per_example = [&](auto write_back) {
    const zolt::two_point estimator{.radius = r.radius, .queries = static_cast<std::uint32_t>(batch_size)};
    const zolt::per_example<zolt::sparse_rademacher> law{{.ratio = r.density.ratio, .min_density = r.density.minimum}};
    return run<int4_weights>(a, weights_and_biases{}, example_losses{}, rule, estimator, law, write_back);
  };
  switch (r.how) {
    case procedure::per_example: return run_per_example(zolt::stochastic{});
    case procedure::per_example_residual: return run_per_example(zolt::residual<4>{});
    case procedure::scales_only:
      return run<int4_weights>(a, scales_and_biases{}, batch_losses{}, zolt::method::normalised_qzo{.rate = r.rate, .radius = r.radius});
    case procedure::two_roundings:
      return run<int4_weights>(a, weights_and_biases{}, batch_losses{}, rule, zolt::two_point{}, zolt::rounded{.step = 1 / r.radius});
    default: throw std::runtime_error("method = " + std::string(r.method) + " must be one that zolt runs");
  }
}

}  // namespace fashion_mnist
