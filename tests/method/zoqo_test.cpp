#include "zolt/method/zoqo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

template <class Format>
auto some_weights(shape s) {
  const std::vector<float> values = normal_weights(s.size(), 1);
  return quantize<Format, per_group<32>>("w", tensor_view<const float>(values.data(), s));
}
template <class Weights>
std::vector<int> ordinals(const Weights& w) {
  std::vector<int> all(w.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = Weights::format::ordinal_of(w.view().code(i));
  return all;
}
template <class Weights>
double squared_sum(const Weights& w) {
  double sum = 0;
  for (const int ordinal : ordinals(w)) sum += ordinal * ordinal;
  return sum;
}

// θ ← clamp(θ − max(⌊η⌋, 1) sign(ΔL) sign(u)), from the definition.
template <class Format, int M>
void expect_the_update_of_the_paper(double rate, int codes) {
  auto w = some_weights<Format>({8, 96});
  const parameter p("w", w);
  optimizer opt{parameters(p), method::zoqo<M>{.rate = rate}, options{.run = 11}};
  const int lowest = Format::lowest, highest = Format::highest;
  for (std::uint32_t step = 0; step < 20; ++step) {
    const std::vector<int> before = ordinals(w);
    std::vector<std::int16_t> u(w.size());
    uniform_codes<M>{}.law_at(1, 1).fill({.run = 11, .step = step}, info_of(p), 0, u);
    std::vector<double> losses;
    opt.step([&] {
      const std::vector<int> probed = ordinals(w);
      const int side = losses.empty() ? 1 : -1;
      for (std::size_t i = 0; i < probed.size(); ++i) EXPECT_EQ(probed[i], std::clamp(before[i] + side * u[i], lowest, highest));
      losses.push_back(squared_sum(w));
      return losses.back();
    });
    ASSERT_EQ(losses.size(), 2u);
    const int sign = losses[0] > losses[1] ? 1 : losses[0] < losses[1] ? -1 : 0;
    const std::vector<int> after = ordinals(w);
    for (std::size_t i = 0; i < after.size(); ++i) {
      const int wanted = before[i] - codes * sign * (u[i] > 0 ? 1 : u[i] < 0 ? -1 : 0);
      EXPECT_EQ(after[i], std::clamp(wanted, lowest, highest)) << "weight " << i << " of step " << step;
    }
  }
  EXPECT_EQ(opt.state_bytes(), 0u);
}

TEST(zoqo, every_touched_weight_moves_whole_codes_and_at_least_one_within_the_range) {
  expect_the_update_of_the_paper<int4, 1>(1, 1);
  expect_the_update_of_the_paper<int4, 1>(1e-3, 1);
  expect_the_update_of_the_paper<int4, 1>(2.9, 2);
  expect_the_update_of_the_paper<int8, 2>(5, 5);
}

TEST(zoqo, descends_and_replays) {
  const auto base = some_weights<int8>({8, 32});
  auto w = base;
  const method::zoqo<2> method{.rate = 1, .queries = 8};
  optimizer opt{parameters(parameter("w", w)), method};
  const double before = squared_sum(w);
  for (int step = 0; step < 300; ++step) opt.step([&] { return squared_sum(w); });
  EXPECT_LT(squared_sum(w), 0.2 * before);
  auto again = base;
  optimizer replayed{parameters(parameter("w", again)), method};
  replayed.replay(opt.recorded());
  EXPECT_EQ(ordinals(again), ordinals(w));
  optimizer other{parameters(parameter("w", again)), method::zoqo<2>{.rate = 1}, options{.run = 1}};
  EXPECT_THROW(other.replay(opt.recorded()), error);
}

}  // namespace
}  // namespace zolt::test
