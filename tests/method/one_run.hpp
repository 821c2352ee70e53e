#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "method/quadratic.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/optimizer/trajectory.hpp"

/// A run of a method that learns from its steps, and every other way to it.
namespace zolt::test {

/// Two tensors, one of them of more than a tile.
struct pair_of_tensors {
  std::vector<float> w = normal_weights(2500, 2), v = normal_weights(77, 3);
  auto list() { return parameters(parameter("w", w), parameter("v", v, {.unit = 0.5})); }
  double loss() const {
    static const quadratic of_w(2500), of_v(77);
    return of_w(w) + 3 * of_v(v);
  }
  friend bool operator==(const pair_of_tensors&, const pair_of_tensors&) = default;
};

/// Twelve steps on read, in place, stopped and resumed, and replayed, by as many threads as it likes: the same weights. The log of the run,
/// and the weights that it led to.
struct logged_run {
  trajectory log;
  pair_of_tensors weights;
};
template <class Method>
logged_run expect_one_run(const Method& m) {
  const auto train = [](auto& opt, pair_of_tensors& t, int steps) {
    for (int step = 0; step < steps; ++step) opt.step([&] { return t.loss(); });
  };
  pair_of_tensors whole, stopped, resumed, replayed, on_read;
  optimizer uninterrupted{whole.list(), m, options{.threads = 2}};
  train(uninterrupted, whole, 12);
  optimizer first{stopped.list(), m};
  train(first, stopped, 6);
  optimizer second{resumed.list(), m};
  second.replay(trajectory_from(to_bytes(first.recorded())));
  EXPECT_TRUE(resumed == stopped);
  train(second, resumed, 6);
  EXPECT_TRUE(resumed == whole);
  EXPECT_TRUE(second.recorded() == uninterrupted.recorded());

  optimizer again{replayed.list(), m, options{.threads = 3}};
  again.replay(uninterrupted.recorded());
  EXPECT_TRUE(replayed == whole);

  optimizer reader{on_read.list(), m};
  for (int step = 0; step < 12; ++step)
    reader.step([&](const probe_view& p) {
      pair_of_tensors seen;
      p.read(on_read.w, 0, seen.w);
      p.read(on_read.v, 0, seen.v);
      return seen.loss();
    });
  EXPECT_TRUE(on_read == whole);
  return {uninterrupted.recorded(), whole};
}

}  // namespace zolt::test
