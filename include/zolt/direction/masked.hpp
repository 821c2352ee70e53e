#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0 {

/// Which weights of one parameter a direction may touch: bit i mod 64 of word ⌊i/64⌋.
struct weight_mask {
  std::uint64_t id = 0;
  std::size_t size = 0;
  std::size_t kept = 0;
  std::vector<std::uint64_t> words;

  bool on(std::uint64_t i) const { return (words[static_cast<std::size_t>(i / 64)] >> (i % 64) & 1) != 0; }
  friend bool operator==(const weight_mask&, const weight_mask&) = default;
};

/// Masks of parameters by id. A parameter without one is on everywhere.
class mask_set {
 public:
  const weight_mask* find(std::uint64_t id) const {
    const auto at = std::lower_bound(all_.begin(), all_.end(), id, before);
    return at == all_.end() || at->id != id ? nullptr : &*at;
  }
  /// The mask of a parameter, made if there is none, with bit i = on(i) for every weight in order.
  template <class On>
  void assign(std::uint64_t id, std::size_t size, On&& on) {
    auto at = std::lower_bound(all_.begin(), all_.end(), id, before);
    if (at == all_.end() || at->id != id) at = all_.insert(at, weight_mask{});
    at->id = id;
    at->size = size;
    at->kept = 0;
    at->words.assign((size + 63) / 64, 0);
    for (std::size_t i = 0; i < size; ++i) {
      const bool kept = on(i);
      at->words[i / 64] |= std::uint64_t{kept} << (i % 64);
      at->kept += kept;
    }
  }
  /// To be called when masks have changed: the share of all weights that are on.
  template <class Parameters>
  void count(const Parameters& parameters) {
    std::size_t all = 0, kept = 0;
    for_each_parameter(parameters, [&](std::size_t, const auto& p) {
      const weight_mask* mask = find(p.id);
      all += p.size();
      kept += mask == nullptr ? p.size() : mask->kept;
    });
    kept_fraction_ = all == 0 ? 1 : static_cast<double>(kept) / static_cast<double>(all);
  }

  double kept_fraction() const { return kept_fraction_; }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const weight_mask& m : all_) sum += m.words.size() * sizeof(std::uint64_t);
    return sum;
  }
  friend bool operator==(const mask_set&, const mask_set&) = default;

 private:
  static bool before(const weight_mask& m, std::uint64_t id) { return m.id < id; }

  std::vector<weight_mask> all_;
  double kept_fraction_ = 1;
};

/// Small weights only: those whose magnitude is not above a threshold of their tensor.
///
///   h_l = the k-th smallest |w| of tensor l before the first step, k = (1 − sparsity)·n_l rounded;   on where |w| ≤ h_l
///
/// The threshold stays, the mask follows the weights every `interval` steps, always those that no probe has displaced. A weight that grows
/// beyond h_l is left alone from then on. On coded storage |w| is that of the weight as it is read, so that scales count and every format
/// is alike; weights that tie with the threshold are all on, which on few codes can be many more than were asked for.
///
/// Units    sparsity: the fraction of weights that are off; interval: steps.
/// Cost     1 bit per weight; a read of all weights every `interval` steps; at the first step 4 bytes per weight of the largest tensor.
/// Source   Sparse MeZO (arXiv 2402.15751): threshold per layer, once; mask from the unperturbed weights.
/// Differs  `interval` above 1 reads the weights less often; the paper has 1.
struct magnitude_mask {
  static constexpr std::string_view name = "magnitude_mask";
  double sparsity = 0.75;
  std::uint32_t interval = 1;

  struct inputs {
    mask_set masks;
    std::vector<std::uint32_t> thresholds;  ///< of each parameter in order: bits of |w|, which order as magnitudes do
    friend bool operator==(const inputs&, const inputs&) = default;
  };
  template <class Field>
  void fields(Field&& field) const {
    field("sparsity", sparsity, bound::fraction_below_one);
    field("interval", interval, bound::at_least_one);
  }
  template <class Parameters>
  void refresh(inputs& in, const Parameters& parameters, const direction_key& key) const {
    const bool first = key.step == 0 || in.thresholds.empty();
    if (!first && key.step % interval != 0) return;
    if (first) in.thresholds.assign(parameters.size(), 0);
    for_each_parameter(parameters, [&](std::size_t k, const auto& p) {
      if (first) in.thresholds[k] = threshold_of(p);
      alignas(64) float tile[tile_size];
      in.masks.assign(p.id, p.size(), [&](std::size_t i) {
        if (i % tile_size == 0) read(p.storage, i, std::span(tile, std::min(tile_size, p.size() - i)));
        return magnitude(tile[i % tile_size]) <= in.thresholds[k];
      });
    });
    in.masks.count(parameters);
  }
  friend bool operator==(const magnitude_mask&, const magnitude_mask&) = default;

 private:
  static std::uint32_t magnitude(float w) { return std::bit_cast<std::uint32_t>(w) & 0x7fffffff; }

  template <parameter_storage Storage>
  static void read(const Storage& storage, std::size_t first, std::span<float> out) {
    if constexpr (dense_storage<Storage>)
      std::copy_n(storage.values().data() + first, out.size(), out.data());
    else
      storage.decode(first, out);
  }
  template <class Storage>
  std::uint32_t threshold_of(const parameter<Storage>& p) const {
    std::vector<std::uint32_t> all(p.size());
    alignas(64) float tile[tile_size];
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i % tile_size == 0) read(p.storage, i, std::span(tile, std::min(tile_size, all.size() - i)));
      all[i] = magnitude(tile[i % tile_size]);
    }
    const double wanted = exact::product(1 - sparsity, static_cast<double>(all.size()));
    const auto kept = std::clamp<std::size_t>(static_cast<std::size_t>(wanted + 0.5), 1, all.size());
    const auto at = all.begin() + static_cast<std::ptrdiff_t>(kept - 1);
    std::nth_element(all.begin(), at, all.end());
    return *at;
  }
};

/// The weights of one parameter that may move.
struct named_mask {
  std::string parameter;
  std::vector<bool> on;  ///< one per weight, row by row
  friend bool operator==(const named_mask&, const named_mask&) = default;
};

/// Masks that the user gives and that never change. A parameter without one is on everywhere.
///
/// Units    none.
/// Cost     1 bit per weight of the parameters that are named, twice: here and in the optimizer.
/// Source   ours; what a sensitivity analysis of any kind finds is given this way.
/// Errors   at the first step: a name that no parameter has, or another number of weights than its own.
struct static_mask {
  static constexpr std::string_view name = "static_mask";
  std::vector<named_mask> masks;

  struct inputs {
    mask_set masks;
    bool made = false;
    friend bool operator==(const inputs&, const inputs&) = default;
  };
  /// The identity of the masks in a trajectory.
  template <class Field>
  void fields(Field&& field) const {
    std::uint64_t hash = masks.size();
    for (const named_mask& m : masks) {
      hash = (hash ^ hash_of(m.parameter.data(), m.parameter.size())) * 0x100000001b3u;
      for (const bool on : m.on) hash = (hash ^ (on ? 2u : 1u)) * 0x100000001b3u;
    }
    field("hash", static_cast<double>(hash >> 32), bound::non_negative);
  }
  template <class Parameters>
  void refresh(inputs& in, const Parameters& parameters, const direction_key&) const {
    if (in.made) return;
    mask_set found;
    for (const named_mask& m : masks) {
      bool known = false;
      for_each_parameter(parameters, [&](std::size_t, const auto& p) {
        if (p.name != m.parameter) return;
        if (p.size() != m.on.size()) fail(p.name, "weights of its mask", m.on.size(), "be " + to_text(p.size()));
        found.assign(p.id, p.size(), [&m](std::size_t i) { return m.on[i]; });
        known = true;
      });
      if (!known) fail(name, "parameter", m.parameter, "be the name of a parameter");
    }
    found.count(parameters);
    in.masks = std::move(found);
    in.made = true;
  }
  friend bool operator==(const static_mask&, const static_mask&) = default;
};

/// The law of `Base` where a mask is on and 0 elsewhere.
template <resolved_law Law>
struct masked_law {
  static constexpr int bits = Law::bits;
  static constexpr bool whole_units = Law::whole_units;
  Law base;
  const mask_set* masks = nullptr;

  double density() const { return base.density() * masks->kept_fraction(); }
  double spread() const { return base.spread(); }
  double amplitude() const { return base.amplitude(); }
  std::uint32_t record() const { return base.record(); }
  std::uint64_t cell() const requires requires(const Law& l) { l.cell(); }
  { return base.cell(); }
  masked_law for_update() const { return {detail::update_law(base), masks}; }
  bool touches(const parameter_info& info) const requires selective_law<Law> { return base.touches(info); }
  double touched_density() const requires selective_law<Law> { return base.touched_density() * masks->kept_fraction(); }

  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    base.fill(key, info, first, z);
    const weight_mask* mask = masks->find(info.id);
    if (mask == nullptr) return;
    for (std::size_t j = 0; j < z.size(); ++j) z[j] = mask->on(first + j) ? z[j] : std::int16_t{0};
  }
  template <class Function>
    requires(sparse_law<Law>)
  void for_each_nonzero(const direction_key& key, const parameter_info& info, std::uint64_t first, std::uint64_t last, Function&& f) const {
    const weight_mask* mask = masks->find(info.id);
    if (mask == nullptr) return base.for_each_nonzero(key, info, first, last, f);
    base.for_each_nonzero(key, info, first, last, [&](std::uint64_t i, int z, std::uint64_t slot) {
      if (mask->on(i)) f(i, z, slot);
    });
  }
  friend bool operator==(const masked_law&, const masked_law&) = default;
};

/// A direction on the weights that a mask keeps: those alone are probed and updated.
///
///   z = m ∘ z_base
///
/// Spread and amplitude are those of the base, so the estimate is m ∘ ∇L without bias; a rate is the step of a weight that is on. Density is
/// that of the base times the share of weights that are on, as if both were independent.
///
/// A mask policy has `inputs` with a member `masks`, a mask_set, and refresh(inputs, parameters, key), as a direction with inputs has.
///
/// Units    as the base.
/// Cost     as the base, and what the mask says.
/// Source   Sparse MeZO (arXiv 2402.15751): z ∘ m in probes and update.
template <class Base, class Mask>
struct masked {
  static constexpr std::string_view prefix = "masked ", base_name = policy_name<Base>(), space = " ", mask_name = policy_name<Mask>();
  static constexpr std::string_view name = detail::joined<prefix, base_name, space, mask_name>::value;
  static_assert(!absorbing_direction<Base>,
                "zolt: a direction that learns from its steps cannot be masked: it would learn of weights that were not probed");
  Base base;
  Mask mask;

  struct inputs {
    inputs_t<Base> base;
    typename Mask::inputs mask;
    std::size_t bytes() const { return base.bytes() + mask.masks.bytes(); }
    friend bool operator==(const inputs&, const inputs&) = default;
  };
  template <class Field>
  void fields(Field&& field) const {
    if constexpr (policy_with_fields<Base>) base.fields(field);
    if constexpr (policy_with_fields<Mask>) mask.fields(field);
  }
  template <class Parameters>
  void check(const Parameters& parameters, std::vector<problem>& problems) const {
    check_against(base, parameters, problems);
  }
  template <class Parameters>
  void refresh(inputs& in, const Parameters& parameters, const direction_key& key) const {
    detail::refresh(base, in.base, parameters, key);
    mask.refresh(in.mask, parameters, key);
  }
  masked_law<law_t<Base>> law_at(double relative_rate, std::uint32_t queries, const inputs& in) const {
    return {detail::law_at(base, relative_rate, queries, in.base), &in.mask.masks};
  }
  masked_law<law_t<Base>> law_of(std::uint32_t record, const inputs& in) const {
    return {detail::law_of(base, record, in.base), &in.mask.masks};
  }
  friend bool operator==(const masked&, const masked&) = default;
};

}  // namespace zolt::inline v0
