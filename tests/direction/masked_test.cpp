#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "support/messages.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/masked.hpp"
#include "zolt/direction/rounded.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::test {
namespace {

using small_gaussian = masked<gaussian, magnitude_mask>;
using small_sparse = masked<sparse_rademacher, magnitude_mask>;
static_assert(direction_law<small_gaussian> && direction_law<small_sparse> && direction_law<masked<rademacher, static_mask>>);
static_assert(direction_law<masked<small_gaussian, static_mask>>, "masks of masks");
static_assert(sparse_law<law_t<small_sparse>> && !sparse_law<law_t<small_gaussian>>);
static_assert(law_t<small_sparse>::whole_units && !law_t<small_gaussian>::whole_units);
static_assert(small_gaussian::name == "masked gaussian magnitude_mask");

constexpr direction_key at_step(std::uint32_t step) { return {.run = 3, .step = step}; }

/// The inputs of a policy before a step, on one tensor called w.
template <class Policy, class Weights>
void refresh(const Policy& policy, typename Policy::inputs& in, Weights& w, std::uint32_t step = 0) {
  policy.refresh(in, parameters(parameter("w", w)), at_step(step));
}
template <class Weights>
std::vector<bool> mask_of(const mask_set& masks, Weights& w) {
  const parameter p("w", w);
  const weight_mask* mask = masks.find(p.id);
  std::vector<bool> on(p.size(), true);
  if (mask != nullptr)
    for (std::size_t i = 0; i < on.size(); ++i) on[i] = mask->on(i);
  return on;
}
template <class Law>
std::vector<std::int16_t> tile(const Law& law, const parameter_info& info, std::uint64_t first, std::size_t count) {
  std::vector<std::int16_t> z(count, 77);
  law.fill(at_step(0), info, first, z);
  return z;
}

TEST(magnitude_mask, keeps_the_asked_part_of_the_smallest_of_each_tensor) {
  std::vector<float> w = normal_weights(5001, 1), large = normal_weights(333, 2);
  for (float& x : large) x *= 1000;
  for (const double sparsity : {0.0, 0.5, 0.75, 0.9, 0.9999}) {
    const magnitude_mask policy{.sparsity = sparsity};
    magnitude_mask::inputs in;
    policy.refresh(in, parameters(parameter("w", w), parameter("large", large)), at_step(0));
    const auto kept_of = [&](const std::vector<bool>& on) { return static_cast<double>(std::count(on.begin(), on.end(), true)); };
    const auto on = mask_of(in.masks, w);
    EXPECT_EQ(kept_of(on), std::max(1.0, std::floor((1 - sparsity) * 5001 + 0.5)));
    float largest_on = 0, smallest_off = 1e9f;
    for (std::size_t i = 0; i < w.size(); ++i)
      if (on[i])
        largest_on = std::max(largest_on, std::fabs(w[i]));
      else
        smallest_off = std::min(smallest_off, std::fabs(w[i]));
    EXPECT_LT(largest_on, smallest_off);
    const double of_large = static_cast<double>(in.masks.find(parameter("large", large).id)->kept);
    EXPECT_EQ(of_large, std::max(1.0, std::floor((1 - sparsity) * 333 + 0.5))) << "its own threshold";
    EXPECT_NEAR(in.masks.kept_fraction(), (kept_of(on) + of_large) / (5001 + 333), 1e-15);
    EXPECT_EQ(in.masks.bytes(), (79u + 6u) * 8u);
  }
}

TEST(magnitude_mask, threshold_stays_and_the_mask_follows_the_weights_every_interval) {
  const std::vector<float> base = normal_weights(1000, 1);
  for (const std::uint32_t interval : {1u, 3u}) {
    std::vector<float> w = base;
    const magnitude_mask policy{.sparsity = 0.5, .interval = interval};
    magnitude_mask::inputs in;
    refresh(policy, in, w, 0);
    const auto first = mask_of(in.masks, w);
    const auto thresholds = in.thresholds;
    for (float& x : w) x *= 2;
    for (std::uint32_t step = 1; step <= 3; ++step) {
      refresh(policy, in, w, step);
      const auto now = mask_of(in.masks, w);
      if (step % interval != 0)
        EXPECT_EQ(now, first);
      else
        for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(now[i], std::bit_cast<std::uint32_t>(std::fabs(w[i])) <= thresholds[0]);
      EXPECT_EQ(in.thresholds, thresholds);
    }
    EXPECT_LT(in.masks.kept_fraction(), 0.35);
  }
}

TEST(magnitude_mask, reads_codes_as_the_weights_they_are) {
  const std::vector<float> values = normal_weights(64 * 96, 4);
  const tensor_view<const float> view(values.data(), shape{64, 96});
  auto w = quantize<int4, per_group<32>>("w", view);
  std::vector<float> decoded(values.size());
  w.view().decode(0, decoded);
  const magnitude_mask policy{};
  magnitude_mask::inputs of_codes, of_floats;
  refresh(policy, of_codes, w, 0);
  refresh(policy, of_floats, decoded, 0);
  EXPECT_EQ(of_codes, of_floats);
  EXPECT_GE(of_codes.masks.kept_fraction(), 0.25);
  EXPECT_LT(of_codes.masks.kept_fraction(), 0.4) << "ties of few codes";
}

TEST(masked, is_the_base_where_the_mask_is_on_and_nothing_elsewhere) {
  std::vector<float> w = normal_weights(4500, 5);
  const auto check = [&w](const auto& policy) {
    typename std::remove_cvref_t<decltype(policy)>::inputs in;
    refresh(policy, in, w);
    const auto law = policy.law_at(0.5, 1, in);
    const auto base = policy.base.law_at(0.5, 1);
    const parameter_info info = info_of(parameter("w", w));
    const auto on = mask_of(in.mask.masks, w);
    auto expected = tile(base, info, 0, w.size());
    for (std::size_t i = 0; i < w.size(); ++i)
      if (!on[i]) expected[i] = 0;
    EXPECT_EQ(tile(law, info, 0, w.size()), expected);
    const auto part = tile(law, info, 1001, 2000);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), expected.begin() + 1001));
    EXPECT_NE(tile(law, parameter_info{1, {}}, 0, 500), std::vector<std::int16_t>(500)) << "no mask, no limit";
    if constexpr (sparse_law<decltype(law)>) {
      std::vector<std::int16_t> found(2000);
      std::vector<std::uint64_t> slots, base_slots;
      law.for_each_nonzero(at_step(0), info, 1001, 3001, [&](std::uint64_t i, int z, std::uint64_t slot) {
        found[i - 1001] = static_cast<std::int16_t>(z);
        slots.push_back(slot);
      });
      base.for_each_nonzero(at_step(0), info, 1001, 3001, [&](std::uint64_t i, int, std::uint64_t slot) {
        if (on[i]) base_slots.push_back(slot);
      });
      EXPECT_EQ(found, part);
      EXPECT_EQ(slots, base_slots) << "numbered as the base numbers them";
    }
    EXPECT_EQ(law.spread(), base.spread());
    EXPECT_EQ(law.amplitude(), base.amplitude());
    EXPECT_EQ(law.record(), base.record());
    EXPECT_EQ(law.density(), base.density() * in.mask.masks.kept_fraction());
    EXPECT_EQ(tile(policy.law_of(law.record(), in), info, 0, w.size()), expected);
  };
  check(small_gaussian{});
  check(small_sparse{});
  check(masked<rademacher, static_mask>{.base = {}, .mask = {{{"w", std::vector<bool>(4500, false)}}}});
}

TEST(masked, update_draws_as_the_base_does_in_its_updates) {
  std::vector<float> w = normal_weights(2000, 6);
  const masked<rounded, magnitude_mask> policy{.base = {.step = 4}, .mask = {.sparsity = 0.5}};
  decltype(policy)::inputs in;
  refresh(policy, in, w);
  const parameter_info info = info_of(parameter("w", w));
  const auto law = policy.law_at(1, 1, in);
  const auto update = tile(detail::update_law(law), info, 0, 2000), of_base = tile(law.base.for_update(), info, 0, 2000);
  const auto on = mask_of(in.mask.masks, w);
  for (std::size_t i = 0; i < 2000; ++i) EXPECT_EQ(update[i], on[i] ? of_base[i] : 0);
  EXPECT_NE(update, tile(law, info, 0, 2000));
}

TEST(masked, masks_of_masks_keep_what_both_keep) {
  std::vector<float> w = normal_weights(640, 7);
  std::vector<bool> even(640);
  for (std::size_t i = 0; i < even.size(); i += 2) even[i] = true;
  const masked<masked<rademacher, magnitude_mask>, static_mask> policy{.base = {.base = {}, .mask = {.sparsity = 0.5}},
                                                                       .mask = {{{"w", even}}}};
  decltype(policy)::inputs in;
  refresh(policy, in, w);
  EXPECT_EQ(in.bytes(), 2 * 80u);
  const auto small = mask_of(in.base.mask.masks, w);
  const auto z = tile(policy.law_at(1, 1, in), info_of(parameter("w", w)), 0, 640);
  for (std::size_t i = 0; i < 640; ++i) EXPECT_EQ(z[i] != 0, small[i] && even[i]);
}

TEST(static_mask, is_found_by_name_counted_and_checked) {
  std::vector<float> w(100, 1.0f), free(300, 1.0f);
  const auto list = parameters(parameter("w", w, {.id = 5}), parameter("free", free));
  std::vector<bool> on(100);
  on[3] = on[99] = true;
  static_mask::inputs in;
  static_mask{{{"w", on}}}.refresh(in, list, at_step(0));
  EXPECT_EQ(in.masks.find(parameter("free", free).id), nullptr);
  EXPECT_TRUE(in.masks.find(5)->on(3) && in.masks.find(5)->on(99) && !in.masks.find(5)->on(4));
  EXPECT_EQ(in.masks.kept_fraction(), 302.0 / 400);

  const auto message = [&](const static_mask& m) {
    return message_of([&] {
      static_mask::inputs fresh;
      m.refresh(fresh, list, at_step(0));
    });
  };
  EXPECT_EQ(message({{{"v", on}}}), "zolt: static_mask: parameter = v must be the name of a parameter");
  EXPECT_EQ(message({{{"free", on}}}), "zolt: free: weights of its mask = 100 must be 300");

  const auto hash = [](const static_mask& m) {
    double value = 0;
    m.fields([&value](std::string_view, double v, bound) { value = v; });
    return value;
  };
  std::vector<bool> other = on;
  other[4] = true;
  EXPECT_NE(hash({{{"w", on}}}), hash({{{"w", other}}}));
  EXPECT_NE(hash({{{"w", on}}}), hash({{{"v", on}}}));
  EXPECT_TRUE(holds(bound::non_negative, hash({{{"w", on}}})));
}

}  // namespace
}  // namespace zolt::test
