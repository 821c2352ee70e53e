#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "zolt/core/error.hpp"
#include "zolt/estimator/estimate.hpp"
#include "zolt/parameter/storage.hpp"

namespace zolt::inline v0 {

/// Something a forward can read weights from: floats, or coded weights that decode themselves.
template <class W>
concept readable_weights = std::convertible_to<const W&, std::span<const float>> ||
    std::convertible_to<const W&, tensor_view<const float>> || requires(const W& w, std::span<float> out) {
  w.decode(std::size_t{0}, out);
};

namespace detail {

template <class Weights>
std::span<const float> floats_of(const Weights& w) {
  if constexpr (std::convertible_to<const Weights&, tensor_view<const float>>)
    return static_cast<tensor_view<const float>>(w).flat();
  else
    return static_cast<std::span<const float>>(w);
}

template <class Weights>
constexpr bool decodes = requires(const Weights& w, std::span<float> out) {
  w.decode(std::size_t{0}, out);
};

/// The address by which a forward names a tensor: that of its first byte, whatever object it goes through.
template <class Weights>
const std::byte* address_of(const Weights& w) {
  if constexpr (!decodes<Weights>)
    return reinterpret_cast<const std::byte*>(floats_of(w).data());
  else if constexpr (requires { w.bytes(); })
    return w.bytes().data();
  else
    return w.view().bytes().data();
}

template <class Weights>
void read_unperturbed(const Weights& w, std::size_t first, std::span<float> out) {
  const auto check = [first, count = out.size()](std::size_t size) {
    if (first > size || count > size - first) fail("frozen tensor", "weights read, up to", first + count, "be at most " + to_text(size));
  };
  if constexpr (decodes<Weights>) {
    if constexpr (requires { w.shape(); }) check(w.shape().size());
    w.decode(first, out);
  } else {
    check(floats_of(w).size());
    std::copy_n(floats_of(w).data() + first, out.size(), out.data());
  }
}

}  // namespace detail

/// The model as one or several probes see it: an ordinary class, so that a forward may be an ordinary function in a .cpp file.
///
/// A view that was not made by an optimizer has one probe and shows every tensor as it is: one forward serves training and inference.
class probe_view {
 public:
  /// Reads `count` weights from `first` under every probe; false if no parameter lies at that address.
  using read_function = bool (*)(void* optimizer, const std::byte* address, std::size_t first, std::size_t count,
                                 std::span<const probe> probes, std::span<float> out);

  probe_view() = default;
  probe_view(void* optimizer, read_function how, std::span<const probe> probes) : optimizer_(optimizer), read_(how), probes_(probes) {}

  /// Probes in this view: those of the plan, or one.
  std::size_t count() const { return read_ == nullptr ? 1 : probes_.size(); }
  probe operator[](std::size_t k) const { return read_ == nullptr ? probe{} : probes_[k]; }
  probe_view one(std::size_t k) const { return read_ == nullptr ? *this : probe_view{optimizer_, read_, probes_.subspan(k, 1)}; }

  /// out[k·n + j] = weight first + j under probe k, for n = out.size() / count(). A tensor that is not a parameter comes back unchanged.
  ///
  /// Cost     one decode of the range, one copy and one pass over the touched weights per probe; one indirect call.
  /// Errors   an address inside a parameter's memory but not at its beginning: name the tensor and use `first`.
  template <class Weights>
  void read(const Weights& w, std::size_t first, std::span<float> out) const {
    static_assert(readable_weights<Weights>,
                  "zolt: weights are read from floats or from something that decodes itself (see zolt::readable_weights)");
    if constexpr (readable_weights<Weights>) {
      const std::size_t n = out.size() / count();
      if (read_ != nullptr && read_(optimizer_, detail::address_of(w), first, n, probes_, out)) return;
      detail::read_unperturbed(w, first, out.first(n));
      for (std::size_t k = 1; k < count(); ++k) std::copy_n(out.data(), n, out.data() + k * n);
    }
  }

 private:
  void* optimizer_ = nullptr;
  read_function read_ = nullptr;
  std::span<const probe> probes_;
};

}  // namespace zolt::inline v0
