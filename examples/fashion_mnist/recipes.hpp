#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace fashion_mnist {

/// How a network is trained. All but the last four use forward passes alone.
enum class procedure {
  step_matched,                ///< sparse probes of whole codes, stochastic write-back: no state
  step_matched_residual,       ///< the same with four more bits per weight
  first_layer_freezes,         ///< step_matched until the first layer freezes; from then on its features are kept
  dense_float,                 ///< every float weight probed at once, scalar normalised
  per_example,                 ///< a direction per example of the batch, stochastic write-back
  per_example_residual,        ///< the same with four more bits per weight
  scales_only,                 ///< frozen codes; group scales and biases are trained
  two_roundings,               ///< Gaussian probes rounded to codes, and rounded anew for the update
  exact_head,                  ///< the last layer alone, its exact gradient
  node_perturbation,           ///< outputs of layers displaced, one loss per example
  orthogonal_nodes,            ///< many orthogonal displacements per layer, the whole response
  learned_feedback,            ///< what displacements do to the outputs is learnt and fed back
  unbiased_feedback,           ///< the same with node perturbation for what feedback misses
  direct_feedback,             ///< fixed random feedback
  chained_backpropagation,     ///< the error through transposed weights, written back like those above
  latent_backpropagation,      ///< straight-through, Adam on a latent float copy
  stochastic_backpropagation,  ///< straight-through, stochastic write-back to the codes: no state
  nearest_backpropagation,     ///< the same, rounded to the nearest code
};

constexpr bool forward_only(procedure how) { return how < procedure::chained_backpropagation; }
/// Procedures that see the layers of a forward.
constexpr bool reads_layers(procedure how) { return how >= procedure::exact_head && how <= procedure::chained_backpropagation; }
/// Straight-through on a float copy: no zolt in it.
constexpr bool straight_through(procedure how) { return how >= procedure::latent_backpropagation; }

/// How the update of a procedure that reads layers lands on the codes.
enum class landing { stochastic, residual_2, residual_4, nearest };

/// What is learnt, and from where.
enum class task {
  turned_camera,  ///< the shipped network, quantized, learns 2000 turned images
  from_scratch,   ///< a random network, quantized, learns 20 000 upright images
};

/// How dense sparse probes are: max(ratio · (rate/radius)², minimum), see zolt::sparse_rademacher.
struct probe_density {
  double ratio = 1;
  double minimum = 2e-4;

  friend bool operator==(const probe_density&, const probe_density&) = default;
};

/// Units    rate: RMS step per weight, in codes (dense_float: in RMS weights of the layer; scales_only: in parts of the scale;
///          latent_backpropagation: largest step, in RMS weights; other straight-through ones: codes² per unit of loss). radius: codes (RMS weights, parts
///          of the scale; two_roundings: the deviation of a probe in codes). forwards: passes of 128 images, one that starts in the
///          middle counting by its products (first_layer_freezes: those of as many steps without freezing); with backpropagation, steps.
struct recipe {
  std::string_view format;  ///< int8, int4, fp8 or float
  std::string_view method;  ///< as tables name it
  procedure how;
  double rate;
  double radius = 1;
  probe_density density = {};
  std::uint64_t forwards = 20000;
  task learns = task::turned_camera;
  landing lands = landing::stochastic;
  double power = 1;        ///< see zolt::factored_rms
  double frozen_from = 1;  ///< first_layer_freezes: the part of the steps after which the first layer stays as it is
  int feature_bits = 32;   ///< of each feature that is kept then

  friend bool operator==(const recipe&, const recipe&) = default;
};

/// The recipes of the main job, those of `--methods`, of `--layers` and of `--freezing`. Their numbers were chosen by `--select`.
const std::vector<recipe>& main_recipes();
const std::vector<recipe>& method_recipes();
const std::vector<recipe>& layer_recipes();
const std::vector<recipe>& freezing_recipes();

/// Every setting that `--select` tries for a recipe, the chosen one among them.
std::vector<recipe> grid_of(const recipe& chosen);

}  // namespace fashion_mnist
