#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "zolt/core/error.hpp"
#include "zolt/estimator/layer.hpp"
#include "zolt/optimizer/layer_observer.hpp"
#include "zolt/optimizer/validation.hpp"

namespace zolt::inline v0::detail {

/// What an estimator needs of a forward pass.
struct layer_needs {
  bool probes = false;  ///< starts forwards in the middle, from the outputs of the layers before
  activation_slope slope = activation_slope::one;
  bool stream_error = false;  ///< ∂L/∂(input of the head)
  bool hidden = true;         ///< layers below the head
  bool losses = false;        ///< of single examples
  bool backward = false;      ///< blocks are asked for their own layers' signals
};

/// One call of zolt::linear, in every forward the same one.
struct recorded_layer {
  layer_call call;
  std::optional<std::size_t> weight, bias;  ///< parameters
  std::size_t hidden = 0;                   ///< its number among the hidden trained layers, where `estimated`
  bool estimated = false;                   ///< a trained layer below the head
  std::size_t rows = 0;                     ///< of this batch
  bool keeps_input = false, keeps_output = false, keeps_slope = false;
  std::vector<float> input, output, slope, slope_weight, displaced, signal;

  std::size_t inputs() const { return call.weights.columns; }
  std::size_t outputs() const { return call.weights.rows; }
  bool trained() const { return weight || bias; }
};

/// A call of zolt::local that offers a backward.
struct recorded_local {
  local_call call;
  std::size_t columns = 0;
  std::size_t layers_before = 0, layers_after = 0;  ///< called before it began and when it ended
  std::size_t rows = 0;                             ///< of this batch
  bool has_layers = false;                          ///< calls zolt::linear
  bool before_head = false;                         ///< between the stream and the head, with no layer inside
  double work = 0;                                  ///< multiply-adds of the products inside, in this clean forward
  std::vector<float> input;
};

/// Watches the forward passes of a step: keeps what an estimator reads of them, answers for layers that need not be computed again, and
/// displaces outputs.
///
/// Cost     copies of what the estimator needs, see layer_optimizer; nothing is allocated once the largest batch was seen.
class layer_recorder final : public layer_observer {
 public:
  using displacement = void (*)(void* context, std::size_t hidden, std::uint32_t copy, tensor_view<float> out);

  /// `batches` of one size are kept until a write without growing.
  layer_recorder(layer_needs needs, std::span<const memory_range> parameters, std::size_t batches)
      : needs_(needs), parameters_(parameters), batches_(batches) {}

  std::span<recorded_layer> layers() { return layers_; }
  std::span<recorded_local> locals() { return locals_; }
  std::span<layer_trace> hidden() { return hidden_; }
  recorded_layer& head() { return layers_.back(); }
  /// Bytes kept of the forwards of one write.
  std::size_t bytes() const {
    std::size_t floats = change_.capacity();
    for (const recorded_layer& l : layers_)
      for (const auto* kept : {&l.input, &l.output, &l.slope, &l.slope_weight, &l.displaced, &l.signal}) floats += kept->capacity();
    for (const recorded_local& l : locals_) floats += l.input.capacity();
    return floats * sizeof(float);
  }
  /// Multiply-adds of products since the last call.
  double take_work() { return std::exchange(work_, 0.0); }

  /// An example whose loss or error is not finite: what it left must not meet a sum, not even times 0.
  void drop(std::size_t example) {
    const std::size_t rows = head().rows;  // a layer of other rows has no row of this example
    for (recorded_layer& layer : layers_) {
      if (layer.rows != rows) continue;
      if (layer.keeps_input) silence({&layer.input[(rows_before_ + example) * layer.inputs()], layer.inputs()});
      if (layer.keeps_output) silence({&layer.output[example * layer.outputs()], layer.outputs()});
      if (layer.estimated && layer.keeps_slope) std::fill_n(&layer.slope[example * layer.outputs()], layer.outputs(), 0.0f);
    }
    for (recorded_local& local : locals_)
      if (!local.input.empty() && local.rows == rows) silence({&local.input[example * local.columns], local.columns});
  }

  /// The sizes of outputs, over the examples that are not lost: one that is no number must not reach the others' displacement.
  void measure_outputs(std::span<const std::uint8_t> lost) {
    for (const recorded_layer& layer : layers_) {
      if (!layer.estimated || !layer.keeps_output) continue;
      double squares = 0;
      std::size_t count = 0;
      for (std::size_t b = 0; b < lost.size(); ++b) {
        if (lost[b] != 0) continue;
        for (const float v : std::span(layer.output).subspan(b * layer.outputs(), layer.outputs())) squares += double{v} * v;
        count += layer.outputs();
      }
      hidden_[layer.hidden].output_rms = count == 0 ? 0 : std::sqrt(squares / static_cast<double>(count));
    }
  }

  /// Learns which layers a forward calls; nothing is kept of their values.
  void start_discovery() {
    layers_.clear();
    locals_.clear();
    start(mode::discovery);
  }
  void finish_discovery() {
    mode_ = mode::idle;
    if (layers_.empty())
      fail("forward", "layers called through zolt::linear", std::size_t{0}, "be at least 1: this estimator sees nothing else of a model");
    if (head().rows == 0) fail("forward", "rows of the last layer", head().rows, "be at least 1");
    std::size_t count = 0, last = 0;
    for (std::size_t i = 0; i + 1 < layers_.size(); ++i)
      if (layers_[i].trained() && needs_.hidden) {
        layers_[i].estimated = true;
        layers_[i].hidden = count++;
        last = i;
      }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      recorded_layer& layer = layers_[i];
      layer.keeps_input |= layer.weight && (layer.estimated || i + 1 == layers_.size());
      layer.keeps_output = needs_.probes && count != 0 && i <= last;
      layer.keeps_slope = layer.estimated && needs_.slope != activation_slope::one && layers_[i + 1].inputs() == layer.outputs() &&
                          layers_[i + 1].rows == layer.rows;
      if (layer.keeps_slope) layers_[i + 1].keeps_input = true;
    }
    for (std::size_t l = locals_.size(); l-- > 0;)
      if (!locals_[l].has_layers && locals_[l].layers_before + 1 == layers_.size() && locals_[l].layers_after + 1 == layers_.size() &&
          locals_[l].columns == head().inputs()) {
        locals_[l].before_head = true;
        break;
      }
    hidden_.resize(count);
  }

  /// A forward of which nothing is kept.
  void start_unwatched() { mode_ = mode::idle; }

  /// The clean forward. Its rows are kept behind those of `rows_before` earlier batches of the same write.
  void start_clean(std::size_t rows_before) {
    rows_before_ = rows_before;
    start(mode::clean);
  }
  void finish_clean(std::size_t rows) {
    finish();
    if (rows == 0) fail("forward", "rows of outputs", rows, "be at least 1");
    if (rows != head().rows) fail("forward", "rows of outputs", rows, "be " + to_text(head().rows) + ", those of the last layer");
    for (recorded_layer& layer : layers_) {
      if (layer.estimated && layer.rows != rows)
        fail("forward", "rows of layer " + to_text(number_of(layer)), layer.rows, "be " + to_text(rows) + ", those of the outputs");
      if (layer.estimated || &layer == &head()) grow(layer.signal, rows * layer.outputs(), rows_before_ * layer.outputs());
      if (!layer.estimated) continue;
      float* signal = layer.signal.data() + rows_before_ * layer.outputs();
      std::fill_n(signal, rows * layer.outputs(), 0.0f);
      layer_trace& trace = hidden_[layer.hidden];
      trace.number = number_of(layer);
      trace.outputs = layer.outputs();
      trace.signal = {signal, {rows, layer.outputs()}};
      trace.slope = {};
      if (!layer.keeps_slope) continue;
      if (const std::size_t next = (&layer + 1)->rows; next != rows)
        fail("forward", "rows of layer " + to_text(number_of(layer) + 1), next, "be " + to_text(rows) + ", as many as below it");
      layer.slope.assign(rows * layer.outputs(), 0.0f);
      if (needs_.slope == activation_slope::measured) layer.slope_weight.assign(rows * layer.outputs(), 0.0f);
      if (needs_.slope == activation_slope::rectifier) {
        const std::span<const float> next = clean_input(*(&layer + 1));
        for (std::size_t i = 0; i < next.size(); ++i) layer.slope[i] = next[i] > 0 ? 1.0f : 0.0f;
      }
      trace.slope = {layer.slope.data(), {rows, layer.outputs()}};
    }
  }

  /// A round of copies of the batch in which some layers are displaced: one or several forwards, each of some of the copies.
  void start_round(const node_round& round, displacement how, void* context) {
    round_ = round;
    displace_ = how;
    context_ = context;
    for (std::size_t i = 0; i < layers_.size(); ++i)
      if (layers_[i].estimated && layers_[i].hidden == round.first) first_displaced_ = i;
    if (needs_.slope != activation_slope::measured) return;
    for (recorded_layer& layer : layers_)
      if (is_displaced(layer) && layer.keeps_slope) {
        std::fill(layer.slope.begin(), layer.slope.end(), 0.0f);
        std::fill(layer.slope_weight.begin(), layer.slope_weight.end(), 0.0f);
      }
  }
  void start_copies(std::uint32_t first, std::uint32_t count) {
    first_copy_ = first;
    copies_ = count;
    start(mode::round);
  }
  void finish_copies() { finish(); }
  void finish_round() {
    if (needs_.slope != activation_slope::measured) return;
    for (recorded_layer& layer : layers_) {
      if (!is_displaced(layer) || !layer.keeps_slope) continue;
      bool reached = false;
      for (std::size_t i = 0; i < layer.slope.size(); ++i) {
        const float weight = layer.slope_weight[i], slope = layer.slope[i] / weight;
        layer.slope[i] = weight > 0 && exact::is_finite(slope) ? std::clamp(slope, -steepest, steepest) : 0.0f;
        reached |= layer.slope[i] != 0;
      }
      if (!reached) hidden_[layer.hidden].slope = {};  // the next call reads something else than this layer's activation
    }
  }

  bool enter(const layer_call& call, tensor_view<const float> x, tensor_view<float> y) override {
    if (mode_ == mode::idle) return false;
    const double work = static_cast<double>(x.rows()) * static_cast<double>(call.weights.size());
    if (inside_block_ != 0) {
      if (mode_ == mode::discovery) locals_.back().has_layers = true;
      if (mode_ == mode::clean) work_ += work, locals_[next_local_ - 1].work += work;
      return false;
    }
    if (mode_ == mode::discovery) {
      recorded_layer& layer = layers_.emplace_back();
      layer.call = call;
      layer.weight = parameter_at(call.address);
      layer.rows = y.rows();
      return false;
    }
    recorded_layer& layer = next(call, y);
    const std::size_t i = number_of(layer);
    if (mode_ == mode::clean) {
      layer.call = call;  // what it reads may be another object this time
      if (layer.keeps_input) keep_batch(x, layer.input);
    } else if (mode_ == mode::round) {
      if (i != 0) measure_slope(layers_[i - 1], x);
      if (i <= first_displaced_) {
        for (std::size_t k = 0; k < copies_; ++k)
          std::copy_n(layer.output.data(), layer.output.size(), y.row(k * y.rows() / copies_).data());
        return true;
      }
    }
    work_ += work;
    return false;
  }

  void leave(const layer_call&, tensor_view<const float>, tensor_view<float> y) override {
    if (inside_block_ != 0 || mode_ == mode::idle) return;
    last_output_ = y.data();
    if (mode_ == mode::discovery) return;
    recorded_layer& layer = layers_[next_ - 1];
    if (mode_ == mode::clean && layer.keeps_output) {
      keep(y, layer.output);
    } else if (mode_ == mode::round && is_displaced(layer)) {
      for (std::uint32_t k = 0; k < copies_; ++k) {
        const float* by = displacement_of(layer, k);
        float* to = y.data() + k * layer.output.size();
        for (std::size_t j = 0; j < layer.output.size(); ++j) to[j] += by[j];
      }
      if (layer.keeps_slope && needs_.slope == activation_slope::measured && !is_first_displaced(layer)) keep(y, layer.displaced);
    }
  }

  void biased(const std::byte* address, std::size_t count, tensor_view<float> y) override {
    if (mode_ != mode::discovery || inside_block_ != 0 || layers_.empty()) return;
    if (y.data() == last_output_ && count == layers_.back().outputs() && !layers_.back().bias) layers_.back().bias = parameter_at(address);
  }

  void enter_local(const local_call& call, tensor_view<const float> x) override {
    if (inside_block_ == 0 && call.backward != nullptr) {
      if (mode_ == mode::discovery) {
        open_locals_.push_back(locals_.size());
        recorded_local& local = locals_.emplace_back();
        local.call = call;
        local.columns = x.columns();
        local.layers_before = layers_.size();
      } else if (mode_ == mode::clean) {
        recorded_local& local = next_local(x.columns());
        local.call = call;
        local.work = 0;
        local.rows = x.rows();
        if (needs_.stream_error && (needs_.backward || local.before_head)) keep(x, local.input);
      }
    }
    if (needs_.backward && call.backward != nullptr) ++inside_block_;
  }
  void leave_local(const local_call& call, tensor_view<float>) override {
    if (needs_.backward && call.backward != nullptr) --inside_block_;
    if (inside_block_ == 0 && call.backward != nullptr && mode_ == mode::discovery) {
      locals_[open_locals_.back()].layers_after = layers_.size();
      open_locals_.pop_back();
    }
  }

 private:
  enum class mode { idle, discovery, clean, round };
  /// No activation in use is steeper; a secant over a displacement that others nearly undid may be.
  static constexpr float steepest = 2;

  void start(mode m) {
    mode_ = m;
    next_ = next_local_ = 0;
    inside_block_ = 0;
    open_locals_.clear();
  }
  void finish() {
    mode_ = mode::idle;
    if (next_ != layers_.size())
      fail("forward", "layers called through zolt::linear", next_, "be " + to_text(layers_.size()) + ", as in the first forward");
  }
  recorded_layer& next(const layer_call& call, tensor_view<float> y) {
    if (next_ == layers_.size())
      fail("forward", "layers called through zolt::linear", next_ + 1, "be " + to_text(layers_.size()) + ", as in the first forward");
    recorded_layer& layer = layers_[next_];
    const std::optional<std::size_t> weight = parameter_at(call.address);  // a frozen one may lie elsewhere this time
    if (layer.call.weights != call.weights || layer.weight != weight)
      fail("forward", "layer " + to_text(next_), call.weights.text() + (layer.call.weights == call.weights ? " of other weights" : ""),
           "be " + layer.call.weights.text() + ", the weights of the first forward");
    if (mode_ == mode::clean)
      layer.rows = y.rows();
    else if (y.rows() != layer.rows * copies_)
      fail("forward", "rows of layer " + to_text(next_), y.rows(),
           "be " + to_text(layer.rows * copies_) + ", those of the clean forward times copies");
    ++next_;
    return layer;
  }
  recorded_local& next_local(std::size_t columns) {
    if (next_local_ == locals_.size() || locals_[next_local_].columns != columns)
      fail("forward", "calls of zolt::local", next_local_ + 1, "be those of the first forward");
    return locals_[next_local_++];
  }

  std::size_t number_of(const recorded_layer& layer) const { return static_cast<std::size_t>(&layer - layers_.data()); }
  std::optional<std::size_t> parameter_at(const std::byte* address) const {
    const memory_range* range = address == nullptr ? nullptr : range_at(parameters_, address);
    if (range == nullptr || range->begin != address) return {};
    return range->parameter;
  }
  /// Room for a batch behind `before` floats; with the first one, for as many as a write takes.
  void grow(std::vector<float>& to, std::size_t batch, std::size_t before) const {
    if (before == 0 && batches_ > 1) to.reserve(batches_ * batch);
    to.resize(before + batch);
  }
  void keep_batch(tensor_view<const float> from, std::vector<float>& to) const {
    const std::size_t before = rows_before_ * from.columns();
    grow(to, from.size(), before);
    std::copy_n(from.data(), from.size(), to.data() + before);
  }
  static void keep(tensor_view<const float> from, std::vector<float>& to) { to.assign(from.data(), from.data() + from.size()); }
  std::span<const float> clean_input(const recorded_layer& layer) const {
    return std::span(layer.input).subspan(rows_before_ * layer.inputs());
  }
  /// Zeros a row that holds something else than numbers. A row of numbers stays: others may depend on it, as in attention.
  static void silence(std::span<float> row) {
    if (!std::all_of(row.begin(), row.end(), [](float v) { return exact::is_finite(v); })) std::fill(row.begin(), row.end(), 0.0f);
  }
  bool is_displaced(const recorded_layer& layer) const {
    return layer.estimated && layer.hidden >= round_.first && layer.hidden <= round_.last;
  }
  /// Σ dh·dz and Σ dz² over the copies, whose quotient is the slope of the activation between a layer and the next one.
  void measure_slope(recorded_layer& layer, tensor_view<const float> x) {
    if (!is_displaced(layer) || !layer.keeps_slope || needs_.slope != activation_slope::measured) return;
    const std::span<const float> clean = clean_input(*(&layer + 1));
    if (x.size() != clean.size() * copies_) return;
    for (std::uint32_t k = 0; k < copies_; ++k) {
      const float *h = x.data() + k * clean.size(), *dz = change_of(layer, k);
      for (std::size_t i = 0; i < clean.size(); ++i) {
        layer.slope[i] += (h[i] - clean[i]) * dz[i];
        layer.slope_weight[i] += dz[i] * dz[i];
      }
    }
  }
  /// z' − z of one copy: the displacement itself in the first layer, with what came from below in the others.
  const float* change_of(const recorded_layer& layer, std::uint32_t copy) {
    if (is_first_displaced(layer)) return displacement_of(layer, copy);
    change_.resize(layer.output.size());
    for (std::size_t i = 0; i < change_.size(); ++i) change_[i] = layer.displaced[copy * change_.size() + i] - layer.output[i];
    return change_.data();
  }
  const float* displacement_of(const recorded_layer& layer, std::uint32_t copy) {
    change_.resize(layer.output.size());
    displace_(context_, layer.hidden, first_copy_ + copy, {change_.data(), {change_.size() / layer.outputs(), layer.outputs()}});
    return change_.data();
  }
  bool is_first_displaced(const recorded_layer& layer) const { return &layer == &layers_[first_displaced_]; }

  layer_needs needs_;
  std::span<const memory_range> parameters_;
  std::size_t batches_;
  std::vector<recorded_layer> layers_;
  std::vector<recorded_local> locals_;
  std::vector<layer_trace> hidden_;
  std::vector<std::size_t> open_locals_;
  std::vector<float> change_;
  const float* last_output_ = nullptr;
  mode mode_ = mode::idle;
  std::size_t next_ = 0, next_local_ = 0, inside_block_ = 0;
  std::size_t rows_before_ = 0, first_displaced_ = 0;
  node_round round_;
  std::uint32_t first_copy_ = 0, copies_ = 1;
  displacement displace_ = nullptr;
  void* context_ = nullptr;
  double work_ = 0;
};

}  // namespace zolt::inline v0::detail
