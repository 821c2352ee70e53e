#include "zolt/method/narrow_mezo.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "method/quadratic.hpp"
#include "zolt/method/fixed_point_zo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/parameter/narrow.hpp"

// Methods on weights of 16 bits: every step lands on a neighbour of the one that the equation says, right in the mean.

namespace zolt::test {
namespace {

static_assert(std::same_as<composition_of<method::narrow_mezo>, composition_of<method::mezo>>);

/// The same as observe_on_floats, on words of a format.
template <class Format, class Method>
observed_run observe_on_words(const Format& format, const Method& method, int steps, std::vector<float> start) {
  std::vector<std::uint16_t> words(start.size());
  narrow_view<Format> view(std::span<std::uint16_t>(words), format);
  view.encode(0, start);
  return observe(view, method, steps, start.size(), 1.0, [&] { return view.decode(0, start), std::span<const float>(start); });
}

/// A weight lands on a neighbour of where it is expected, on either one as often as it is near.
template <class Format, class Expected>
void expect_neighbours(const observed_run& run, const Format& format, const Expected& expected) {
  double error = 0, variance = 0;
  for (const observed_step& s : run.steps) {
    const std::vector<double> moves = expected(s);
    for (std::size_t j = 0; j < moves.size(); ++j) {
      const grid_position at = format.locate(s.before[j] + moves[j]);
      const double low = format.value_of(Format::word_of(at.below, false)),
                   step = format.value_of(Format::word_of(at.below + at.away, false)) - low;
      const double part = (s.before[j] + moves[j] - low) / step, landed = (s.before[j] + s.move[j] - low) / step;
      const double blur = std::fabs(moves[j] * 0x1p-12 / step);  // a coefficient has 12 bits
      EXPECT_LT(std::fabs(landed - part), 1 + blur) << "weight " << j;
      if (blur < 0.01) error += landed - part, variance += part * (1 - part);
    }
  }
  EXPECT_LT(std::fabs(error), 4 * std::sqrt(variance) + 1) << "no drift";
}

TEST(narrow_mezo, lands_beside_the_step_of_mezo) {
  const auto along = [](const observed_step& s) {
    std::vector<double> moves;
    for (const double z : s.z[0]) moves.push_back(-0.01 * (s.losses[0] - s.losses[1]) / (2 * 0.05) * z);
    return moves;
  };
  const auto check = [&](const auto& format) {
    const observed_run run = observe_on_words(format, method::narrow_mezo{.rate = 0.01, .radius = 0.05}, 400, normal_weights(48, 4));
    expect_neighbours(run, format, along);
    EXPECT_LT(run.last_loss, 0.1 * run.first_loss);
  };
  check(binary16{});
  check(bfloat16{});
  check(fixed16{.scale = 0.001f});
}

TEST(narrow_mezo, descends_by_steps_that_nearest_loses) {
  const std::vector<float> start(8, 3.0f);  // where a step of bfloat16 is 1/64
  constexpr double rate = 2e-4, radius = 0.1;
  const observed_run kept = observe_on_words(bfloat16{}, method::narrow_mezo{.rate = rate, .radius = radius}, 1500, start);
  const observed_run lost = observe_on_words(
      bfloat16{}, policies(two_point{.radius = radius}, sgd{.rate = rate}, gaussian{}, no_normalisation{}, no_clip{}, nearest{}), 1500,
      start);
  EXPECT_LT(kept.last_loss, 0.7 * kept.first_loss);
  EXPECT_GT(lost.last_loss, 0.9 * lost.first_loss);
}

TEST(fixed_point_zo, takes_the_mean_of_signed_directions) {
  const fixed16 format{.scale = 0x1p-10f};
  const observed_run run =
      observe_on_words(format, method::fixed_point_zo{.rate = 0.02, .radius = 0.05, .queries = 3}, 800, normal_weights(48, 4));
  expect_neighbours(run, format, [](const observed_step& s) {
    std::vector<double> moves(s.move.size());
    for (std::size_t q = 0; q < 3; ++q) {
      const double difference = s.losses[2 * q] - s.losses[2 * q + 1], sign = difference > 0 ? 1 : difference < 0 ? -1 : 0;
      for (std::size_t j = 0; j < moves.size(); ++j) moves[j] -= 0.02 / 3 * sign * s.z[q][j];
    }
    return moves;
  });
  EXPECT_LT(run.last_loss, 0.2 * run.first_loss);
}

}  // namespace
}  // namespace zolt::test
