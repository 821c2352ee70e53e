#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "support/statistics.hpp"
#include "zolt/core/exact.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/update/vote.hpp"

namespace zolt::test {
namespace {

TEST(vote, thresholds_are_normal_quantiles) {
  for (const auto& [fraction, quantile] : {std::array{0.5, 0.6744898},
                                           {0.3173105, 1.0},
                                           {0.1, 1.6448536},
                                           {0.05, 1.9599640},
                                           {0.01, 2.5758293},
                                           {1e-3, 3.2905267},
                                           {1e-6, 4.8916385}}) {
    const float threshold = vote{}.at(fraction, 0).threshold;
    EXPECT_NEAR(threshold, quantile, 5e-4 + quantile * 0x1p-10) << fraction;
    EXPECT_EQ(static_cast<double>(threshold), exact::round_to_significant(double{threshold}, 10));
    EXPECT_EQ(vote{}.at(fraction, 77).threshold, threshold);
  }
  for (double fraction = 1; fraction > 1e-9; fraction *= 0.9)
    EXPECT_LE(vote{}.at(fraction, 0).threshold, vote{}.at(fraction * 0.9, 0).threshold);
}

TEST(vote, moves_one_unit_where_the_estimate_reaches_the_threshold) {
  const std::array<float, 8> gradient = {2, 1.99f, -2, -1.99f, 0, -0.0f, 1e30f, -1e30f};
  std::array<float, 8> delta;
  vote{}.apply({1, 2}, gradient, {}, delta);
  EXPECT_EQ(delta, (std::array<float, 8>{-1, 0, 1, 0, 0, 0, -1, 1}));
  vote{}.apply(vote{}.at(1, 0), gradient, {}, delta);
  EXPECT_EQ(delta, (std::array<float, 8>{-1, -1, 1, 1, 0, 0, -1, 1})) << "at fraction 1, wherever there is a sign";
  vote{}.apply(vote{}.at(0, 0), gradient, {}, delta);
  EXPECT_EQ(delta[0], 0) << "a schedule may end at 0";
}

TEST(vote, moves_the_fraction_by_chance) {
  // Votes that know nothing: signs of queries against ±1 directions. The sum of 64 of them is binomial, and a fraction within its steps.
  constexpr std::size_t count = 20000, queries = 64;
  std::vector<float> gradient(count), delta(count);
  std::vector<std::int16_t> z(count);
  for (std::uint32_t q = 0; q < queries; ++q) {
    rademacher{}.law_of(0).fill({9, 0, q}, {1, {1, count}}, 0, z);
    for (std::size_t j = 0; j < count; ++j) gradient[j] += 0.125f * static_cast<float>(q % 3 == 0 ? -z[j] : z[j]);
  }
  for (const double fraction : {0.3, 0.05, 0.01}) {
    const double threshold = vote{}.at(fraction, 0).threshold * 8;
    double chance = 0;  // P(|2k − 64| ≥ 8t) for k binomial
    for (int k = 0; k <= 64; ++k)
      if (std::abs(2 * k - 64) >= threshold)
        chance += std::exp(std::lgamma(65) - std::lgamma(k + 1) - std::lgamma(65 - k) - 64 * std::log(2.0));
    vote{}.apply(vote{}.at(fraction, 0), gradient, {}, delta);
    double moved = 0;
    for (const float d : delta) moved += d != 0;
    EXPECT_LT(standard_errors(moved, chance * count, chance * (1 - chance) * count), allowed_standard_errors);
    EXPECT_NEAR(chance, fraction, 0.35 * fraction + 0.001) << "a binomial of 64 goes in steps of a quarter of its deviation";
  }
}

}  // namespace
}  // namespace zolt::test
