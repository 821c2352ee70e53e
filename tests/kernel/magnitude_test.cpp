#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/weights.hpp"
#include "zolt/kernel/magnitude.hpp"

namespace zolt {
namespace {

/// The largest magnitudes of runs, and the scales that follow: as the scalar definition has them.
template <class Kernels>
void check_magnitudes() {
  test::draws random(6);
  for (int trial = 0; trial < 100; ++trial) {
    const std::size_t length = trial % 2 != 0 ? 16 * random.between(1, 9) : random.between(1, 150), count = random.between(1, 20);
    std::vector<float> weights(length * count), largest(count + lane_count, -1), scales(count + lane_count);
    for (float& w : weights) w = random.normal() * (trial < 50 ? 1.0f : 1e-40f);
    if (trial % 5 == 0) std::fill_n(weights.begin(), length, trial % 2 != 0 ? 0.0f : -0.0f);
    Kernels::largest_magnitudes(weights.data(), length, count, largest.data());
    for (std::size_t k = count; k < (count + Kernels::width - 1) / Kernels::width * Kernels::width; ++k) ASSERT_EQ(largest[k], 0);
    const float end = std::array{127.0f, 7.0f, 1.0f, 448.0f, 57344.0f}[static_cast<std::size_t>(trial) % 5];
    const kernel::fitted_groups fitted = Kernels::symmetric_scales(largest.data(), end, count, scales.data());
    bool any_zero = false;
    for (std::size_t k = 0; k < count; ++k) {
      float expected = 0;
      for (std::size_t j = 0; j < length; ++j) expected = std::max(expected, std::fabs(weights[k * length + j]));
      ASSERT_EQ(largest[k], expected) << length << " " << count;
      float scale = expected / end;
      while (scale > 0 && expected / scale > end) scale = std::nextafter(scale, FLT_MAX);
      ASSERT_EQ(scales[k], expected == 0 ? -1 : scale);
      any_zero |= expected == 0;
    }
    ASSERT_EQ(fitted.any_zero, any_zero);
    float low = 1, high = -1, least = 0, greatest = 0;
    Kernels::range_of(weights.data(), weights.size(), low, high);
    for (const float w : weights) least = std::min(least, w), greatest = std::max(greatest, w);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(low), std::bit_cast<std::uint32_t>(least));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(high), std::bit_cast<std::uint32_t>(greatest));
  }
  for (const float bad : {HUGE_VALF, -HUGE_VALF, std::nanf("")})
    for (std::size_t place = 0; place < 70; ++place) {
      std::vector<float> weights(70, 2.0f);
      weights[place] = bad;
      float largest[1 + lane_count], scale[1 + lane_count];
      Kernels::largest_magnitudes(weights.data(), weights.size(), 1, largest);
      EXPECT_FALSE(Kernels::symmetric_scales(largest, 127, 1, scale).are_good);
    }
  for (const float extreme : {FLT_MAX, 1e-44f}) {  // no scale beyond the floats, and none that is nothing
    const float largest[1 + lane_count] = {extreme};
    float scale[1 + lane_count];
    EXPECT_FALSE(Kernels::symmetric_scales(largest, extreme > 1 ? 0.5f : 127.0f, 1, scale).are_good);
  }
}

TEST(magnitude_kernels, fit_as_the_scalar_definitions) {
  test::for_each_instruction_set([]<instruction_set Set>(instruction_set_constant<Set>) { check_magnitudes<magnitude_kernels<Set>>(); });
}

}  // namespace
}  // namespace zolt
