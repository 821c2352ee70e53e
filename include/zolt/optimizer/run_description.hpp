#pragma once

#include <string>
#include <type_traits>

#include "zolt/optimizer/slots.hpp"
#include "zolt/optimizer/trajectory.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0::detail {

/// A trajectory without steps: what a run is, so that nothing else is replayed onto it.
template <parameter_set Parameters, class Composition>
trajectory empty_trajectory(const Parameters& parameters, const Composition& policies, std::uint64_t run) {
  trajectory t;
  t.run = run;
  const auto describe = [&t](const auto& policy) {
    t.composition += (t.composition.empty() ? "" : " ") + std::string(policy_name<std::remove_cvref_t<decltype(policy)>>());
    if constexpr (policy_with_fields<std::remove_cvref_t<decltype(policy)>>)
      policy.fields([&t](std::string_view field, double value, bound) {
        if (field != "rate") t.composition += ":" + std::string(field) + "=" + to_text(value);
      });
  };
  describe(policies.rule);
  if constexpr (requires { requires decltype(policies.direction)::record_holds_all; })
    t.composition += " " + std::string(policy_name<decltype(policies.direction)>());
  else
    describe(policies.direction);
  describe(policies.write_back);
  for_each_parameter(parameters, [&t]<class S>(std::size_t, const parameter<S>& p) {
    const auto bytes = memory_of(p.storage);
    t.base ^= hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size()) * (2 * t.parameters.size() + 1);
    std::string format = p.relative ? "float32 relative" : "float32";
    if constexpr (coded_storage<S>) format = S::format::name;
    if (exact::is_finite(p.lowest) || exact::is_finite(p.highest)) format += " " + to_text(p.lowest) + " " + to_text(p.highest);
    t.parameters.push_back(
        {p.id, p.storage.shape().rows, p.storage.shape().columns, hash_of(format.data(), format.size()), p.unit_or_one()});
  });
  return t;
}

}  // namespace zolt::inline v0::detail
