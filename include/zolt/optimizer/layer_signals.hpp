#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "zolt/optimizer/probe_view.hpp"
#include "zolt/optimizer/validation.hpp"

namespace zolt::inline v0 {

namespace detail {

/// One summand of an outer estimate: Σ_b signal(b, i) · input(b, k) for weight (i, k) of a parameter. Without input it is a bias: 1.
struct outer_factor {
  std::size_t parameter = 0;
  tensor_view<const float> signal;
  tensor_view<const float> input;
  std::size_t order = 0;  ///< among the summands

  std::size_t outputs() const { return signal.columns(); }
  std::size_t inputs() const { return input.data() == nullptr ? 1 : input.columns(); }
};

}  // namespace detail

/// Where the backward of a block leaves the signals of its own layers.
class layer_signals {
 public:
  explicit layer_signals(std::span<const detail::memory_range> parameters) : parameters_(parameters) {}

  /// ∂L/∂(w x) of every example, and x. Weights that are no parameter are passed over.
  template <class Weights>
  void weights(const Weights& w, tensor_view<const float> signal, tensor_view<const float> input) {
    add(detail::address_of(w), signal, input);
  }
  /// ∂L/∂v of every example, for a vector that acts element by element: a bias, a gain.
  template <class Weights>
  void vector(const Weights& v, tensor_view<const float> gradient) {
    add(detail::address_of(v), gradient, {});
  }

  void clear() { used_ = 0; }
  std::size_t count() const { return used_; }
  /// Forgets what was left after the first `count`.
  void keep(std::size_t count) { used_ = count; }
  std::size_t bytes() const {
    std::size_t floats = 0;
    for (const kept& k : kept_) floats += k.signal.capacity() + k.input.capacity();
    return floats * sizeof(float);
  }
  /// f(factor) for everything that was left since.
  template <class Function>
  void for_each(Function&& f) const {
    for (std::size_t i = 0; i < used_; ++i) {
      const kept& k = kept_[i];
      const std::size_t rows = k.signal.size() / k.outputs;
      f(detail::outer_factor{k.parameter,
                             {k.signal.data(), {rows, k.outputs}},
                             k.inputs == 0 ? tensor_view<const float>{} : tensor_view<const float>{k.input.data(), {rows, k.inputs}},
                             i});
    }
  }

 private:
  struct kept {
    std::size_t parameter, outputs, inputs;
    std::vector<float> signal, input;
  };

  void add(const std::byte* address, tensor_view<const float> signal, tensor_view<const float> input) {
    const detail::memory_range* range = detail::range_at(parameters_, address);
    if (range == nullptr || range->begin != address) return;
    if (used_ == kept_.size()) kept_.emplace_back();
    kept& k = kept_[used_++];
    k.parameter = range->parameter;
    k.outputs = signal.columns();
    k.inputs = input.columns();
    k.signal.assign(signal.data(), signal.data() + signal.size());
    k.input.assign(input.data(), input.data() + input.size());
  }

  std::span<const detail::memory_range> parameters_;
  std::vector<kept> kept_;
  std::size_t used_ = 0;
};

}  // namespace zolt::inline v0
