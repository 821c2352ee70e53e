#include "zolt/method/zo_conservative.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "zolt/optimizer/optimizer.hpp"

namespace zolt::test {
namespace {

using method::zo_conservative;

struct bowl {
  std::vector<float> w = std::vector<float>(300, 0.5f);
  double loss() const {
    double sum = 0;
    for (const float v : w) sum += 0.5 * double{v} * v;
    return sum;
  }
  auto list() { return parameters(parameter("w", w)); }
};

TEST(zo_conservative, never_goes_up_on_its_batch_whatever_the_rate) {
  for (const double rate : {1e-3, 1e-2, 0.3}) {
    bowl b;
    optimizer opt{b.list(), zo_conservative{.rate = rate}};
    double last = b.loss();
    std::uint64_t stayed = 0;
    for (int step = 0; step < 60; ++step) {
      const report r = opt.step([&b] { return b.loss(); });
      EXPECT_EQ(r.probes, 5u);
      EXPECT_LE(b.loss(), last * (1 + 1e-6));
      stayed += opt.recorded().terms.back().coefficient == 0;
      last = b.loss();
    }
    if (rate < 0.01) {
      EXPECT_LT(last, 0.97 * bowl{}.loss());
    }
    if (rate > 0.1) {
      EXPECT_GT(stayed, 40u) << "steps that are too long are not made";
    }
  }
}

TEST(zo_conservative, makes_the_step_that_it_tried) {
  bowl b;
  optimizer opt{b.list(), zo_conservative{.rate = 1e-2}};
  for (int step = 0; step < 5; ++step) {
    double tried[5];
    int k = 0;
    opt.step([&] { return tried[k++] = b.loss(); });
    EXPECT_NEAR(b.loss(), std::min({tried[2], tried[3], tried[4]}), 1e-3 * tried[2]);
  }
}

TEST(zo_conservative, chooses_among_three) {
  const conservative e{.radius = 0.5};
  const auto chosen = [&e](double stay, double forward, double backward) {
    std::vector<evaluation> seen;
    std::vector<probe> next;
    const probe_scale scale{.spread = 1, .rate = 0.25};
    e.plan({1, 2, 0}, scale, seen, next);
    for (const probe& p : next) seen.push_back({p, p.offset});  // a derivative of 2
    next.clear();
    e.plan({1, 2, 0}, scale, seen, next);
    EXPECT_EQ(next, (std::vector<probe>{{{1, 2, 0}, 0}, {{1, 2, 0}, -1}, {{1, 2, 0}, 1}}));
    for (const double loss : {stay, forward, backward}) seen.push_back({next[seen.size() - 2], loss});
    next.clear();
    e.plan({1, 2, 0}, scale, seen, next);
    EXPECT_TRUE(next.empty());
    std::vector<term> terms;
    e.estimate(seen, scale, terms);
    return terms.empty() ? std::nan("") : terms[0].coefficient;
  };
  EXPECT_EQ(chosen(3, 1, 2), 2);
  EXPECT_EQ(chosen(3, 2, 1), -2);
  EXPECT_EQ(chosen(1, 2, 3), 0);
  EXPECT_EQ(chosen(1, 1, 1), 2) << "a tie goes forward";
  EXPECT_TRUE(std::isnan(chosen(1, std::numeric_limits<double>::infinity(), 1))) << "a step that cannot be tried is lost";
}

}  // namespace
}  // namespace zolt::test
