#include "zolt/direction/partial.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/masked.hpp"
#include "zolt/direction/rounded.hpp"
#include "zolt/direction/sparse.hpp"

namespace zolt::test {
namespace {

static_assert(direction_law<freeze_prefix<sparse_rademacher>> && direction_law<block_coordinate<gaussian>>);
static_assert(direction_law<freeze_prefix<masked<rademacher, static_mask>>> && direction_law<masked<freeze_prefix<gaussian>, static_mask>>);
static_assert(sparse_law<law_t<freeze_prefix<sparse_rademacher>>> && displacing_law<law_t<freeze_prefix<gaussian>>>);
static_assert(selective_law<law_t<freeze_prefix<gaussian>>> && !selective_law<law_t<gaussian>>);
static_assert(selective_law<law_t<masked<freeze_prefix<gaussian>, static_mask>>>, "what a mask is put on is not lost");
static_assert(!detail::updates_by_another_law<law_t<freeze_prefix<gaussian>>>);
static_assert(freeze_prefix<sparse_rademacher>::name == "partial sparse_rademacher frozen_prefix");

TEST(frozen_prefix, freezes_a_layer_more_every_interval) {
  const frozen_prefix layers{.first_step = 10, .interval = 5, .most = 3, .per_layer = 2};
  EXPECT_EQ(layers.frozen(9), 0u);
  EXPECT_EQ(layers.frozen(10), 1u);
  EXPECT_EQ(layers.frozen(14), 1u);
  EXPECT_EQ(layers.frozen(15), 2u);
  EXPECT_EQ(layers.frozen(20), 3u);
  EXPECT_EQ(layers.frozen(~0u), 3u);
  EXPECT_EQ((frozen_prefix{.first_step = 0, .interval = 1, .most = 7}.frozen(~0u)), 7u) << "2³² layers are no layers";
  std::vector<bool> on;
  for (std::size_t i = 0; i < 8; ++i) on.push_back(layers.on(i, 8, 16));
  EXPECT_EQ(on, (std::vector<bool>{false, false, false, false, true, true, true, true}));
}

TEST(one_block, has_every_parameter_on_once_in_a_round) {
  for (const std::uint32_t blocks : {1u, 2u, 3u, 7u}) {
    std::vector<int> times(7);
    std::vector<std::uint32_t> when(7);
    for (std::uint32_t step = 5 * blocks; step < 6 * blocks; ++step) {
      int on = 0;
      for (std::size_t i = 0; i < 7; ++i)
        if (one_block{blocks}.on(i, 7, step)) ++times[i], ++on, when[i] = step;
      EXPECT_GE(on, static_cast<int>(7 / blocks));
    }
    EXPECT_EQ(times, std::vector<int>(7, 1)) << blocks;
    EXPECT_TRUE(std::is_sorted(when.begin(), when.end())) << "runs of neighbours";
  }
}

TEST(partial, says_what_cannot_be_frozen) {
  std::vector<float> a(4, 1.0f), b(6, 1.0f), c(2, 1.0f);
  const auto list = parameters(parameter("a", a), parameter("b", b), parameter("c", c));
  const auto sentences = [&](const auto& policy) {
    std::vector<problem> problems;
    check_against(policy, list, problems);
    std::vector<std::string> all;
    for (const problem& p : problems) all.push_back(p.sentence());
    return all;
  };
  EXPECT_TRUE(sentences(freeze_prefix<gaussian>{.base = {}, .choice = {.most = 2}}).empty());
  const std::vector<std::string> none_left{"frozen_prefix: most = 2 must be below 2, the number of layers"};
  EXPECT_EQ(sentences(freeze_prefix<gaussian>{.base = {}, .choice = {.most = 2, .per_layer = 2}}), none_left);
  EXPECT_EQ(
      sentences(masked<freeze_prefix<gaussian>, static_mask>{.base = {.base = {}, .choice = {.most = 2, .per_layer = 2}}, .mask = {}}),
      none_left);
  EXPECT_EQ(sentences(block_coordinate<gaussian>{.base = {}, .choice = {.blocks = 4}}),
            std::vector<std::string>{"one_block: blocks = 4 must be at most 3, the number of parameters"});
  EXPECT_TRUE(sentences(gaussian{}).empty());
}

TEST(partial, is_the_base_on_what_is_on_and_nothing_elsewhere) {
  std::vector<float> first = normal_weights(700, 1), second = normal_weights(300, 2);
  const auto list = parameters(parameter("first", first), parameter("second", second));
  const parameter_info of_first = info_of(parameter("first", first)), of_second = info_of(parameter("second", second));
  const auto check = [&](const auto& base) {
    using base_policy = std::remove_cvref_t<decltype(base)>;
    const freeze_prefix<base_policy> policy{.base = base, .choice = {.first_step = 3}};
    typename freeze_prefix<base_policy>::inputs in;
    policy.refresh(in, list, {.run = 3, .step = 3});
    EXPECT_EQ(in.bytes(), 32u);
    const auto law = policy.law_at(0.5, 1, in);
    const auto alone = base.law_at(0.5, 1);
    EXPECT_FALSE(law.touches(of_first));
    EXPECT_TRUE(law.touches(of_second) && law.touches({.id = 1, .shape = {}}));
    EXPECT_EQ(law.density(), alone.density() * 0.3);
    EXPECT_EQ(law.touched_density(), alone.density());
    EXPECT_EQ(law.spread(), alone.spread());
    EXPECT_EQ(law.amplitude(), alone.amplitude());

    const auto tile = [](const auto& l, const parameter_info& info, std::uint32_t step) {
      std::vector<std::int16_t> z(250, 77);
      l.fill({.run = 3, .step = step}, info, 41, z);
      return z;
    };
    const auto nonzeros = [](const auto& l, const parameter_info& info) {
      std::vector<std::uint64_t> found;
      if constexpr (sparse_law<std::remove_cvref_t<decltype(l)>>)
        l.for_each_nonzero({.run = 3, .step = 3}, info, 0, 300, [&](std::uint64_t i, int, std::uint64_t) { found.push_back(i); });
      return found;
    };
    EXPECT_EQ(tile(law, of_second, 3), tile(alone, of_second, 3));
    EXPECT_EQ(tile(policy.law_of(law.record(), in), of_second, 3), tile(law, of_second, 3));
    EXPECT_EQ(nonzeros(law, of_second), nonzeros(alone, of_second));
    EXPECT_EQ(tile(law, of_first, 3), std::vector<std::int16_t>(250));
    EXPECT_TRUE(nonzeros(law, of_first).empty());
    EXPECT_EQ(tile(law, of_first, 2), tile(alone, of_first, 2)) << "a past step is as it was";
    EXPECT_EQ(detail::direction_at(law, {3, 3, 0}, of_first, 50), 0);
    EXPECT_EQ(detail::direction_at(law, {3, 3, 0}, of_second, 50), tile(alone, of_second, 3)[9]);
    std::vector<float> sum(250, -0.0f), here(250);
    detail::add_direction(law, {3, 3, 0}, of_first, 41, 2.0f, sum);
    EXPECT_TRUE(std::all_of(sum.begin(), sum.end(), [](float x) { return std::signbit(x); })) << "not even the sign of a zero";
    detail::set_direction(law, {3, 3, 0}, of_first, 41, 2.0f, sum);
    EXPECT_EQ(sum, here);
    detail::set_direction(law, {3, 3, 0}, of_second, 41, 2.0f, sum);
    detail::set_direction(alone, {3, 3, 0}, of_second, 41, 2.0f, here);
    EXPECT_EQ(sum, here);
  };
  check(sparse_rademacher{});
  check(gaussian{});
  check(rounded{.step = 4});
}

}  // namespace
}  // namespace zolt::test
