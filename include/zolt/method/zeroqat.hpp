#pragma once

#include <cstdint>

#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/slots.hpp"

namespace zolt::inline v0::method {

/// ZeroQAT: quantization-aware training without a backward pass. The weights are floats that a forward sees quantized, and a finite
/// difference of the loss goes through the rounding, where a gradient is zero or made up.
///
///   ĝ = 1/q Σ_i (L(Q(θ + ε u_i)) − L(Q(θ − ε u_i)))/2ε · u_i,   θ ← θ − η ĝ,   u ~ N(0, I)
///
/// θ is W with scales s and shifts δ of the input channels and clips of the quantizer, all under one u. Make every layer an
/// equivalent_transform, or a learnable_clip for weights alone, and list what they train beside W:
///
///   equivalent_transform<4> layer("layer", w);
///   parameter_list<dense_view> all;
///   all.add("w", w);
///   layer.add_to(all, "layer");
///   optimizer opt{all, method::zeroqat{}};   // after each step layer.measure(), in the end layer.commit("layer")
///
/// The paper's light variant for fine-tuning is this on fewer parameters: quantize everything ahead but the query and value matrices,
/// commit or freeze the quantizers, and list these two alone, with a rate of 1e-6.
///
/// Defaults  rate 5e-7 and radius 1e-3, of its runs; the rates there go from 1e-8 to 1e-6, the radii from 1e-4 to 1e-3.
///
/// Units    radius: RMS displacement in parameter units; rate: parameter units² per loss.
/// Cost     2·queries forward passes per step; no state. The float weights are the parameter: 4 bytes each, beside no code.
/// Source   ZeroQAT (arXiv 2509.00031) eqs. 2–5.
/// Differs  steps and zero points follow from ranges and clips, as in learnable_clip; the paper trains them beside the clips. It starts s
///          from a reconstruction by gradients; here s starts at 1 or from smoothing_vector.
struct zeroqat {
  static constexpr double state_bytes_per_weight = 0;
  double rate = 5e-7;
  double radius = 1e-3;
  std::uint32_t queries = 1;

  auto policies() const {
    return zolt::policies(two_point{.radius = radius, .queries = queries}, sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{});
  }
};

}  // namespace zolt::inline v0::method
