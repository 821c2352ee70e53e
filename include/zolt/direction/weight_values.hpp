#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0 {

/// One float per weight, found by the parameter's id: what a direction learns. 0 until it has learned.
///
/// Units    those of who keeps them.
/// Cost     4 bytes per weight.
/// Source   ours.
class weight_values {
 public:
  /// Makes those of every parameter, once.
  template <class Parameters>
  void make(const Parameters& parameters) {
    if (!all_.empty()) return;
    for_each_parameter(parameters, [this](std::size_t, const auto& p) { all_.push_back({p.id, std::vector<float>(p.size())}); });
    std::sort(all_.begin(), all_.end(), before);
  }
  /// Those of one parameter; none if nobody made them.
  std::span<const float> of(std::uint64_t id) const {
    const auto at = std::lower_bound(all_.begin(), all_.end(), one_parameter{id, {}}, before);
    return at == all_.end() || at->id != id ? std::span<const float>() : std::span<const float>(at->values);
  }
  std::span<float> of(std::uint64_t id) {
    const std::span<const float> found = std::as_const(*this).of(id);
    return {const_cast<float*>(found.data()), found.size()};
  }
  /// f(value) for all of them, in an order that does not depend on that of the parameters.
  template <class Function>
  void for_each(Function&& f) const {
    for (const one_parameter& p : all_)
      for (const float value : p.values) f(value);
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const one_parameter& p : all_) sum += p.values.size() * sizeof(float);
    return sum;
  }
  friend bool operator==(const weight_values&, const weight_values&) = default;

 private:
  struct one_parameter {
    std::uint64_t id = 0;
    std::vector<float> values;
    friend bool operator==(const one_parameter&, const one_parameter&) = default;
  };
  static bool before(const one_parameter& a, const one_parameter& b) { return a.id < b.id; }

  std::vector<one_parameter> all_;
};

}  // namespace zolt::inline v0
