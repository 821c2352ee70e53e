#pragma once

#include <cstddef>
#include <vector>

#include "support/models.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/momentum.hpp"

namespace zolt::test {

/// A short run seen in place and on read, with state per weight, so that every pass over the weights runs on the lanes of the optimizer.
template <class... Given>
auto run_on(const Given&... given) {
  model m = model::quantized(3);
  const auto list = parameters(parameter("int4", m.in_int4), parameter("floats", m.in_float, {.unit = 0.01}));
  optimizer opt{list, momentum{.rate = 0.1}, sparse_rademacher{.ratio = 0, .min_density = 0.2}, residual<4>{}, given...};
  const auto in_place = [&] {
    double sum = 0;
    for (const float w : m.in_float.flat()) sum += double{w} * double{w};
    return sum;
  };
  const auto on_read = [&](const probe_view& probes) {
    std::vector<float> floats(m.in_float.size() * probes.count()), seen(m.in_int4.size() * probes.count());
    probes.read(m.in_float, 0, floats);
    probes.read(m.in_int4, 0, seen);
    std::vector<double> sums(probes.count());
    for (std::size_t i = 0; i < seen.size(); ++i) sums[i / m.in_int4.size()] += double{seen[i]} * double{seen[i]};
    return sums;
  };
  for (int step = 0; step < 3; ++step) opt.step(in_place), opt.step(on_read);

  // Bytes of the weights, then of the trajectory.
  std::vector<std::byte> bytes;
  const auto add = [&bytes](const auto& part) { bytes.insert(bytes.end(), part.begin(), part.end()); };
  add(m.in_int4.view().bytes()), add(std::as_bytes(m.in_float.flat())), add(to_bytes(opt.recorded()));
  return bytes;
}

}  // namespace zolt::test
