#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "zolt/core/tensor.hpp"
#include "zolt/kernel/matmul.hpp"
#include "zolt/optimizer/probe_view.hpp"

namespace zolt::inline v0 {

/// Weights of a linear layer: rows are outputs, columns are inputs.
template <class W>
concept weight_matrix = readable_weights<W> && requires(const W& w) {
  { w.shape() } -> std::same_as<zolt::shape>;
};

namespace detail {

/// A scratch buffer that a thread keeps: after the first forward it allocates nothing.
inline std::span<float> scratch(std::size_t count) {
  thread_local std::vector<float> buffer;
  if (buffer.size() < count) buffer.resize(count);
  return std::span(buffer).first(count);
}

/// Rows of y per probe, checked: y leads with the probes, x either does too or is shared by all of them.
inline std::size_t rows_per_probe(const probe_view& probes, const shape& x, const shape& y) {
  if (y.rows % probes.count() != 0)
    fail("linear", "rows of y", y.rows, "be a multiple of the number of probes, " + to_text(probes.count()));
  const std::size_t rows = y.rows / probes.count();
  if (x.rows != y.rows && x.rows != rows)
    fail("linear", "rows of x", x.rows,
         "be " + to_text(y.rows) + " (a block of rows per probe) or " + to_text(rows) + " (shared by all probes)");
  return rows;
}

template <class Weights>
layer_call call_of(const Weights& w) {
  layer_call call;
  call.weights = w.shape();
  call.read_from = [](const void* object, std::size_t first, std::span<float> out) {
    probe_view{}.read(*static_cast<const Weights*>(object), first, out);
  };
  if constexpr (std::is_trivially_copyable_v<Weights> && sizeof(Weights) <= sizeof call.view && alignof(Weights) <= 16)
    std::memcpy(call.view, &w, sizeof w);
  else
    call.object = &w;
  if constexpr (!composite_weights<Weights>) call.address = address_of(w);
  return call;
}

}  // namespace detail

template <class Weights>
void linear(const probe_view& probes, const Weights& w, tensor_view<const float> x, tensor_view<float> y);

namespace detail {

/// The rows of y under the first probe, for all the others.
inline void repeat_rows(tensor_view<float> y, std::size_t batch) {
  for (std::size_t done = batch == 0 ? y.rows() : batch; done < y.rows(); done += batch)
    std::copy_n(y.data(), batch * y.columns(), y.row(done).data());
}

/// A layer of a forward that somebody watches: every copy of the batch sees the weights as they are, so they are read once.
template <class Weights>
void observed_linear(layer_observer& observer, const Weights& w, tensor_view<const float> x, tensor_view<float> y) {
  const layer_call call = call_of(w);
  if (!observer.enter(call, x, y)) {
    linear(probe_view{}, w, x, y.rows_from(0, x.rows()));
    repeat_rows(y, x.rows());
  }
  observer.leave(call, x, y);
}

}  // namespace detail

/// y = x wᵀ under every probe of a view.
///
/// Rows lead with the probe: for B = y.rows / probes.count(), row k·B + b of y is example b under probe k. x has the same rows, or B rows that
/// every probe shares (the first layer of a network). Each tile of w is decoded once, moved per probe, multiplied, and forgotten. With one
/// row per probe a law of per-example directions multiplies once for all of them. Rows that all probes share under a w that none of them
/// moves are multiplied once and copied.
///
/// Shapes   w: outputs × inputs; x: rows × inputs; y: rows × outputs.
/// Cost     2 · rows · outputs · inputs operations; one decode of w; a scratch tile of at most 256 KiB or four rows per probe.
/// Errors   shapes that do not fit.
template <class Weights>
void linear(const probe_view& probes, const Weights& w, tensor_view<const float> x, tensor_view<float> y) {
  static_assert(weight_matrix<Weights>, "zolt: a linear layer reads weights that have a shape() (see zolt::weight_matrix)");
  const shape s = w.shape();
  if (s.size() == 0) fail("linear", "shape of the weight", s.text(), "have at least one element");
  if (x.columns() != s.columns) fail("linear", "columns of x", x.columns(), "be " + to_text(s.columns) + ", the inputs of the weight");
  if (y.columns() != s.rows) fail("linear", "columns of y", y.columns(), "be " + to_text(s.rows) + ", the outputs of the weight");
  const std::size_t batch = detail::rows_per_probe(probes, x.shape(), y.shape());
  if (probes.observer() != nullptr) return detail::observed_linear(*probes.observer(), w, x, y);
  if (probes.multiply(w, x, y)) return;
  const std::size_t x_step = x.rows() == y.rows() ? batch : 0;
  if (x_step == 0 && probes.count() > 1 && !probes.moves(w)) {
    linear(probe_view{}, w, x, y.rows_from(0, batch));
    return detail::repeat_rows(y, batch);
  }

  constexpr std::size_t tile_floats = std::size_t{1} << 16;
  const std::size_t rows_at_once = std::max<std::size_t>(4, tile_floats / (s.columns * probes.count()) / 4 * 4);
  const std::span<float> tile = detail::scratch(std::min(rows_at_once, s.rows) * s.columns * probes.count());
  for (std::size_t row = 0; row < s.rows; row += rows_at_once) {
    const std::size_t rows = std::min(rows_at_once, s.rows - row), weights = rows * s.columns;
    probes.read(w, row * s.columns, tile.first(weights * probes.count()));
    for (std::size_t k = 0; k < probes.count(); ++k)
      kernel::multiply(tile.data() + k * weights, rows, x.data() + k * x_step * s.columns, batch, s.columns,
                       y.data() + k * batch * s.rows + row, s.rows);
  }
}

/// y = x wᵀ with the weights as they are.
template <class Weights>
void linear(const Weights& w, tensor_view<const float> x, tensor_view<float> y) {
  linear(probe_view{}, w, x, y);
}

/// Adds a bias to every row, each probe its own. An estimator that reads layers takes it for the bias of the layer that wrote y just before:
/// nothing may come between them.
template <readable_weights Bias>
void add_bias(const probe_view& probes, const Bias& b, tensor_view<float> y) {
  const std::size_t batch = detail::rows_per_probe(probes, y.shape(), y.shape()), n = y.columns();
  const std::span<float> values = detail::scratch(n * probes.count());
  probes.read(b, 0, values);
  for (std::size_t row = 0; row < y.rows(); ++row)
    for (std::size_t j = 0; j < n; ++j) y(row, j) += values[row / batch * n + j];
  if constexpr (!composite_weights<Bias>)
    if (probes.observer() != nullptr) probes.observer()->biased(detail::address_of(b), n, y);
}

}  // namespace zolt::inline v0
