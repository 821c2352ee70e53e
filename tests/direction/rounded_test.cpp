#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "support/statistics.hpp"
#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/rounded.hpp"

namespace zolt::test {
namespace {

constexpr direction_key some_key{.run = 42, .step = 5, .query = 1};
constexpr parameter_info some_parameter{.id = 99, .shape = {64, 512}};
constexpr std::array<double, 7> steps = {0.02, 8.0 / 255, 8.0 / 15, 8.0 / 7, 8.0 / 3, 4, 20};

static_assert(direction_law<rounded> && rounded_law::whole_units);

template <class Law>
std::vector<std::int16_t> tile(const Law& law, std::uint64_t first, std::size_t count, const direction_key& key = some_key) {
  std::vector<std::int16_t> z(count, 77);
  law.fill(key, some_parameter, first, z);
  return z;
}
rounded_law law_of_step(double step, roundings times = roundings::two) { return rounded{.step = step, .times = times}.law_at(0.1, 1); }

TEST(rounded, counts_of_the_gaussian_are_those_of_all_half_words) {
  std::array<std::uint32_t, 125> counts{};
  for (std::uint32_t half = 0; half < 1u << 16; half += 32) {
    std::uint32_t row[16];
    std::int16_t u[32];
    for (std::uint32_t lane = 0; lane < 16; ++lane) row[lane] = (half + 16 + lane) << 16 | (half + lane);
    distribution::expand<distribution::gaussian>(row, u);
    for (const std::int16_t value : u) ++counts[static_cast<std::size_t>(std::abs(value))];
  }
  EXPECT_EQ(counts, detail::gaussian_counts);
  EXPECT_EQ(detail::gaussian_deviation, std::sqrt(distribution::gaussian::second_moment));
}

// To 2 in 1000: E|u| of the integer Gaussian is that much smaller than of a normal variable with its deviation.
TEST(rounded, kappa_is_that_of_a_normal_variable) {
  const auto expect = [](double step, double kappa) { EXPECT_NEAR(law_of_step(step).kappa(), kappa, 2e-3 * kappa) << "step " << step; };
  expect(8.0 / 255, 1.0002);
  expect(8.0 / 15, 1.0474);
  expect(8.0 / 7, 1.2177);
  expect(8.0 / 3, 2.1403);
  expect(4, 3.1917);
  expect(100, 100 * std::sqrt(2 / 3.14159265));  // E z² = E|z| where a step is wider than the law
}

TEST(rounded, an_element_is_the_gaussian_one_moved_by_its_own_word) {
  for (const double step : steps)
    for (const bool updating : {false, true}) {
      const rounded_law probing = law_of_step(step), law = updating ? detail::update_law(probing) : probing;
      const random_stream words(some_key, some_parameter.id, updating ? stream::round_direction : stream::round_probe);
      const auto u = tile(gaussian{}.law_at(1, 1), 1001, 3000), z = tile(law, 1001, 3000);
      for (std::size_t j = 0; j < z.size(); ++j) {
        const double exact = std::abs(u[j]) / (std::sqrt(846.0) * step), below = std::floor(exact);
        const double word = words.word(1001 + j) * 0x1p-32;
        ASSERT_EQ(z[j] < 0, u[j] < 0 && z[j] != 0);
        if (std::fabs(word - (exact - below)) > 2e-4) {
          ASSERT_EQ(std::abs(z[j]), static_cast<int>(below) + (word < exact - below)) << "u = " << u[j] << ", step " << step;
        }
        if (u[j] == 0) {
          ASSERT_EQ(z[j], 0) << "nothing to round";
        }
        ASSERT_LT(std::abs(z[j]), 1 << law.bits);
      }
    }
}

TEST(rounded, moments_and_density_are_those_of_the_law) {
  constexpr std::size_t size = 1 << 15;
  for (const double step : steps) {
    const rounded_law law = law_of_step(step);
    double sum = 0, squares = 0, fourths = 0, touched = 0;
    for (const std::int16_t z : tile(law, 0, size)) {
      const double square = double{1} * z * z;
      sum += z, squares += square, fourths += square * square, touched += z != 0;
    }
    EXPECT_LT(standard_errors(sum, 0, squares), allowed_standard_errors) << step;
    EXPECT_LT(standard_errors(squares, size * law.second_moment(), fourths - squares * squares / size), allowed_standard_errors) << step;
    EXPECT_LT(standard_errors(touched, size * law.density(), size * law.density() * (1 - law.density())), allowed_standard_errors) << step;
    EXPECT_NEAR(law.step(), step, 2e-6 * step * std::max(step, 1.0));
    EXPECT_NEAR(law.kappa(), law.second_moment() * step * step, 1e-4 * law.kappa());
  }
}

TEST(rounded, both_roundings_are_unbiased_given_the_gaussian_and_independent) {
  constexpr std::size_t size = 1 << 15;
  for (const double step : steps) {
    const rounded_law law = law_of_step(step);
    const auto u = tile(gaussian{}.law_at(1, 1), 0, size), probe = tile(law, 0, size), update = tile(law.for_update(), 0, size);
    std::array<double, 4> sums{}, variances{};
    for (std::size_t j = 0; j < size; ++j) {
      const double mean = u[j] / std::sqrt(846.0) / law.step(), first = probe[j] - mean, second = update[j] - mean;
      const std::array<double, 4> products = {first * mean, second * mean, first * second, first * second * mean * mean};
      for (std::size_t k = 0; k < products.size(); ++k) sums[k] += products[k], variances[k] += products[k] * products[k];
    }
    for (std::size_t k = 0; k < sums.size(); ++k)
      EXPECT_LT(standard_errors(sums[k], 0, variances[k]), allowed_standard_errors) << "product " << k << ", step " << step;
    EXPECT_NE(probe, update);
  }
}

TEST(rounded, once_is_once) {
  for (const roundings times : {roundings::one, roundings::one_corrected}) {
    const rounded_law law = law_of_step(8.0 / 7, times);
    EXPECT_EQ(law.for_update(), law);
    EXPECT_EQ(tile(law.for_update(), 0, 5000), tile(law_of_step(8.0 / 7), 0, 5000)) << "and it is the probe";
  }
}

// Spread divides the estimate and amplitude multiplies the update: E z z'·amplitude/spread is what the gradient comes back with.
TEST(rounded, constants_make_the_estimate_what_each_form_says) {
  for (const double step : steps) {
    const rounded_law two = law_of_step(step), one = law_of_step(step, roundings::one), least = law_of_step(step, roundings::one_corrected);
    const double square = two.second_moment(), product = square / two.kappa();  // E z z' = E u²/(σ·step)²
    EXPECT_NEAR(product * two.for_update().amplitude() / two.spread(), 1, 1e-12);
    EXPECT_NEAR(square * one.amplitude() / one.spread(), one.kappa(), 1e-12 * one.kappa());
    EXPECT_NEAR(square * least.amplitude() / least.spread(), 1, 1e-12);
    for (const rounded_law& law : {two, one, least}) EXPECT_NEAR(law.spread() * law.amplitude(), 1, 1e-15) << "whole units";
  }
}

// Each estimate of a linear loss is g·z times z', and 32 components of one gradient; Monte Carlo for 2-bit grids gave 4.35 elsewhere.
TEST(rounded, two_roundings_are_as_much_noisier_as_kappa_says) {
  constexpr std::size_t dimension = 32, draws_of_each = 10000;
  std::array<double, 2> variance{};
  for (const roundings times : {roundings::one_corrected, roundings::two}) {
    const rounded_law law = law_of_step(8.0 / 3, times);
    double squares = 0;
    std::vector<std::int16_t> probe(dimension), update(dimension);
    for (std::uint32_t step = 0; step < draws_of_each; ++step) {
      law.fill({.run = 1, .step = step}, some_parameter, 0, probe);
      law.for_update().fill({.run = 1, .step = step}, some_parameter, 0, update);
      double along = 0, length = 0;
      for (std::size_t j = 0; j < dimension; ++j) along += probe[j], length += double{1} * update[j] * update[j];
      squares += along * along * length;
    }
    const double factor = law.amplitude() / law.spread();
    variance[times == roundings::two] = squares * factor * factor / draws_of_each - dimension;  // minus the squared means, 1 each
  }
  EXPECT_NEAR(variance[1] / variance[0], 4.35, 0.2);
}

TEST(rounded, takes_the_nearest_step_that_fits_its_integers) {
  EXPECT_EQ(law_of_step(1e-6), law_of_step(0.02));
  EXPECT_EQ(law_of_step(1e30), law_of_step(4096));
  EXPECT_LE(124.0 * law_of_step(0.02).reciprocal, 0x1p32);
  EXPECT_LT(124.0 * law_of_step(0.02).reciprocal * 0x1p-24 + 1, 256);
}

TEST(rounded, a_component_depends_on_no_range) {
  const rounded_law law = law_of_step(8.0 / 15).for_update();
  const auto whole = tile(law, 0, 5000);
  draws random(1);
  for (int trial = 0; trial < 50; ++trial) {
    const std::size_t first = random.below(5000), count = random.below(5000 - first);
    const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(first);
    EXPECT_EQ(tile(law, first, count), std::vector<std::int16_t>(begin, begin + static_cast<std::ptrdiff_t>(count)));
  }
  EXPECT_EQ(rounded{}.law_of(rounded{}.law_at(1, 1).record()), rounded{}.law_at(1, 1));
}

}  // namespace
}  // namespace zolt::test
