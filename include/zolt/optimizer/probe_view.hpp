#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "zolt/core/error.hpp"
#include "zolt/estimator/estimate.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/optimizer/layer_observer.hpp"
#include "zolt/parameter/storage.hpp"

namespace zolt::inline v0 {

class probe_view;

/// Weights made of several tensors, each of which may be a parameter: codes under trained scales, fake-quantized floats under trained clips.
/// Such a type reads its parts through the probes it is given, and thereby sees them as they do.
template <class W>
concept composite_weights = requires(const W& w, const probe_view& probes, std::span<float> out) {
  w.read(probes, std::size_t{0}, out);
};

/// Something a forward can read weights from: floats, coded weights that decode themselves, or a composite of such.
template <class W>
concept readable_weights = std::convertible_to<const W&, std::span<const float>> ||
    std::convertible_to<const W&, tensor_view<const float>> || composite_weights<W> || requires(const W& w, std::span<float> out) {
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

/// Coded weights whose scales are floats, which may be parameters themselves.
template <class Weights>
concept has_float_scales = requires(const Weights& w, std::span<float> out) {
  { view_of(w).scales() } -> std::same_as<std::span<const float>>;
  view_of(w).decode_unscaled(std::size_t{0}, out);
};

/// Scales and zero points of some groups under one probe, counted from group `first`.
struct probed_grids {
  std::size_t first;
  const float* scales;
  scaled operator[](std::size_t k) const { return {scales[k - first]}; }
};
struct probed_affine_grids {
  std::size_t first;
  const float *scales, *zeros;
  affine operator[](std::size_t k) const { return {scales[k - first], zeros[k - first]}; }
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
  /// Reads `count` weights from `first` under every probe, or the values of their codes without scales; false if no parameter lies at that
  /// address.
  using read_function = bool (*)(void* optimizer, const std::byte* address, std::size_t first, std::size_t count, bool unscaled,
                                 std::span<const probe> probes, std::span<float> out);

  /// y(k, ·) = W_k x(k, ·) with the weights that probe k sees, one row of x per probe; false if there is no faster way than to read them.
  using multiply_function = bool (*)(void* optimizer, const std::byte* address, const shape& weights, std::span<const probe> probes,
                                     tensor_view<const float> x, tensor_view<float> y);

  /// Whether the parameter at an address is one that the step moves.
  using moves_function = bool (*)(const void* optimizer, const std::byte* address);

  probe_view() = default;
  probe_view(void* optimizer, read_function how, std::span<const probe> probes, multiply_function how_to_multiply = nullptr,
             moves_function which_move = nullptr)
      : optimizer_(optimizer), read_(how), multiply_(how_to_multiply), moves_(which_move), probes_(probes) {}

  /// A view of the weights as they are, for a forward whose layers are watched: `copies` are copies of the batch.
  probe_view(layer_observer& observer, std::span<const probe> copies) : observer_(&observer), probes_(copies) {}

  /// Probes in this view: those of the plan, or one.
  std::size_t count() const { return probes_.empty() ? 1 : probes_.size(); }
  probe operator[](std::size_t k) const { return probes_.empty() ? probe{} : probes_[k]; }
  probe_view one(std::size_t k) const {
    probe_view view = *this;
    if (!probes_.empty()) view.probes_ = probes_.subspan(k, 1);
    return view;
  }
  /// Who watches the layers of this forward, or null.
  layer_observer* observer() const { return observer_; }

  /// Whether this step moves a tensor. One that it does not is the same under every probe, before the step and after it: a forward may compute
  /// once what comes before the first tensor that moves (with a probe_view of its own), or keep it while that goes on. Asking is not reading.
  ///
  /// Where layers are watched, every tensor moves, and so it does for a view of nobody: a loss in place asks the optimizer's probes(). A
  /// composite moves, unless its moves(probes) says otherwise. Of what others write between steps, a projection or the head beside a body,
  /// a view knows nothing.
  template <class Weights>
  bool moves(const Weights& w) const {
    if (observer_ != nullptr || optimizer_ == nullptr) return true;
    if constexpr (requires { w.moves(*this); }) {
      return w.moves(*this);
    } else if constexpr (composite_weights<Weights>) {
      return true;
    } else {
      if (is_moved(detail::address_of(w))) return true;
      if constexpr (detail::has_float_scales<Weights>) {
        const auto& view = detail::view_of(w);
        if (is_moved(detail::address_of(view.scales()))) return true;
        if constexpr (requires { view.zeros(); }) return is_moved(detail::address_of(view.zeros()));
      }
      return false;
    }
  }

  /// out[k·n + j] = weight first + j under probe k, for n = out.size() / count(). A tensor that is not a parameter comes back unchanged.
  /// Codes whose float scales or zero points are parameters are seen under the scales of each probe.
  ///
  /// Cost     one decode of the range, one copy and one pass over the touched weights per probe; one indirect call.
  /// Errors   an address inside a parameter's memory but not at its beginning: name the tensor and use `first`.
  template <class Weights>
  void read(const Weights& w, std::size_t first, std::span<float> out) const {
    static_assert(readable_weights<Weights>,
                  "zolt: weights are read from floats or from something that decodes itself (see zolt::readable_weights)");
    if constexpr (composite_weights<Weights>) {
      w.read(*this, first, out);
    } else if constexpr (readable_weights<Weights>) {
      if constexpr (detail::has_float_scales<Weights>)
        if (read_under_scales(detail::view_of(w), first, out)) return;
      if (is_parameter(detail::address_of(w), first, out, false)) return;
      detail::read_unperturbed(w, first, out.first(out.size() / count()));
      repeat(out);
    }
  }

  /// The product of a layer whose rows of x are one per probe, if the direction law knows a way that reads no weight per probe.
  ///
  /// Shapes   w: outputs × inputs; x: count() × inputs; y: count() × outputs.
  template <class Weights>
  bool multiply(const Weights& w, tensor_view<const float> x, tensor_view<float> y) const {
    if constexpr (requires { w.shape(); } && !composite_weights<Weights>) {
      if (multiply_ == nullptr || x.rows() != count() || y.rows() != count()) return false;
      if constexpr (detail::has_float_scales<Weights>)  // weights that move with their scales are products of two directions
        if (has_trained_grid(detail::view_of(w))) return false;
      return multiply_(optimizer_, detail::address_of(w), w.shape(), probes_, x, y);
    } else {
      return false;
    }
  }

 private:
  bool is_moved(const std::byte* address) const {
    return moves_ != nullptr ? moves_(optimizer_, address) : is_parameter(address, 0, {}, false);
  }
  bool is_parameter(const std::byte* address, std::size_t first, std::span<float> out, bool unscaled) const {
    return read_ != nullptr && read_(optimizer_, address, first, out.size() / count(), unscaled, probes_, out);
  }
  /// What the first probe sees, for all of them.
  void repeat(std::span<float> out) const {
    const std::size_t n = out.size() / count();
    for (std::size_t k = 1; k < count(); ++k) std::copy_n(out.data(), n, out.data() + k * n);
  }

  /// Whether the scales or zero points of coded weights are parameters.
  template <class View>
  bool has_trained_grid(const View& w) const {
    bool any = is_parameter(detail::address_of(w.scales()), 0, {}, false);
    if constexpr (requires { w.zeros(); }) any |= is_parameter(detail::address_of(w.zeros()), 0, {}, false);
    return any;
  }
  /// Weights as values times scales, if the scales or zero points are parameters.
  template <class View>
  bool read_under_scales(const View& w, std::size_t first, std::span<float> out) const {
    constexpr bool has_zeros = requires { w.zeros(); };
    const std::size_t n = out.size() / count();
    if (!has_trained_grid(w) || n == 0 || first > w.shape().size() || n > w.shape().size() - first) return false;

    const auto& layout = w.layout();
    const auto groups_above = [&layout](std::size_t i) { return i / layout.row / layout.block_rows * layout.groups_per_row(); };
    const std::size_t group = groups_above(first), groups = groups_above(first + n - 1) + layout.groups_per_row() - group;
    thread_local std::vector<float> grids;
    grids.resize((has_zeros ? 2 : 1) * groups * count());
    const std::span<float> scales = std::span(grids).first(groups * count()), zeros = std::span(grids).subspan(scales.size());
    read(w.scales(), group, scales);
    if constexpr (has_zeros) read(w.zeros(), group, zeros);
    if (!is_parameter(detail::address_of(w), first, out, true)) {
      w.decode_unscaled(first, out.first(n));
      repeat(out);
    }
    for (std::size_t k = 0; k < count(); ++k) {
      if constexpr (has_zeros)
        kernel::scale_values(detail::probed_affine_grids{group, &scales[k * groups], &zeros[k * groups]}, layout, first,
                             out.subspan(k * n, n));
      else
        kernel::scale_values(detail::probed_grids{group, &scales[k * groups]}, layout, first, out.subspan(k * n, n));
    }
    return true;
  }

  void* optimizer_ = nullptr;
  read_function read_ = nullptr;
  multiply_function multiply_ = nullptr;
  moves_function moves_ = nullptr;
  layer_observer* observer_ = nullptr;
  std::span<const probe> probes_;
};

}  // namespace zolt::inline v0
