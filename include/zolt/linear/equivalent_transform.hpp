#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zolt/linear/linear.hpp"
#include "zolt/quantize/method/column_scaling.hpp"
#include "zolt/quantize/method/learnable_clip.hpp"

namespace zolt::inline v0 {

namespace detail {

/// out = (x − δ)/s for some rows.
inline void transform_inputs(tensor_view<const float> x, const float* scale, const float* shift, tensor_view<float> out) {
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t j = 0; j < x.columns(); ++j) out(r, j) = (x(r, j) - shift[j]) / scale[j];
}

/// b + W δ of one output. Products of floats are exact in double, so that no contraction shows.
inline float transformed_bias(float bias, std::span<const float> weights, const float* shift) {
  double sum = bias;
  for (std::size_t j = 0; j < weights.size(); ++j) sum += double{weights[j]} * double{shift[j]};
  return static_cast<float>(sum);
}

}  // namespace detail

/// A layer whose transform was folded into plain parts: codes of s ∘ W, and the bias B + W δ. What is left for the inputs, (x − δ)/s, is
/// made by `linear`, or folded into what makes them.
template <class Tensor>
struct committed_layer {
  Tensor weights;
  std::vector<float> bias;
  std::vector<float> scale, shift;

  /// Folds (x − δ)/s into the x = gain ∘ n + offset that makes the inputs: a normalisation, or the rows of a linear layer by
  /// fold_into_rows and its bias as offset. Nothing is left to do for the inputs then.
  /// Errors   other sizes, a scale that is not positive.
  void fold_into(std::span<float> gain, std::span<float> offset) {
    const std::string wanted = "be " + to_text(scale.size()) + ", one per input";
    if (gain.size() != scale.size()) fail("committed_layer", "gain", gain.size(), wanted);
    if (offset.size() != scale.size()) fail("committed_layer", "offset", offset.size(), wanted);
    fold_into_vector(gain, scale);
    for (std::size_t j = 0; j < shift.size(); ++j) offset[j] -= shift[j];
    fold_into_vector(offset, scale);
    std::fill(scale.begin(), scale.end(), 1.0f);
    std::fill(shift.begin(), shift.end(), 0.0f);
  }
};

/// One step of what a transform trains, see parameter_options.
struct transform_units {
  double scale = 1;  ///< part of the scale itself
  double shift = 1;
  double logit = 1;
};

/// A quantized layer behind an equivalent transform of its input channels: a scale moves outliers of the inputs into the weights, a shift
/// moves their mean into the bias, and the clips of the quantizer are trained as well. The layer is the same function but for the rounding.
///
///   y = ((x − δ)/s) · Q(s ∘ W)ᵀ + (B + W δ)
///
/// s and δ have one entry per input, Q is that of learnable_clip. All of s, δ and the logits are float parameters: add_to lists them. List
/// W, and B, beside them where they are to be trained: a finite difference of the loss then crosses the rounding of Q. `linear` takes this
/// in place of weights; a forward that also quantizes its inputs calls inputs(), rounds them, and goes on with weights() and bias().
///
/// `measure()` takes the ranges of s ∘ W: the constructor calls it, and the caller when s has been set, and between steps if s or W are
/// trained. `commit` gives the layer as codes, which `linear` turns into the same outputs, bit for bit.
///
/// Units    s: none; start at 1, or from smoothing_vector. δ: those of the inputs; start at 0.
/// Shapes   W: outputs × inputs; B: outputs, or empty; x: rows × inputs, leading with the probe or shared by all.
/// Cost     8 bytes per input and what learnable_clip says. linear: W is read once more under every probe for the bias, unless δ = 0; a
///          buffer per thread of the inputs of all probes. measure and commit: a float copy of W while they run.
/// Errors   those of learnable_clip; a bias of another size; at measure and commit a scale that is not positive, a shift that is not
///          finite.
/// Source   OS+ (Wei et al. 2023, arXiv 2304.09145) and OmniQuant (Shao et al. 2023, arXiv 2308.13137); by forward passes: ZeroQAT (arXiv
///          2509.00031) eq. 4.
/// Differs  the bias holds W δ of the weights before they are quantized.
template <int Bits, granularity Granularity = per_channel>
class equivalent_transform {
 public:
  using clip_type = learnable_clip<Bits, Granularity>;
  using committed_type = committed_layer<typename clip_type::tensor_type>;

  equivalent_transform(std::string_view name, tensor_view<const float> weights, std::span<const float> bias = {}, double logit = 4)
      : clip_(name, weights, logit), bias_(bias), scale_(weights.columns(), 1.0f), shift_(weights.columns()) {
    if (!bias.empty() && bias.size() != weights.rows())
      fail(name, "bias", bias.size(), "be " + to_text(weights.rows()) + ", one per output, or empty");
  }

  zolt::shape shape() const { return clip_.shape(); }
  std::span<float> scale() { return scale_; }
  std::span<const float> scale() const { return scale_; }
  std::span<float> shift() { return shift_; }
  std::span<const float> shift() const { return shift_; }
  clip_type& clip() { return clip_; }
  const clip_type& clip() const { return clip_; }
  /// Bytes of scales, shifts, logits and ranges, without the weights.
  std::size_t memory() const { return clip_.memory() + (scale_.size() + shift_.size()) * sizeof(float); }

  /// Adds what the transform trains to a parameter_list, under names that begin with `name`.
  template <class List>
  void add_to(List& list, const std::string& name, const transform_units& unit = {}) {
    list.add(name + " scale", scale(), {.unit = unit.scale, .relative = true});
    list.add(name + " shift", shift(), {.unit = unit.shift});
    list.add(name + " high", clip_.high(), {.unit = unit.logit});
    list.add(name + " low", clip_.low(), {.unit = unit.logit});
  }

  /// Takes the ranges of the scaled weights as they are now.
  void measure(std::string_view name = "equivalent_transform") { clip_.measure(name, scaled_weights(name)); }

  /// out = (x − δ)/s under every probe.
  void inputs(const probe_view& probes, tensor_view<const float> x, tensor_view<float> out) const {
    if (x.columns() != shape().columns || out.columns() != shape().columns)
      fail("equivalent_transform", "columns of the inputs", x.columns() != shape().columns ? x.columns() : out.columns(),
           "be " + to_text(shape().columns) + ", the inputs of the weights");
    const std::size_t batch = detail::rows_per_probe(probes, x.shape(), out.shape()), n = scale_.size();
    const std::span<float> both = scratch(2 * n * probes.count());
    const std::span<float> scales = both.first(n * probes.count()), shifts = both.subspan(scales.size());
    probes.read(scale(), 0, scales);
    probes.read(shift(), 0, shifts);
    for (std::size_t k = 0; k < probes.count(); ++k)
      detail::transform_inputs(x.rows_from(x.rows() == out.rows() ? k * batch : 0, batch), &scales[k * n], &shifts[k * n],
                               out.rows_from(k * batch, batch));
  }

  /// Q(s ∘ W), a composite.
  struct weights_type {
    const equivalent_transform* of;
    zolt::shape shape() const { return of->shape(); }
    void read(const probe_view& probes, std::size_t first, std::span<float> out) const { of->read_weights(probes, first, out); }
  };
  weights_type weights() const { return {this}; }

  /// B + W δ, a composite.
  struct bias_type {
    const equivalent_transform* of;
    void read(const probe_view& probes, std::size_t first, std::span<float> out) const { of->read_bias(probes, first, out); }
  };
  bias_type bias() const { return {this}; }

  /// The layer as it is, in codes.
  committed_type commit(std::string_view name) const {
    committed_type layer{clip_.quantized(name, scaled_weights(name)), std::vector<float>(shape().rows), scale_, shift_};
    read_bias(probe_view{}, 0, layer.bias);
    return layer;
  }

 private:
  static std::span<float> scratch(std::size_t count) {
    thread_local std::vector<float> buffer;
    if (buffer.size() < count) buffer.resize(count);
    return std::span(buffer).first(count);
  }
  void read_weights(const probe_view& probes, std::size_t first, std::span<float> out) const {
    probes.read(clip_.weights(), first, out);
    const std::size_t n = out.size() / probes.count(), columns = scale_.size();
    const std::span<float> scales = scratch(columns * probes.count());
    probes.read(scale(), 0, scales);
    for (std::size_t k = 0; k < probes.count(); ++k)
      for (std::size_t j = 0; j < n; ++j) out[k * n + j] *= scales[k * columns + (first + j) % columns];
    clip_.quantize(probes, first, out);
  }
  void read_bias(const probe_view& probes, std::size_t first, std::span<float> out) const {
    const std::size_t n = out.size() / probes.count(), columns = shift_.size();
    if (bias_.empty())
      std::fill(out.begin(), out.end(), 0.0f);
    else
      probes.read(bias_, first, out);
    const std::span<float> memory = scratch(2 * columns * probes.count());
    const std::span<float> shifts = memory.first(columns * probes.count()), row = memory.subspan(shifts.size());
    probes.read(shift(), 0, shifts);
    if (std::all_of(shifts.begin(), shifts.end(), [](float d) { return d == 0; })) return;
    for (std::size_t j = 0; j < n; ++j) {
      probes.read(clip_.weights(), (first + j) * columns, row);
      for (std::size_t k = 0; k < probes.count(); ++k)
        out[k * n + j] = detail::transformed_bias(out[k * n + j], row.subspan(k * columns, columns), &shifts[k * columns]);
    }
  }
  tensor<float> scaled_weights(std::string_view name) const {
    for (std::size_t j = 0; j < shift_.size(); ++j)
      if (!exact::is_finite(shift_[j])) fail(name, "shift " + to_text(j), shift_[j], "be finite");
    detail::check_factors(name, scale_, shape().columns);
    return with_columns_times(clip_.weights(), scale_);
  }

  clip_type clip_;
  std::span<const float> bias_;
  std::vector<float> scale_, shift_;
};

/// y of a transformed layer under every probe of a view, its bias included. Rows as for any weights.
template <int Bits, granularity Granularity>
void linear(const probe_view& probes, const equivalent_transform<Bits, Granularity>& w, tensor_view<const float> x, tensor_view<float> y) {
  thread_local std::vector<float> buffer;
  const shape transformed{y.rows(), w.shape().columns};
  if (buffer.size() < transformed.size()) buffer.resize(transformed.size());
  const tensor_view<float> inputs(buffer.data(), transformed);
  w.inputs(probes, x, inputs);
  linear(probes, w.weights(), inputs, y);
  add_bias(probes, w.bias(), y);
}

/// y of a committed layer, its bias included.
template <class Tensor>
void linear(const probe_view& probes, const committed_layer<Tensor>& w, tensor_view<const float> x, tensor_view<float> y) {
  thread_local std::vector<float> buffer;
  if (x.columns() != w.scale.size())
    fail("linear", "columns of x", x.columns(), "be " + to_text(w.scale.size()) + ", the inputs of the weight");
  if (buffer.size() < x.size()) buffer.resize(x.size());
  const tensor_view<float> inputs(buffer.data(), x.shape());
  detail::transform_inputs(x, w.scale.data(), w.shift.data(), inputs);
  linear(probes, w.weights, inputs, y);
  add_bias(probes, w.bias, y);
}

}  // namespace zolt::inline v0
