#pragma once

#include <cstddef>
#include <span>

#include "zolt/core/tensor.hpp"

namespace zolt::inline v0 {

class layer_signals;

/// One call of zolt::linear: which weights, and how to read them later in the same step.
struct layer_call {
  const std::byte* address = nullptr;  ///< of the weights' first byte; null for weights made of several tensors
  zolt::shape weights;
  const void* object = nullptr;  ///< null where `view` is a copy of it
  void (*read_from)(const void* object, std::size_t first, std::span<float> out) = nullptr;
  alignas(16) std::byte view[128] = {};  ///< a copy of weights that are a view: a temporary one is gone when it is needed

  void read(std::size_t first, std::span<float> out) const { read_from(object == nullptr ? view : object, first, out); }
};

/// One call of zolt::local; `backward` is null for a layer that offers none.
struct local_call {
  const void* object = nullptr;
  void (*backward)(const void* object, tensor_view<const float> x, tensor_view<const float> error, tensor_view<float> input_error,
                   layer_signals& signals) = nullptr;
};

/// Who watches a forward pass through a probe_view: zolt::linear, zolt::add_bias and zolt::local tell what they do. One indirect call per
/// layer.
class layer_observer {
 public:
  /// Before a product. True if y holds the outputs already, and the product is to be left out.
  virtual bool enter(const layer_call& call, tensor_view<const float> x, tensor_view<float> y) = 0;
  /// After it: y may be displaced.
  virtual void leave(const layer_call& call, tensor_view<const float> x, tensor_view<float> y) = 0;
  /// A bias was added to y.
  virtual void biased(const std::byte* address, std::size_t count, tensor_view<float> y) = 0;
  virtual void enter_local(const local_call& call, tensor_view<const float> x) = 0;
  virtual void leave_local(const local_call& call, tensor_view<float> y) = 0;

 protected:
  ~layer_observer() = default;
};

}  // namespace zolt::inline v0
