#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "trainee.hpp"
#include "zolt/optimizer/divergence_projection.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace claims {

/// What a run came to.
struct outcome {
  double score = 0;
  double validation = std::numeric_limits<double>::infinity();  ///< less is better
  double milliseconds_per_forward = 0;
};

/// The rate falls in a straight line to 2 % of what it was while forward passes are used up, however many a step takes.
struct falling_with_forwards {
  static constexpr std::string_view name = "falling_with_forwards";
  const double* done;
  double factor(std::uint64_t) const { return 1 - 0.98 * std::min(1.0, *done); }
  friend bool operator==(const falling_with_forwards&, const falling_with_forwards&) = default;
};

/// Makes the optimizer of a method; a method that searches ratios besides has one around it.
template <class Method, class List, class... Options>
auto optimizer_of(const Method& m, const List& parameters, const Options&... o) {
  if constexpr (requires { m.search(); })
    return zolt::divergence_projection{parameters, m.search(), std::vector<std::string>{}, m, o...};
  else
    return zolt::optimizer{parameters, m, o...};
}

/// Bytes that a method keeps beside each weight, on floats.
template <class Method>
double state_bytes_per_weight(const Method& method) {
  std::vector<float> x(4096);
  float_list list;
  list.add("x", x, {.unit = 1});
  const auto opt = optimizer_of(method, list);
  return static_cast<double>(opt.state_bytes()) / static_cast<double>(x.size());
}

/// Trains a model from its start until the forward passes of the task are used up.
template <class Method, class List>
outcome train(const Method& method, const task<List>& what, unsigned seed) {
  const std::unique_ptr<trainee<List>> model = what.start(seed);
  double used = 0, done = 0;
  auto opt = optimizer_of(method, model->parameters(), falling_with_forwards{&done}, zolt::options{.run = seed, .record = false});
  const auto start = std::chrono::steady_clock::now();
  try {
    for (std::uint64_t step = 0; used < what.forwards; ++step) {
      model->begin(step);
      const zolt::report r = opt.step([&](const zolt::probe_view& probes) -> const std::vector<double>& {
        used += model->passes(probes.count());
        return model->losses(probes);
      });
      if (!std::isfinite(r.loss)) break;
      done = used / what.forwards;
    }
  } catch (const zolt::error&) {  // coefficients beyond single precision: it diverged, as the score says
  }
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  const double validation = model->validation();
  return {model->score(), std::isfinite(validation) ? validation : std::numeric_limits<double>::infinity(), spent.count() / used};
}

}  // namespace claims
