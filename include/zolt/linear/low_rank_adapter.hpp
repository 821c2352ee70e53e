#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/random/distribution.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// Base weights and a product of two thin matrices beside them: the composite that a fine-tune of A and B alone trains.
///
///   W' = W + scaling · B A
///
/// A and B are float parameters, W is frozen, of any format, or a parameter itself. All three stay in the owner's memory, and so does the
/// object through which W is named. `linear` adds two thin products to that of W; `read` forms W' under every probe, for a reader of weights.
///
/// Units    scaling: α/rank.
/// Shapes   W: rows × columns; A: rank × columns; B: rows × rank.
/// Cost     linear: 2 · rank · (rows + columns) operations per example more than W alone, and a buffer per thread of rows of y and of
///          A x. read: 2 · rank operations per weight and probe, and a buffer of A under every probe and of the rows of B it touches.
/// Errors   shapes that do not fit; a scaling that is not finite.
/// Source   LoRA (Hu et al. 2022, arXiv 2106.09685) eq. 3 and §4.1; without gradients: Malladi et al. 2023 (arXiv 2305.17333) §2.
/// Differs  no dropout: a loss must be the same function for both probes of a direction.
template <class Weights>
class low_rank_adapter {
  static_assert(weight_matrix<Weights>, "zolt: the base of an adapter is readable weights with a shape() (see zolt::weight_matrix)");

 public:
  low_rank_adapter(const Weights& base, tensor_view<float> a, tensor_view<float> b, double scaling = 1)
      : base_(&base), a_(a), b_(b), scaling_(static_cast<float>(scaling)) {
    const zolt::shape w = base.shape();
    if (a.rows() == 0) fail("low_rank_adapter", "rank", a.rows(), "be at least 1");
    if (a.columns() != w.columns) fail("low_rank_adapter", "columns of A", a.columns(), "be " + to_text(w.columns) + ", those of the base");
    if (b.rows() != w.rows) fail("low_rank_adapter", "rows of B", b.rows(), "be " + to_text(w.rows) + ", those of the base");
    if (b.columns() != a.rows()) fail("low_rank_adapter", "columns of B", b.columns(), "be " + to_text(a.rows()) + ", the rank");
    if (!exact::is_finite(scaling_)) fail("low_rank_adapter", "scaling", scaling, "be finite");
  }
  low_rank_adapter(const Weights&& base, tensor_view<float>, tensor_view<float>, double = 1) = delete;  // it would outlive a temporary

  zolt::shape shape() const { return base_->shape(); }
  std::size_t rank() const { return a_.rows(); }
  float scaling() const { return scaling_; }
  const Weights& base() const { return *base_; }
  tensor_view<float> a() const { return a_; }
  tensor_view<float> b() const { return b_; }

  /// Whether this step moves any of the three.
  bool moves(const probe_view& probes) const { return probes.moves(*base_) || probes.moves(a_) || probes.moves(b_); }

  /// out[k·n + j] = weight first + j of W' under probe k, n = out.size() / probes.count().
  void read(const probe_view& probes, std::size_t first, std::span<float> out) const {
    probes.read(*base_, first, out);
    const std::size_t n = out.size() / probes.count(), columns = a_.columns(), last = first + n;
    if (n == 0) return;
    const std::size_t top = first / columns, rows = (last - 1) / columns + 1 - top;
    thread_local std::vector<float> factors;
    const std::size_t all_a = a_.size() * probes.count(), all_b = rows * rank() * probes.count();
    if (factors.size() < all_a + all_b) factors.resize(all_a + all_b);
    const std::span<float> a = std::span(factors).first(all_a), b = std::span(factors).subspan(all_a, all_b);
    probes.read(a_, 0, a);
    probes.read(b_, top * rank(), b);
    for (std::size_t p = 0; p < probes.count(); ++p)
      for (std::size_t i = first; i < last;) {
        const std::size_t row = i / columns, end = std::min(last, (row + 1) * columns);
        for (std::size_t k = 0; k < rank(); ++k) {
          const float factor = exact::product(scaling_, b[(p * rows + row - top) * rank() + k]);
          const float* from = a.data() + (p * rank() + k) * columns + i % columns;
          for (std::size_t j = 0; j < end - i; ++j) out[p * n + i - first + j] += factor * from[j];
        }
        i = end;
      }
  }

 private:
  const Weights* base_;
  tensor_view<float> a_, b_;
  float scaling_;
};

/// y = x Wᵀ + scaling · (x Aᵀ) Bᵀ under every probe of a view, W' never formed. Rows as for any weights.
template <class Weights>
void linear(const probe_view& probes, const low_rank_adapter<Weights>& w, tensor_view<const float> x, tensor_view<float> y) {
  linear(probes, w.base(), x, y);
  thread_local std::vector<float> buffer;
  const std::size_t inner = y.rows() * w.rank();
  if (buffer.size() < inner + y.size()) buffer.resize(inner + y.size());
  const tensor_view<float> narrow(buffer.data(), {y.rows(), w.rank()}), wide(buffer.data() + inner, y.shape());
  linear(probes, w.a(), x, narrow);
  linear(probes, w.b(), narrow, wide);
  for (std::size_t i = 0; i < y.size(); ++i) y.data()[i] += w.scaling() * wide.data()[i];
}

/// What an adapter starts from: B = 0, so that W' = W, and A of mean 0 and variance 1/columns, so that A x is as large as x.
///
/// A is a function of its name and the run alone, the same on every machine.
/// Source   Hu et al. 2022 (arXiv 2106.09685) §4.1: a Gaussian A and B = 0.
/// Differs  the paper leaves the variance open.
inline void initial_adapter(std::string_view name, tensor_view<float> a, tensor_view<float> b, std::uint64_t run = 0) {
  std::fill_n(b.data(), b.size(), 0.0f);
  std::vector<std::int16_t> z(a.size());
  const direction_key key{run, 0, ~std::uint32_t{0}};  // no optimizer has as many queries
  distribution::fill<distribution::gaussian>(random_stream(key, hash_of(name.data(), name.size()), stream::factor_right), 0, z);
  const auto unit = static_cast<float>(1 / std::sqrt(distribution::gaussian::second_moment * static_cast<double>(a.columns())));
  for (std::size_t i = 0; i < z.size(); ++i) a.data()[i] = exact::product(unit, static_cast<float>(z[i]));
}

}  // namespace zolt::inline v0
