#include "claim.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "zolt/method/registry.hpp"

namespace claims {
namespace {

/// x/y, and 0 where that says nothing: a method that diverged beside a baseline that diverged has not won.
double quotient(double x, double y) {
  const double q = x / y;
  return q == q ? q : 0;
}

}  // namespace

std::vector<double> result::ratios() const {
  std::vector<double> all;
  for (const figures& f : seeds) all.push_back(of.is == better::more ? quotient(f.method, f.baseline) : quotient(f.baseline, f.method));
  return all;
}

bool result::holds() const {
  const std::vector<double> all = ratios();
  return std::all_of(all.begin(), all.end(), [&](double r) { return r >= of.holds_in.least && r <= of.holds_in.most; });
}

std::string result::verdict() const {
  if (!of.measure) return "not testable here";
  return holds() ? "holds" : "does not hold";
}

std::vector<claim> all_claims() {
  std::vector<claim> all;
  for (const auto family :
       {recipe_claims, float_claims, estimator_claims, direction_claims, learning_claims, moment_claims, population_claims, code_claims,
        scale_claims, word_claims, freezing_claims, elastic_claims, sensitive_claims, quantizer_claims}) {
    std::vector<claim> more = family();
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
  zolt::method::for_each_method([&](const auto& m) {
    if (std::none_of(all.begin(), all.end(), [&](const claim& c) { return c.method == m.name; }))
      throw std::runtime_error(fmt::format("method {} of the registry must have a claim in benchmarks/claims", m.name));
  });
  for (const claim& c : all) zolt::method::with_method(c.method, [](const auto&) {});
  return all;
}

}  // namespace claims
