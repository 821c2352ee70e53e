#include "zolt/method/sparse_mezo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

double squared_distance(std::span<const float> w, std::span<const float> target) {
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += double{1} * (w[i] - target[i]) * (w[i] - target[i]);
  return sum;
}
/// The weights of smallest magnitude, from the definition.
std::vector<bool> smallest(std::span<const float> w, double sparsity) {
  std::vector<float> sorted;
  for (const float x : w) sorted.push_back(std::fabs(x));
  std::sort(sorted.begin(), sorted.end());
  const float threshold = sorted[static_cast<std::size_t>((1 - sparsity) * static_cast<double>(w.size()) + 0.5) - 1];
  std::vector<bool> small;
  for (const float x : w) small.push_back(std::fabs(x) <= threshold);
  return small;
}

TEST(sparse_mezo, weights_above_the_threshold_are_neither_probed_nor_updated) {
  std::vector<float> w = normal_weights(4096, 1);
  const std::vector<float> base = w, target = normal_weights(4096, 2);
  const auto small = smallest(base, 0.75);
  const method::sparse_mezo method{.rate = 1e-4, .radius = 1e-2};
  optimizer opt{parameters(parameter("w", w)), method};
  for (const bool on_read : {false, true}) {
    std::vector<float> seen(w.size());
    const std::vector<float> before = w;
    for (int step = 0; step < 10; ++step) {
      std::vector<bool> probed(w.size());
      const auto look = [&] {
        for (std::size_t i = 0; i < w.size(); ++i)
          if (!small[i]) {
            EXPECT_EQ(seen[i], base[i]);
          }
        return squared_distance(seen, target);
      };
      const report r = on_read ? opt.step([&](const probe_view& p) {
        p.read(w, 0, seen);
        return look();
      })
                               : opt.step([&] {
                                   seen = w;
                                   return look();
                                 });
      EXPECT_LE(r.density, 0.25);
      EXPECT_GT(r.density, 0.15) << "some outgrow the threshold";
    }
    std::size_t moved = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      moved += w[i] != before[i];
      if (!small[i]) {
        EXPECT_EQ(w[i], base[i]);
      }
    }
    EXPECT_GT(moved, 900u);
  }
  EXPECT_EQ(static_cast<double>(opt.state_bytes()), method.state_bytes_per_weight * static_cast<double>(w.size()));
}

// A mask of displaced weights would lose those that a probe lifts across the threshold, and bring back others.
TEST(sparse_mezo, mask_is_of_the_unperturbed_weights) {
  std::vector<float> w = normal_weights(1000, 3);
  const std::vector<float> base = w;
  const auto small = smallest(base, 0.5);
  optimizer opt{parameters(parameter("w", w)), method::sparse_mezo{.radius = 2, .sparsity = 0.5}};  // far beyond the threshold of 0.67
  std::vector<std::vector<float>> probes;
  opt.step([&] {
    probes.push_back(w);
    return 1.0;
  });
  ASSERT_EQ(probes.size(), 2u);
  for (std::size_t i = 0; i < w.size(); ++i) {
    EXPECT_NEAR((probes[0][i] + probes[1][i]) / 2, base[i], 1e-5);
    if (!small[i]) {
      EXPECT_EQ(probes[0][i], base[i]);
    }
  }
  EXPECT_EQ(w, base) << "equal losses: no step";
}

// On a linear loss the mean of ĝ is the gradient where the mask is on.
TEST(sparse_mezo, estimates_the_masked_gradient) {
  constexpr std::size_t dimension = 64;
  const std::vector<float> base = normal_weights(dimension, 4), gradient = normal_weights(dimension, 5);
  const auto small = smallest(base, 0.75);
  std::vector<float> w = base;
  const method::sparse_mezo method{.rate = 0.5, .radius = 0.25, .queries = 4};
  optimizer opt{parameters(parameter("w", w)), method, options{.run = 2, .record = false}};
  std::vector<double> sums(dimension), squares(dimension);
  constexpr double steps = 500;
  for (int step = 0; step < steps; ++step) {
    opt.step([&] {
      double sum = 0;
      for (std::size_t i = 0; i < dimension; ++i) sum += double{1} * gradient[i] * (w[i] - base[i]);
      return sum;
    });
    for (std::size_t i = 0; i < dimension; ++i) {
      const double estimate = static_cast<double>(base[i] - w[i]) / method.rate;
      sums[i] += estimate, squares[i] += estimate * estimate;
    }
    w = base;
  }
  for (std::size_t i = 0; i < dimension; ++i)
    if (small[i])
      EXPECT_LT(standard_errors(sums[i] / steps, static_cast<double>(gradient[i]), squares[i] / steps / steps), allowed_standard_errors);
    else
      EXPECT_EQ(squares[i], 0);
}

TEST(sparse_mezo, descends_on_floats_and_replays) {
  for (const std::uint32_t interval : {1u, 7u}) {
    const std::vector<float> base = normal_weights(512, 6), target(512, 0.1f);
    std::vector<float> w = base;
    const method::sparse_mezo method{.rate = 3e-3, .radius = 1e-3, .sparsity = 0.5, .interval = interval, .queries = 8};
    optimizer opt{parameters(parameter("w", w)), method};
    const auto small = smallest(base, 0.5);
    const auto distance_of_small = [&] {
      double sum = 0;
      for (std::size_t i = 0; i < w.size(); ++i) sum += small[i] ? std::pow(static_cast<double>(w[i] - target[i]), 2) : 0;
      return sum;
    };
    const double before = distance_of_small();
    for (int step = 0; step < 100; ++step) opt.step([&] { return squared_distance(w, target); });
    EXPECT_LT(distance_of_small(), 0.5 * before);
    std::vector<float> again = base;
    optimizer replayed{parameters(parameter("w", again)), method};
    replayed.replay(opt.recorded());
    EXPECT_EQ(again, w);
    optimizer other{parameters(parameter("w", again)), method::sparse_mezo{.sparsity = 0.25}};
    EXPECT_THROW(other.replay(opt.recorded()), error);
  }
}

TEST(sparse_mezo_codes, moves_small_codes_alone_descends_and_replays) {
  const std::vector<float> values = normal_weights(8 * 32, 7);
  const auto base = quantize<int4, per_group<32>>("w", tensor_view<const float>(values.data(), shape{8, 32}));
  auto w = base;
  std::vector<float> start(w.size()), seen(w.size());
  base.view().decode(0, start);
  std::vector<float> target = start;
  for (float& x : target) x = -x;
  const auto small = smallest(start, 0.5);
  const method::sparse_mezo_codes method{.rate = 0.1, .sparsity = 0.5};
  optimizer opt{parameters(parameter("w", w)), method};
  for (int step = 0; step < 1000; ++step) {
    const report r = opt.step([&] {
      w.view().decode(0, seen);
      for (std::size_t i = 0; i < seen.size(); ++i)
        if (!small[i]) {
          EXPECT_EQ(seen[i], start[i]);
        }
      return squared_distance(seen, target);
    });
    EXPECT_LE(r.density, 0.6 * 0.1 * 0.1) << "half of the step-matched one, but for ties";
  }
  w.view().decode(0, seen);
  double before = 0, after = 0;
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (small[i]) before += std::pow(2.0 * start[i], 2), after += std::pow(double{1} * seen[i] - target[i], 2);
  EXPECT_LT(after, 0.6 * before);
  EXPECT_EQ(static_cast<double>(opt.state_bytes()), method.state_bytes_per_weight * static_cast<double>(w.size()));

  auto again = base;
  optimizer replayed{parameters(parameter("w", again)), method};
  replayed.replay(opt.recorded());
  EXPECT_TRUE(std::ranges::equal(w.view().bytes(), again.view().bytes()));
}

}  // namespace
}  // namespace zolt::test
