#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "zolt/optimizer/slots.hpp"
#include "zolt/optimizer/trajectory.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace zolt::inline v0::detail {

/// Appends a policy, its fields included, to the text of a composition. A rate is in the steps of a log, and may be another one when a run
/// goes on.
template <class Policy>
void describe(std::string& text, const Policy& policy) {
  text += (text.empty() ? "" : " ") + std::string(policy_name<Policy>());
  if constexpr (requires { requires Policy::record_holds_all; })
    return;
  else if constexpr (policy_with_fields<Policy>)
    policy.fields([&text](std::string_view field, double value, bound) {
      if (field != "rate") text += ":" + std::string(field) + "=" + to_text(value);
    });
}

/// A log without steps: what a run is, so that nothing else is replayed onto it.
template <class Log, parameter_set Parameters>
Log empty_log(const Parameters& parameters, std::string composition, std::uint64_t run) {
  Log log;
  log.run = run;
  log.composition = std::move(composition);
  for_each_parameter(parameters, [&log]<class S>(std::size_t, const parameter<S>& p) {
    const auto bytes = memory_of(p.storage);
    log.base ^= hash_of(reinterpret_cast<const char*>(bytes.data()), bytes.size()) * (2 * log.parameters.size() + 1);
    std::string format = "float32";
    if constexpr (coded_storage<S>)
      format = S::format::name;
    else if constexpr (narrow_storage<S>)
      format = text_of(p.storage.codec());
    if (p.relative) format += " relative";
    if (exact::is_finite(p.lowest) || exact::is_finite(p.highest)) format += " " + to_text(p.lowest) + " " + to_text(p.highest);
    log.parameters.push_back(
        {p.id, p.storage.shape().rows, p.storage.shape().columns, hash_of(format.data(), format.size()), p.unit_or_one()});
  });
  return log;
}

/// A trajectory without steps. Its composition is what replay needs: estimator and schedule are in the steps already.
template <parameter_set Parameters, class Composition>
trajectory empty_trajectory(const Parameters& parameters, const Composition& policies, std::uint64_t run) {
  std::string text;
  describe(text, policies.rule);
  describe(text, policies.direction);
  describe(text, policies.write_back);
  return empty_log<trajectory>(parameters, std::move(text), run);
}

}  // namespace zolt::inline v0::detail
