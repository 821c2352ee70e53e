#include "adaptation.hpp"

#include "adaptation_run.hpp"
#include "cached_losses.hpp"
#include "layered.hpp"
#include "published.hpp"
#include "zolt/method/layer_freezing.hpp"

namespace fashion_mnist {
namespace {

/// Calls f with a network kind named by the format.
template <class Function>
auto with_weights(std::string_view format, Function&& f) {
  if (format == "int8") return f(std::type_identity<int8_weights>{});
  if (format == "int4") return f(std::type_identity<int4_weights>{});
  if (format == "fp8") return f(std::type_identity<fp8_weights>{});
  throw std::runtime_error("format = " + std::string(format) + " must be int8, int4 or fp8");
}

}  // namespace

adaptation_result adapt(const recipe& r, const assignment& a) {
  if (reads_layers(r.how)) return adapt_by_layers(r, a);
  const zolt::sgd rule{.rate = r.rate};
  const zolt::two_point estimator{.radius = r.radius};
  const zolt::sparse_rademacher law{.ratio = r.density.ratio, .min_density = r.density.minimum};
  switch (r.how) {
    case procedure::step_matched:
      return with_weights(r.format, [&]<class Weights>(std::type_identity<Weights>) {
        return run<Weights>(a, weights_and_biases{}, batch_losses{}, rule, estimator, law);
      });
    case procedure::first_layer_freezes:
      return with_weights(r.format, [&]<class Weights>(std::type_identity<Weights>) {
        const double steps = static_cast<double>(a.forwards) / 2;
        const zolt::method::layer_freezing method{.rate = r.rate,
                                                  .radius = r.radius,
                                                  .ratio = r.density.ratio,
                                                  .first_step = static_cast<std::uint32_t>(r.frozen_from * steps),
                                                  .per_layer = 2};
        return run<Weights>(a, layer_by_layer{}, cached_losses(a.images.size(), r.feature_bits), method);
      });
    case procedure::step_matched_residual:
      return run<int4_weights>(a, weights_and_biases{}, batch_losses{}, rule, estimator, law, zolt::residual<4>{});
    case procedure::dense_float: return run<float_weights>(a, weights_and_biases{}, batch_losses{}, rule, estimator, zolt::rademacher{});
    default: return adapt_as_published(r, a);
  }
}

matrix requantized(std::string_view format, int layer, const matrix& weights) {
  return with_weights(format, [&]<class Weights>(std::type_identity<Weights>) {
    matrix seen(weights.rows(), weights.cols());
    const Weights w = weight_kind<Weights>::of(weights, weight_name(static_cast<std::size_t>(layer)));
    w.decode(0, {seen.data(), static_cast<std::size_t>(seen.size())});
    return seen;
  });
}

matrix code_steps(int layer, const matrix& weights) {
  const int4_weights w = weight_kind<int4_weights>::of(weights, weight_name(static_cast<std::size_t>(layer)));
  matrix steps(weights.rows(), weights.cols());
  for (Eigen::Index i = 0; i < steps.size(); ++i) steps.data()[i] = w.view().scale(static_cast<std::size_t>(i));
  return steps;
}

std::size_t quantized_bytes(std::string_view format, const float_network& start) {
  return with_weights(format, [&]<class Weights>(std::type_identity<Weights>) { return bytes_of(quantized<Weights>(start)); });
}

}  // namespace fashion_mnist
