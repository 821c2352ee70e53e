#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "objective.hpp"
#include "train.hpp"

namespace claims {

/// Estimates of one gradient, a row each.
using estimates = std::vector<std::vector<double>>;

/// Read off the steps that a method makes with rate 1, always from `at`.
template <class Method>
estimates estimates_of(Method method, const objective& f, const std::vector<float>& at, std::size_t count, unsigned seed) {
  method.rate = 1;
  std::vector<float> x = at, seen;
  std::vector<double> values;
  float_list list;
  list.add("x", x, {.unit = 1});
  zolt::optimizer opt{list, method, zolt::constant{}, zolt::options{.run = seed, .record = false}};
  estimates all;
  for (std::size_t i = 0; i < count; ++i) {
    opt.step([&](const zolt::probe_view& probes) -> const std::vector<double>& {
      losses_of(f, probes, x, seen, values);
      return values;
    });
    all.emplace_back();
    for (std::size_t j = 0; j < x.size(); ++j) all.back().push_back(double{at[j]} - x[j]);
    x = at;
  }
  return all;
}

double dot(std::span<const double> a, std::span<const double> b);

/// ⟨E ĝ, ∇⟩/|∇|²: 1 if unbiased.
double projection(const estimates& all, const std::vector<double>& gradient);
/// E|ĝ|²/|∇|².
double second_moment(const estimates& all, const std::vector<double>& gradient);
/// √(E|ĝ − ĝ′|²)/|∇| of estimates along the same directions.
double distance(const estimates& a, const estimates& b, const std::vector<double>& gradient);

}  // namespace claims
