#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/messages.hpp"
#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/direction/per_example.hpp"
#include "zolt/direction/pooled.hpp"
#include "zolt/direction/rounded.hpp"
#include "zolt/estimator/kernel_smoothed.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/optimizer/optimizer.hpp"

namespace zolt::test {
namespace {

using sentences = std::vector<std::string>;

template <class Parameters, class... Policies>
sentences problems_of(const Parameters& list, const Policies&... policies) {
  sentences all;
  for (const problem& p : find_problems(list, compose(policies...), options{})) all.push_back(p.sentence());
  return all;
}

TEST(policy_guards, relative_weights_keep_their_signs) {
  model m = model::quantized();
  std::vector<float> scales(8, 1.0f);
  const auto problems = [&](parameter_options o) {
    return problems_of(parameters(parameter("int4", m.in_int4), parameter("scales", scales, o)), two_point{.radius = 2});
  };
  EXPECT_EQ(
      problems({.relative = true}).front(),
      "scales: unit = not given must be given for a dense parameter beside coded ones; zolt::unit_of(w) is the code step of a neighbour");
  EXPECT_EQ(problems({.unit = 0.5, .relative = true}),
            sentences{"scales: radius times the relative unit = 1 must be below 1: a weight keeps its sign"});
  EXPECT_EQ(problems({.unit = 0.49, .relative = true}), sentences{});
  const auto on_codes = [&](parameter_options o) { return problems_of(parameters(parameter("int4", m.in_int4, o))).size(); };
  EXPECT_EQ(on_codes({.relative = true}), 1u);
  EXPECT_EQ(on_codes({.lowest = std::nanf(""), .highest = std::nanf("")}), 1u);
  EXPECT_EQ(on_codes({}), 0u);
}

TEST(policy_guards, radii_of_a_kernel_are_whole_codes) {
  model m = model::quantized();
  const auto problems = [&m](kernel_smoothed e) { return problems_of(parameters(parameter("int4", m.in_int4)), e); };
  EXPECT_EQ(problems({.radius = 4, .levels = 4}), sentences{});
  EXPECT_EQ(problems({.radius = 4, .levels = 2}), sentences{});
  for (const kernel_smoothed bad :
       {kernel_smoothed{.radius = 2, .levels = 4}, kernel_smoothed{.radius = 3, .levels = 3}, kernel_smoothed{}})
    EXPECT_EQ(problems(bad).size(), 1u) << bad.levels;
}

TEST(policy_guards, one_baseline_is_not_that_of_every_example) {
  std::vector<float> w(8);
  const auto list = parameters(parameter("w", w));
  EXPECT_EQ(problems_of(list, one_sided{.queries = 4}, per_example<rademacher>{}),
            sentences{"per_example rademacher: estimator = one_sided must evaluate both sides of every example: one unperturbed loss is "
                      "that of one example"});
  EXPECT_EQ(problems_of(list, two_point{.queries = 4}, per_example<rademacher>{}), sentences{});
}

TEST(policy_guards, a_window_fits_in_memory) {
  std::vector<float> w(8);
  EXPECT_EQ(problems_of(parameters(parameter("w", w)), replayed_residual{.window = 4'000'000'000}),
            sentences{"replayed_residual: window times queries = 4e+09 must be at most 1048576"});
}

TEST(policy_guards, a_pool_does_not_divide_a_tensor) {
  std::vector<float> w(4096, 1.0f);
  optimizer opt{parameters(parameter("w", w)), pooled{.size = 512}};
  EXPECT_EQ(message_of([&opt] { opt.ask(); }),
            "zolt: w: weights = 4096 must be no multiple of the pool's 512 numbers: every step would have one direction");
}

TEST(policy_guards, an_in_place_scope_is_of_a_probe_that_was_asked_for) {
  std::vector<float> w(40, 1.0f);
  optimizer opt{parameters(parameter("w", w)), sgd{}};
  using scope = decltype(opt)::in_place;
  EXPECT_EQ(message_of([&opt] {
              scope s(opt, {{0, 0, 0}, 1});
            }),
            "zolt: in_place: offset of the probe = 1 must be that of a probe of the plan: ask first");
  EXPECT_EQ(message_of([&opt] { opt.apply({0, 0, std::nanf(""), 0}, {}); }), "zolt: apply: rate = nan must be finite and not negative");
  for (const float v : w) EXPECT_EQ(v, 1.0f);
}

TEST(policy_guards, per_example_rounds_anew_for_the_update_if_its_base_does) {
  const per_example<rounded> direction{{.step = 3}};
  const auto law = direction.law_at(1, 1), update = law.for_update();
  const parameter_info info{3, {20, 50}};
  std::vector<std::int16_t> probed(1000), updated(1000), base(1000);
  law.fill({1, 2, 3}, info, 0, probed);
  update.fill({1, 2, 3}, info, 0, updated);
  EXPECT_NE(probed, updated);
  law.base.for_update().fill({1, 2, 0}, info, 0, base);
  for (std::size_t i = 0; i < base.size(); ++i) EXPECT_EQ(std::abs(int{updated[i]}), std::abs(int{base[i]}));
}

/// A list that is read as a matrix over the same memory has no signs of rows and columns: its weights are read probe by probe.
TEST(policy_guards, a_matrix_over_the_memory_of_a_list_is_read_and_not_factored) {
  std::vector<float> w(6);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i);
  optimizer opt{parameters(parameter("w", w)), two_point{.radius = 0.25, .queries = 2}, per_example<rademacher>{}};
  const probe_view probes = opt.probes();
  const tensor_view<float> matrix(w.data(), {3, 2});
  tensor<float> x({4, 2}), y({4, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.flat()[i] = static_cast<float>(i % 3) - 1;
  EXPECT_FALSE(probes.multiply(matrix, x.view(), y.view()));
  linear(probes, matrix, x.view(), y.view());
  std::vector<float> seen(6);
  for (std::size_t k = 0; k < 4; ++k) {
    probes.one(k).read(w, 0, seen);
    for (std::size_t r = 0; r < 3; ++r) EXPECT_FLOAT_EQ(y(k, r), seen[2 * r] * x(k, 0) + seen[2 * r + 1] * x(k, 1));
  }
}

TEST(policy_guards, codes_under_trained_zero_points_are_read_and_not_factored) {
  tensor<float> floats({4, 16});
  for (std::size_t i = 0; i < floats.size(); ++i) floats.flat()[i] = std::sin(static_cast<float>(i));
  auto w = quantizer<uint4, per_channel>{}("w", floats.view());
  optimizer opt{parameters(parameter("codes", w), parameter("zeros", w.zeros(), {.unit = 0.1})), two_point{.queries = 2},
                per_example<sparse_rademacher>{{.ratio = 0, .min_density = 0.5}}};
  const probe_view probes = opt.probes();
  tensor<float> x({4, 16}), y({4, 4}), seen({4, 16});
  for (std::size_t i = 0; i < x.size(); ++i) x.flat()[i] = std::cos(static_cast<float>(i));
  linear(probes, w, x.view(), y.view());
  for (std::size_t k = 0; k < 4; ++k) {
    probes.one(k).read(w, 0, seen.flat());
    for (std::size_t r = 0; r < 4; ++r) {
      double sum = 0;
      for (std::size_t c = 0; c < 16; ++c) sum += double{seen(r, c)} * x(k, c);
      EXPECT_NEAR(y(k, r), sum, 1e-5);
    }
  }
}

/// Rows longer than one piece of signs: the update is still the sum of the directions.
TEST(policy_guards, per_example_updates_of_long_rows_are_sums_of_directions) {
  const std::size_t columns = (std::size_t{1} << 15) + 1234;
  tensor<float> w({2, columns});
  const per_example<sparse_rademacher> direction{{.ratio = 0, .min_density = 0.01}};
  const auto law = direction.law_at(1, 3);
  optimizer opt{parameters(parameter("w", w)), two_point{.queries = 3}, direction};
  const std::vector<logged_term> terms = {{0, 1}, {1, -0.5f}, {2, 0.25f}};
  opt.apply({0, law.record(), 1.0f, 3}, terms);
  std::vector<double> expected(w.size());
  std::vector<std::int16_t> z(w.size());
  for (const logged_term& t : terms) {
    law.fill({0, 0, t.query}, {hash_of("w", 1), w.shape()}, 0, z);
    for (std::size_t i = 0; i < z.size(); ++i) expected[i] -= double{t.coefficient} * law.amplitude() * z[i];
  }
  double difference = 0;
  for (std::size_t i = 0; i < w.size(); ++i) difference = std::max(difference, std::fabs(w.flat()[i] - expected[i]));
  EXPECT_LT(difference, 1e-2);
  EXPECT_GT(*std::max_element(expected.begin(), expected.end()), 1);
}

}  // namespace
}  // namespace zolt::test
