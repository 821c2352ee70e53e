#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/estimator/feedback.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/estimator/node_direction.hpp"
#include "zolt/kernel/outer.hpp"

namespace zolt::inline v0 {

/// Feedback that is learned by perturbation: how the outputs respond when a layer is disturbed is regressed, example by example and step by
/// step, into one small matrix per layer, and that matrix tells the layer its error.
///
///   p_l = σ_l r_l ∘ φ'(z_l),      d = o(z + σ r) − o(z),      err = d − Σ_l p_l B_lᵀ
///   B_l ← B_l + β_t · errᵀ p_l diag(1/E p_l²) / examples,      β_t = max(decay, 1/t)
///   signal_l = φ'(z_l) ∘ (e B_l)
///
/// B_l converges to the mean Jacobian ∂o/∂h_l: no weight is read for it. A scalar estimate uses a response once and forgets it; here every
/// response improves numbers that all examples and all later steps share, which is why its signals are nearly those of backpropagation.
///
/// Units    noise: fraction of the RMS of a layer's outputs; decay: a fraction.
/// Shapes   B_l: classes × outputs of the layer.
/// Cost     1 forward and one from the first hidden trained layer on; one outer product per trained layer, and three products of
///          examples · classes · outputs for every hidden one. State: classes + 1 floats per
///          output of a hidden trained layer, nothing per weight. Inputs, outputs, slopes and signals of the trained layers for one batch,
///          and (examples + classes) · widest + examples · classes floats.
/// Bias     B_l is a mean over examples: what differs between them in the layers above is lost. That bias is worth having:
///          `control_variate` adds the unbiased estimate of what B_l misses, and the variance that comes with it costs more.
/// Source   learning feedback by noise: Lansdell, Prakash & Kording 2020 (arXiv 1906.00889) eq. 7 and weight mirrors, Akrout et al. 2019
///          (arXiv 1904.05391) §3; normalised least mean squares, Nagumo & Noda 1967.
/// Differs  all layers are disturbed at once by one probe, the response is the vector of outputs, and each output of a layer has its own
///          step size, so that a dead unit learns nothing instead of garbage.
template <activation_slope Slope = activation_slope::measured>
struct learned_feedback {
  static constexpr std::string_view stem = "learned_feedback", of_slope = text_of(Slope);
  static constexpr std::string_view name = detail::joined<stem, of_slope>::value;
  static constexpr purity_class purity = purity_class::p2;
  static constexpr activation_slope slope = Slope;
  double noise = 0.05;
  double decay = 0.02;
  bool control_variate = false;

  struct state {
    std::uint32_t updates = 0;
    std::size_t classes = 0;
    std::vector<std::size_t> begins;                ///< of each layer in memory, and the end
    std::vector<float> memory;                      ///< of each layer: feedback, classes × outputs, and the mean square of p_l, outputs
    std::vector<float> displaced, missed, product;  ///< of one step

    std::size_t outputs(std::size_t layer) const { return (begins[layer + 1] - begins[layer]) / (classes + 1); }
    /// B of a layer, classes × outputs, and the mean square of its p; known from the first step on.
    std::span<float> feedback(std::size_t layer) { return std::span(memory).subspan(begins[layer], classes * outputs(layer)); }
    std::span<const float> feedback(std::size_t layer) const { return std::span(memory).subspan(begins[layer], classes * outputs(layer)); }
    std::span<float> mean_square(std::size_t layer) {
      return std::span(memory).subspan(begins[layer] + classes * outputs(layer), outputs(layer));
    }
    std::span<const float> mean_square(std::size_t layer) const {
      return std::span(memory).subspan(begins[layer] + classes * outputs(layer), outputs(layer));
    }
    std::size_t working_bytes() const { return (displaced.capacity() + missed.capacity() + product.capacity()) * sizeof(float); }
    /// f(memory) for everything that is remembered from step to step.
    template <class State, class Function>
    static void for_each_memory(State& s, Function&& f) {
      f(s.updates);
      f(s.memory);
    }
  };

  template <class Field>
  void fields(Field&& field) const {
    field("noise", noise, bound::fraction);
    field("decay", decay, bound::fraction);
    field("control_variate", control_variate ? 1 : 0, bound::non_negative);
  }
  std::size_t rounds(std::size_t) const { return 1; }
  node_round round(std::size_t, std::size_t hidden) const { return {0, hidden - 1, 1}; }
  void displace(const direction_key& key, const layer_trace& layer, const node_round&, std::uint32_t copy, tensor_view<float> out) const {
    node_direction::independent(key, layer.number, copy, node_direction::length_in(noise, layer), out);
  }

  void observe(state& s, const direction_key& key, const network_trace& trace, const node_responses& responses) const {
    const std::size_t examples = trace.examples(), classes = trace.error.columns();
    reserve(s, trace);
    std::size_t heard = examples;
    for (std::size_t b = 0; b < examples; ++b) heard -= trace.is_lost(b) ? 1u : 0u;
    if (heard == 0) return;
    const double rate = std::max(decay, 1.0 / ++s.updates);
    std::copy_n(responses.outputs.data(), responses.outputs.size(), s.missed.data());
    for (std::size_t l = 0; l < trace.hidden.size(); ++l) {
      const layer_trace& layer = trace.hidden[l];
      const float* feedback = s.feedback(l).data();
      if (control_variate) detail::tell_error(trace, feedback, layer);  // by the feedback that the response was compared with
      displacement_behind_activation(s, key, trace, layer);
      for (std::size_t b = 0; b < examples; ++b)
        for (std::size_t c = 0; c < classes; ++c) {
          float explained = 0;
          for (std::size_t i = 0; i < layer.outputs; ++i) explained += s.displaced[b * layer.outputs + i] * feedback[c * layer.outputs + i];
          s.missed[b * classes + c] -= explained;
        }
    }
    for (std::size_t l = 0; l < trace.hidden.size(); ++l) {
      const layer_trace& layer = trace.hidden[l];
      const std::span<float> feedback = s.feedback(l), mean_square = s.mean_square(l);
      if (trace.hidden.size() > 1) displacement_behind_activation(s, key, trace, layer);
      const double length = node_direction::length_in(noise, layer), floor = 1e-6 * length * length;
      kernel::sum_outer_products({s.missed.data(), classes, 1}, s.displaced.data(), layer.outputs, examples, classes, layer.outputs,
                                 s.product.data(), layer.outputs);
      for (std::size_t i = 0; i < layer.outputs; ++i) {
        double square = 0;
        for (std::size_t b = 0; b < examples; ++b)
          square += double{s.displaced[b * layer.outputs + i]} * s.displaced[b * layer.outputs + i];
        float& mean = mean_square[i];
        mean += static_cast<float>(rate * (square / static_cast<double>(heard) - mean));
        if (!(mean > floor)) continue;
        const auto step = static_cast<float>(rate / (mean * static_cast<double>(heard)));
        for (std::size_t c = 0; c < classes; ++c) feedback[c * layer.outputs + i] += step * s.product[c * layer.outputs + i];
      }
    }
  }
  void signals(state& s, const direction_key& key, const network_trace& trace) const {
    const std::size_t classes = trace.error.columns();
    for (std::size_t l = 0; l < trace.hidden.size(); ++l) {
      const layer_trace& layer = trace.hidden[l];
      if (!control_variate) {
        detail::tell_error(trace, s.feedback(l).data(), layer);
        continue;
      }
      const float length = node_direction::length_in(noise, layer);
      if (length == 0) continue;
      node_direction::independent(key, layer.number, 0, 1 / length, {s.displaced.data(), {trace.examples(), layer.outputs}});
      for (std::size_t b = 0; b < trace.examples(); ++b) {
        float credit = 0;
        for (std::size_t c = 0; c < classes; ++c) credit += trace.error(b, c) * s.missed[b * classes + c];
        for (std::size_t i = 0; i < layer.outputs; ++i)
          if (node_direction::responds(layer, b * layer.outputs + i)) layer.signal(b, i) += credit * s.displaced[b * layer.outputs + i];
      }
    }
  }
  friend bool operator==(const learned_feedback&, const learned_feedback&) = default;

 private:
  void reserve(state& s, const network_trace& trace) const {
    std::size_t widest = 0;
    s.classes = trace.error.columns();
    s.begins.assign(1, 0);
    for (const layer_trace& layer : trace.hidden) {
      s.begins.push_back(s.begins.back() + (s.classes + 1) * layer.outputs);
      widest = std::max(widest, layer.outputs);
    }
    s.memory.resize(s.begins.back());
    s.displaced.resize(trace.examples() * widest);
    s.product.resize(trace.error.columns() * widest);
    s.missed.resize(trace.error.size());
  }
  void displacement_behind_activation(state& s, const direction_key& key, const network_trace& trace, const layer_trace& layer) const {
    const tensor_view<float> p(s.displaced.data(), {trace.examples(), layer.outputs});
    node_direction::independent(key, layer.number, 0, node_direction::length_in(noise, layer), p);
    if (layer.slope.data() != nullptr)
      for (std::size_t i = 0; i < p.size(); ++i) p.data()[i] *= layer.slope.data()[i];
    for (std::size_t b = 0; b < trace.examples(); ++b)
      if (trace.is_lost(b)) std::fill_n(p.row(b).data(), layer.outputs, 0.0f);
  }
};

}  // namespace zolt::inline v0
