#pragma once

#include <string_view>

#include "zolt/core/bound.hpp"
#include "zolt/direction/law.hpp"

namespace zolt::inline v0 {

/// Random signs of the rows and columns of a matrix, one bit per example: the sign of example e at row i is bit e mod 32 of word i of the
/// stream with query ⌊e/32⌋. A set bit is −1.
struct example_signs {
  static constexpr std::uint32_t examples_per_word = 32;

  static random_stream words(const direction_key& key, std::uint64_t parameter, stream purpose, std::uint32_t group) {
    return {{key.run, key.step, group}, parameter, purpose};
  }
};

/// z = base ∘ r sᵀ: one direction per example at the price of a sign per row and column, all on the non-zeros of one base direction.
template <resolved_law Base>
struct per_example_law {
  static constexpr int bits = Base::bits;
  static constexpr bool whole_units = Base::whole_units;

  Base base;

  double density() const { return base.density(); }
  double spread() const { return base.spread(); }
  double amplitude() const { return base.amplitude(); }
  std::uint32_t record() const { return base.record(); }
  std::uint64_t cell() const requires requires(const Base& b) { b.cell(); }
  { return base.cell(); }
  per_example_law for_update() const { return {detail::update_law(base)}; }

  /// The key of the base direction, which all examples of a step share.
  static direction_key shared(const direction_key& key) { return {key.run, key.step, 0}; }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    base.fill(shared(key), info, first, z);
    signs sign(key, info);
    for (std::size_t j = 0; j < z.size(); ++j)
      if (z[j] != 0) z[j] = static_cast<std::int16_t>(sign(first + j) * z[j]);
  }

  template <class Function>
    requires sparse_law<Base>
  void for_each_nonzero(const direction_key& key, const parameter_info& info, std::uint64_t first, std::uint64_t last, Function&& f) const {
    signs sign(key, info);
    base.for_each_nonzero(shared(key), info, first, last, [&](std::uint64_t i, int z, std::uint64_t slot) { f(i, sign(i) * z, slot); });
  }
  friend bool operator==(const per_example_law&, const per_example_law&) = default;

 private:
  class signs {
   public:
    signs(const direction_key& key, const parameter_info& info)
        : columns_(info.shape.columns),
          bit_(key.query % example_signs::examples_per_word),
          of_row_(example_signs::words(key, info.id, stream::example_row, key.query / example_signs::examples_per_word)),
          of_column_(example_signs::words(key, info.id, stream::example_column, key.query / example_signs::examples_per_word)) {}
    int operator()(std::uint64_t i) {
      const std::uint32_t word = of_row_(i / columns_) ^ of_column_(i % columns_);
      return 1 - 2 * static_cast<int>(word >> bit_ & 1);
    }

   private:
    std::uint64_t columns_;
    std::uint32_t bit_;
    word_reader of_row_, of_column_;
  };
};

/// A direction of its own for every example of a batch: Q directions for two batched forward passes.
///
///   Δ_e = U ∘ (r_e s_eᵀ),      W_e x_e = W x_e + ε · r_e ∘ (U (s_e ∘ x_e))
///
/// U is the base direction of the step; r_e, s_e are fair signs of example e. The components of one Δ_e are uncorrelated and so are
/// different examples. Use two_point{.queries = examples}: probe k belongs to example probes[k].key.query, and its loss is the loss of that
/// example alone; the mean over examples of their gradients is then what the estimate estimates. A forward gives linear(probes, w, x, y) one
/// row of x per probe, which takes the right-hand form above: one more product with the non-zeros of U, and no weight per example. An update
/// visits every non-zero of U once, for all examples together.
///
/// Units    as the base.
/// Cost     two forwards of the batch, each (1 + density) products; rows + columns random bits per example and matrix. Scratch of
///          4·columns·examples bytes per lane for the update, 4·columns·probes per thread for the product.
/// Errors   an estimator that evaluates a probe without a direction: one baseline cannot be that of every example.
/// Source   Wen et al. 2018, Flipout (arXiv 1803.04386) §3; per-example zeroth-order estimates: GRZO (2026).
template <class Base>
struct per_example {
  static constexpr std::string_view prefix = "per_example ";
  static constexpr std::string_view name = detail::joined<prefix, Base::name>::value;
  static constexpr bool record_holds_all = requires { requires Base::record_holds_all; };

  static_assert(!direction_with_inputs<Base>, "zolt: per-example directions have a base without inputs: put masked<> around per_example<>");

  Base base;

  template <class Field>
  void fields(Field&& field) const {
    if constexpr (policy_with_fields<Base>) base.fields(field);
  }
  /// The base is one direction, however many examples share it.
  per_example_law<law_t<Base>> law_at(double relative_rate, std::uint32_t) const { return {base.law_at(relative_rate, 1)}; }
  per_example_law<law_t<Base>> law_of(std::uint32_t record) const { return {base.law_of(record)}; }
  friend bool operator==(const per_example&, const per_example&) = default;
};

namespace detail {
template <class L>
inline constexpr bool is_per_example = false;
template <class Base>
inline constexpr bool is_per_example<per_example_law<Base>> = true;
}  // namespace detail

/// Laws whose directions of one step share their non-zeros and differ by signs of rows and columns.
template <class L>
concept sign_factored_law = detail::is_per_example<L>;

}  // namespace zolt::inline v0
