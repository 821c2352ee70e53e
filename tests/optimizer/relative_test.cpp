#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "support/messages.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace zolt::test {
namespace {

std::vector<float> magnitudes() {
  std::vector<float> w;
  for (int i = 0; i < 600; ++i) w.push_back(std::ldexp(1.0f + static_cast<float>(i % 7) / 8, i % 40 - 20));
  return w;
}

double sum_of_logarithms(std::span<const float> w) {
  double sum = 0;
  for (const float v : w) sum += std::log(static_cast<double>(v));
  return sum;
}

TEST(relative_unit, a_probe_multiplies_every_weight_by_the_same_factors) {
  std::vector<float> w = magnitudes();
  const std::vector<float> base = w;
  optimizer opt{parameters(parameter("scales", w, {.relative = true})), two_point{.radius = 0.25}, rademacher{}};
  for (const probe p : std::vector<probe>(opt.ask().begin(), opt.ask().end())) {
    std::vector<float> read(w.size());
    opt.probes().one(p.offset > 0 ? 0 : 1).read(w, 0, read);
    const decltype(opt)::in_place scope(opt, p);
    EXPECT_EQ(w, read) << "in place and on read are one";
    for (std::size_t i = 0; i < w.size(); ++i) EXPECT_TRUE(w[i] == 1.25f * base[i] || w[i] == 0.75f * base[i]);
  }
  EXPECT_EQ(w, base);
}

TEST(relative_unit, is_restored_to_the_bit_whatever_the_density) {
  for (const double density : {1.0, 0.2, 0.01}) {
    std::vector<float> w = magnitudes();
    const std::vector<float> base = w;
    optimizer opt{parameters(parameter("scales", w, {.unit = 0.003, .relative = true})),
                  sparse_rademacher{.ratio = 0, .min_density = density}};
    EXPECT_THROW(opt.step([&]() -> double { throw std::runtime_error("no loss"); }), std::runtime_error);
    EXPECT_EQ(std::memcmp(w.data(), base.data(), w.size() * sizeof(float)), 0);
  }
}

TEST(relative_unit, takes_equal_parts_of_all_magnitudes_and_replays) {
  std::vector<float> w = magnitudes();
  const std::vector<float> base = w;
  const auto list = [&w] { return parameters(parameter("scales", w, {.relative = true})); };
  const auto policies_of_run = policies(two_point{.radius = 0.01, .queries = 16}, sgd{.rate = 0.02}, rademacher{});
  optimizer opt{list(), policies_of_run};
  const double before = sum_of_logarithms(w);
  for (int step = 0; step < 100; ++step)
    opt.step([&](const probe_view& p) {
      std::vector<float> seen(w.size());
      p.read(w, 0, seen);
      return sum_of_logarithms(seen);
    });
  EXPECT_LT(sum_of_logarithms(w), before - 20);
  const std::vector<float> trained = w;
  w = base;
  optimizer again{list(), policies_of_run};
  again.replay(opt.recorded());
  EXPECT_EQ(w, trained);
}

TEST(bounds_of_a_parameter, hold_for_updates_and_are_counted) {
  std::vector<float> w(300, 0.5f);
  optimizer opt{parameters(parameter("ratio", w, {.unit = 0.1, .lowest = 0.4f, .highest = 0.7f})), sgd{.rate = 1}, rademacher{},
                two_point{.queries = 4}};
  std::uint64_t clamped = 0;
  double beyond = 0;
  for (int step = 0; step < 20; ++step) {
    const report r = opt.step([&] {
      double sum = 0;
      for (const float v : w) sum += v, beyond += v > 0.7f;
      return -sum;
    });
    clamped += r.writes.clamped;
    for (const float v : w) EXPECT_TRUE(v >= 0.4f && v <= 0.7f);
  }
  EXPECT_GT(clamped, 0u);
  EXPECT_GT(beyond, 0) << "a probe may leave the bounds";
}

TEST(bounds_of_a_parameter, are_checked) {
  std::vector<float> w(3, 0.5f);
  const auto problems = [&w](parameter_options o) {
    return sentences_of([&] { optimizer opt{parameters(parameter("ratio", w, o)), rademacher{}}; });
  };
  EXPECT_EQ(problems({.lowest = 0.6f}), std::vector<std::string>{"ratio: weight 0 = 0.5 must be at least 0.6 and at most inf"});
  EXPECT_EQ(problems({.lowest = 0.6f, .highest = 0.4f}).front(), "ratio: lowest = 0.6 must be at most 0.4, the highest");
}

}  // namespace
}  // namespace zolt::test
