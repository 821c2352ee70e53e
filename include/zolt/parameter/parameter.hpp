#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "zolt/parameter/storage.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// What a user may say about a parameter beside its weights. Dense storage is here what is not coded: floats, and words of 16 bits.
struct parameter_options {
  /// One step, for dense storage: radius 1 moves a weight by this much. 0: not given, which is 1 in a set without coded parameters
  /// and an error beside them. Coded storage ignores it: there a unit is one code.
  double unit = 0;
  /// Dense storage only: a unit is this part of the weight itself, w·(1 + unit·…), as scales want it that span orders of magnitude.
  /// A weight of 0 stays 0. Radius times unit must be below 1, so that no probe turns a sign around.
  bool relative = false;
  /// Dense storage only: no update moves a weight beyond these; a probe may.
  float lowest = -std::numeric_limits<float>::infinity();
  float highest = std::numeric_limits<float>::infinity();
  /// Identity of the parameter in every random stream. 0: the hash of its name.
  std::uint64_t id = 0;
};

/// One named tensor that the optimizer may move, in the owner's memory.
template <parameter_storage Storage>
struct parameter {
  using storage_type = Storage;

  std::string name;
  Storage storage;
  double unit = 0;
  bool relative = false;
  float lowest, highest;
  std::uint64_t id = 0;

  template <class Weights>
    requires(std::same_as<storage_t<Weights>, Storage>)
  parameter(std::string tensor_name, Weights&& weights, parameter_options options = {})
      : name(std::move(tensor_name)),
        storage(storage_of(weights)),
        unit(coded_storage<Storage> ? 1 : options.unit),
        relative(options.relative),
        lowest(options.lowest),
        highest(options.highest),
        id(options.id != 0 ? options.id : hash_of(name.data(), name.size())) {
    static_assert(std::is_lvalue_reference_v<Weights> || std::is_trivially_copyable_v<std::remove_cvref_t<Weights>>,
                  "zolt: a parameter is a view: name a tensor that lives on, not a temporary that owns its weights");
  }

  std::size_t size() const { return storage.shape().size(); }
  double unit_or_one() const { return unit == 0 ? 1 : unit; }
};

template <class Weights>
parameter(std::string, Weights&&, parameter_options = {}) -> parameter<storage_t<Weights>>;

/// What a direction may know about a parameter: its identity and its shape, never its position or its values.
struct parameter_info {
  std::uint64_t id = 0;
  zolt::shape shape;
};

template <class Storage>
parameter_info info_of(const parameter<Storage>& p) {
  return {p.id, p.storage.shape()};
}

}  // namespace zolt::inline v0
