#include "zolt/update/byte_moments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/momentum.hpp"

namespace zolt::test {
namespace {

static_assert(std::regular<byte_moments<adam>> && std::is_aggregate_v<byte_moments<adam>> && policy<byte_moments<adam>>);

/// Moments of weights that go through bytes at every step, beside those that do not.
template <class Rule>
class moments_in_bytes {
 public:
  explicit moments_in_bytes(const Rule& rule, std::size_t weights) : rule_(rule), weights_(weights), dense_(Rule::moments * weights) {
    detail::compact_moments<Rule>::assign(state_, weights);
  }
  void step(const std::vector<float>& gradient) {
    std::vector<float> delta(weights_);
    const auto how = rule_.at(1, step_);
    rule_.apply(how, gradient, tiles_of(dense_, 0, weights_), delta);
    for (std::size_t first = 0; first < weights_; first += tile_size) {
      const std::size_t count = std::min(tile_size, weights_ - first);
      const auto tile = tile_.load(state_, weights_, first, count);
      rule_.apply(how, std::span(gradient).subspan(first, count), tile, delta);
      tile_.store(state_, weights_, first, count, {7, step_, 0}, 5);
    }
    ++step_;
  }
  /// Moment `m` of all weights as it is kept.
  std::vector<float> kept(std::size_t m) {
    std::vector<float> all(weights_);
    for (std::size_t first = 0; first < weights_; first += tile_size) {
      const std::size_t count = std::min(tile_size, weights_ - first);
      const auto tile = tile_.load(state_, weights_, first, count)[m];
      std::copy(tile.begin(), tile.end(), all.begin() + static_cast<std::ptrdiff_t>(first));
    }
    return all;
  }
  std::span<const float> dense(std::size_t m) const { return std::span(dense_).subspan(m * weights_, weights_); }

 private:
  static moment_tile<Rule::moments> tiles_of(std::vector<float>& planes, std::size_t first, std::size_t count) {
    moment_tile<Rule::moments> tile;
    for (std::size_t m = 0; m < tile.size(); ++m) tile[m] = std::span(planes).subspan(m * (planes.size() / tile.size()) + first, count);
    return tile;
  }
  Rule rule_;
  std::size_t weights_;
  std::vector<float> dense_;
  detail::parameter_state state_;
  detail::compact_moments<Rule> tile_;
  std::uint32_t step_ = 0;
};

TEST(byte_moments, averages_are_unbiased) {
  // One course of gradients for all weights, but for the largest of every tile: what they differ in is rounding.
  constexpr std::size_t weights = 2 * tile_size + 700;
  moments_in_bytes<adam> moments(adam{}, weights);
  draws d(4);
  for (int step = 1; step <= 600; ++step) {
    std::vector<float> gradient(weights, 0.3f + d.normal());
    for (std::size_t j = 0; j < weights; j += 512) gradient[j] *= 5;
    moments.step(gradient);
    if (step % 200 != 0) continue;
    for (std::size_t m = 0; m < 2; ++m) {
      const auto kept = moments.kept(m);
      double sum = 0, squares = 0, count = 0;
      for (std::size_t j = 0; j < weights; ++j)
        if (j % 512 != 0) sum += double{kept[j]}, squares += double{kept[j]} * kept[j], ++count;
      const double expected = moments.dense(m)[1], variance = squares - sum * sum / count;
      EXPECT_LT(standard_errors(sum, count * expected, variance), allowed_standard_errors) << "moment " << m << ", step " << step;
      EXPECT_LT(std::sqrt(variance / count), 0.25 * expected) << "moment " << m << ", step " << step;
    }
  }
}

TEST(byte_moments, no_second_moment_is_lost) {
  moments_in_bytes<adam> moments(adam{}, tile_size);
  std::vector<float> gradient(tile_size);
  for (std::size_t j = 1; j < tile_size; ++j) gradient[j] = std::ldexp(1.0f, -static_cast<int>(j % 40));
  moments.step(gradient);
  std::fill(gradient.begin() + 2, gradient.end(), 0.0f);
  for (int step = 0; step < 100; ++step) moments.step(gradient);
  const auto kept = moments.kept(1);
  EXPECT_EQ(kept[0], 0);
  for (std::size_t j = 1; j < tile_size; ++j) {
    EXPECT_GT(kept[j], 0.3f * moments.dense(1)[j]) << j;
    EXPECT_LT(kept[j], std::max(3 * moments.dense(1)[j], 0x1p-33f * kept[1])) << j;
  }
}

TEST(byte_moments, what_does_not_change_stays) {
  // Of AMSGrad's moments the third one keeps its largest numbers when the first two fall, and their scales with them.
  moments_in_bytes<amsgrad> moments(amsgrad{.first_decay = 0.5, .second_decay = 0.5}, 3000);
  draws d(6);
  std::vector<float> gradient(3000);
  for (float& g : gradient) g = d.normal();
  moments.step(gradient);
  const auto first = moments.kept(2);
  std::fill(gradient.begin(), gradient.end(), 0.0f);
  for (int step = 0; step < 30; ++step) moments.step(gradient);
  EXPECT_EQ(moments.kept(2), first);
  const auto faded = moments.kept(1);
  EXPECT_LT(*std::max_element(faded.begin(), faded.end()), 1e-6f);
}

TEST(byte_moments, numbers_beyond_all_bounds_leave_finite_moments) {
  moments_in_bytes<momentum> moments(momentum{.decay = 0.5}, 100);
  std::vector<float> gradient(100, 1.0f);
  gradient[3] = std::numeric_limits<float>::infinity();
  gradient[4] = -gradient[3];
  gradient[5] = std::numeric_limits<float>::quiet_NaN();
  for (int step = 0; step < 3; ++step) moments.step(gradient);
  const auto kept = moments.kept(0);
  EXPECT_EQ(kept[3], 0x1p127f);
  EXPECT_EQ(kept[4], -0x1p127f);
  EXPECT_EQ(kept[5], 0);
  for (std::size_t j = 6; j < 100; ++j) EXPECT_TRUE(exact::is_finite(kept[j]));
}

TEST(byte_moments, a_run_ends_as_well_as_with_floats) {
  constexpr std::size_t size = 100;
  const auto target = normal_weights(size, 2), curvature = normal_weights(size, 3);
  const auto last_loss_of = [&](const auto& rule) {
    std::vector<float> w = normal_weights(size, 1);
    const auto loss = [&] {
      double sum = 0;
      for (std::size_t j = 0; j < size; ++j) sum += (0.5 + std::fabs(double{curvature[j]})) * std::pow(double{w[j]} - double{target[j]}, 2);
      return sum;
    };
    optimizer opt{parameters(parameter("w", w)),
                  rule,
                  two_point{.radius = 1e-3, .queries = 8},
                  rademacher{},
                  cosine_decay{.steps = 600},
                  no_normalisation{},
                  no_clip{},
                  options{.run = 8}};
    for (int s = 0; s < 600; ++s) opt.step(loss);
    return loss();
  };
  const adam rule{.rate = 0.05};
  const double first = last_loss_of(adam{.rate = 1e-30});
  const double dense = last_loss_of(rule), bytes = last_loss_of(byte_moments<adam>{rule});
  EXPECT_LT(dense, 0.01 * first);
  EXPECT_LT(bytes, 1.2 * dense);
}

TEST(byte_moments, encoding_leaves_0_to_0_alone) {
  const std::vector<float> x = {0.0f, -0.0f, 0x1p-126f, 0x1p-40f, 0x1.fffffep-18f, 0x1p-17f, 0x1.8p-17f, 0x1.8p-17f, 3.0f};
  const std::vector<std::uint32_t> words = {0, 0, 0, ~0u, 0, 0, 0x7fffffff, 0x80000000, 5};
  const std::vector<std::int32_t> expected = {0, 0, 1, 1, 1, 1, 2, 1, 132};
  for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    std::vector<std::int32_t> codes(x.size());
    kernel::scale_runs runs({x.size(), x.size()}, 0);
    kernel::encoding met;
    const scaled grids[] = {{1}};
    encode_kernels<Set>::template encode<kernel::positive_ue5m3, stochastic_rounding>(x.data(), words.data(), 0, x.size(), grids, runs,
                                                                                      codes.data(), met);
    EXPECT_EQ(codes, expected);
  });
}

TEST(byte_moments, keeps_a_byte_per_weight_and_moment_and_a_scale_per_tile) {
  std::vector<float> w(2 * tile_size + 1);
  EXPECT_EQ((optimizer{parameters(parameter("w", w)), byte_moments<adam>{}}.state_bytes()), 2 * (w.size() + 4 * 3));
  EXPECT_EQ(byte_moments<adam>::name, "adam in bytes");
}

}  // namespace
}  // namespace zolt::test
