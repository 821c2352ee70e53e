#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "support/messages.hpp"
#include "support/models.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/momentum.hpp"

// A loss that is no number loses its query: it is counted, never thrown and never applied.

namespace zolt::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<double> losses_of(std::size_t count) {
  std::vector<double> losses(count);
  for (std::size_t k = 0; k < count; ++k) losses[k] = 1 + 0.25 * static_cast<double>(k * k);
  return losses;
}

template <class Estimator>
std::vector<logged_term> terms_after(const Estimator& estimator, std::span<const double> losses, report* told = nullptr) {
  model m = model::quantized();
  optimizer opt{m.mixed(), estimator, no_normalisation{}, no_clip{}};
  opt.ask();
  const report r = opt.tell(losses);
  if (told != nullptr) *told = r;
  return opt.recorded().terms;
}

TEST(loss, a_number_that_is_not_finite_loses_its_query) {
  for (const double bad : {nan, infinity, -infinity, -nan})
    for (std::size_t at = 0; at < 6; ++at) {
      auto losses = losses_of(6);
      losses[at] = bad;
      report r;
      const auto terms = terms_after(two_point{.queries = 3}, losses, &r);
      EXPECT_EQ(r.lost_queries, 1u);
      EXPECT_EQ(r.probes, 6u);
      EXPECT_TRUE(std::isfinite(r.loss));
      ASSERT_EQ(terms.size(), 2u);
      for (const logged_term& t : terms) EXPECT_NE(t.query, at / 2);
    }
}

TEST(loss, what_is_left_is_the_estimate_of_what_is_left) {
  auto losses = losses_of(6);
  losses[3] = nan;
  const auto some = terms_after(two_point{.queries = 3}, losses);
  const auto two = terms_after(two_point{.queries = 2}, std::array{losses[0], losses[1], losses[4], losses[5]});
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0].coefficient, two[0].coefficient);
  EXPECT_EQ(some[1].coefficient, two[1].coefficient);
}

TEST(loss, a_baseline_that_is_lost_loses_the_step) {
  report r;
  EXPECT_TRUE(terms_after(one_sided{.queries = 3}, std::array{nan, 1.0, 2.0, 3.0}, &r).empty());
  EXPECT_EQ(r.lost_queries, 3u);
  EXPECT_EQ(terms_after(one_sided{.queries = 3}, std::array{1.0, infinity, 2.0, 3.0}, &r).size(), 2u);
  EXPECT_EQ(r.lost_queries, 1u);
}

TEST(loss, finite_losses_too_far_apart_are_lost_as_well) {
  report r;
  EXPECT_EQ(terms_after(two_point{.queries = 2}, std::array{1e308, -1e308, 1.0, 2.0}, &r).size(), 1u);
  EXPECT_EQ(r.lost_queries, 1u);
  EXPECT_TRUE(terms_after(one_sided{.queries = 1}, std::array{0.0, 1e300}, &r).empty());
}

TEST(loss, an_absurd_loss_does_not_spoil_the_steps_after_it) {
  model m = model::quantized();
  optimizer opt{m.mixed(), sgd{.rate = 0.3}};
  for (const double absurd : {1e308, 1e200, -1e308}) {
    opt.ask();
    opt.tell(std::array{absurd, -absurd});
  }
  opt.ask();
  opt.tell(std::array{1.0, 0.0});
  const trajectory t = opt.recorded();
  ASSERT_EQ(t.terms.size(), 1u);
  EXPECT_EQ(t.terms[0].coefficient, 1.0f) << "the first coefficient is its own root mean square";
  EXPECT_NO_THROW(opt.validate());
  EXPECT_NO_THROW(trajectory_from(to_bytes(t)));
}

TEST(loss, a_step_without_any_loss_changes_nothing_and_is_counted) {
  model m = model::extreme();
  const auto before = m.bytes();
  const auto expect_nothing = [&](auto& opt, auto&& loss) {
    for (std::uint32_t step = 0; step < 3; ++step) {
      const report r = opt.step(loss);
      EXPECT_EQ(r.step, step);
      EXPECT_EQ(r.lost_queries, 2u);
      EXPECT_TRUE(std::isnan(r.loss));
      EXPECT_EQ(r.writes.moved + r.writes.clamped, 0u);
      ASSERT_EQ(m.bytes() == before, true);
    }
    EXPECT_EQ(opt.step_number(), 3u);
    const trajectory t = opt.recorded();
    EXPECT_EQ(t.steps.size(), 3u);
    EXPECT_TRUE(t.terms.empty());
    EXPECT_EQ(t.statistics[0], coefficient_statistics{});
  };
  optimizer plain{m.mixed(), two_point{.queries = 2}};
  expect_nothing(plain, [] { return nan; });
  optimizer with_momentum{m.mixed(), momentum{}, two_point{.queries = 2}, options{.threads = 2}};
  expect_nothing(with_momentum, [](const probe_view&) { return infinity; });
  optimizer with_residual{m.mixed(), residual<4>{}, one_sided{.queries = 2}};
  expect_nothing(with_residual, [](const probe_view&) { return std::optional<double>{}; });
  optimizer by_plan{m.mixed(), two_point{.queries = 2}};
  expect_nothing(by_plan, [](const probe_view& p) { return std::vector<double>(p.count(), nan); });
}

TEST(loss, declining_is_losing) {
  model m = model::quantized(), same = m;
  optimizer declined{m.mixed(), sgd{.rate = 0.3}, two_point{.queries = 2}};
  optimizer lost{same.mixed(), sgd{.rate = 0.3}, two_point{.queries = 2}};
  int calls = 0;
  declined.step([&]() -> std::optional<double> { return calls++ == 1 ? std::nullopt : std::optional(1.0 * calls); });
  calls = 0;
  lost.step([&] { return calls++ == 1 ? nan : 1.0 * calls; });
  EXPECT_EQ(declined.recorded(), lost.recorded());
  EXPECT_EQ(m.bytes() == same.bytes(), true);
}

TEST(loss, a_loss_that_throws_leaves_the_step_undone) {
  model m = model::quantized();
  const auto before = m.bytes();
  optimizer opt{m.mixed(), two_point{.queries = 2}, sgd{.rate = 0.3}};
  int calls = 0;
  const auto throwing = [&]() -> double {
    if (++calls == 3) throw std::runtime_error("no data");
    return calls;
  };
  EXPECT_THROW(opt.step(throwing), std::runtime_error);
  EXPECT_EQ(m.bytes() == before, true);
  EXPECT_EQ(opt.step_number(), 0u);
  EXPECT_EQ(opt.recorded().steps.size(), 0u);
  calls = 10;  // and the same step works when it is tried again
  EXPECT_EQ(opt.step(throwing).step, 0u);
  EXPECT_EQ(opt.recorded().terms.size(), 2u);
}

TEST(loss, a_whole_number_is_a_loss) {
  model m = model::quantized();
  optimizer opt{m.mixed(), no_normalisation{}, no_clip{}};
  int calls = 0;
  EXPECT_EQ(opt.step([&] { return ++calls; }).loss, 1.5);
  EXPECT_EQ(opt.step([](const probe_view&) { return 2.5f; }).loss, 2.5);
  EXPECT_EQ(opt.step([](const probe_view&) { return std::array<float, 2>{1, 2}; }).loss, 1.5);
}

TEST(loss, the_number_of_losses_must_be_that_of_the_plan) {
  model m = model::quantized();
  const auto before = m.bytes();
  optimizer opt{m.mixed(), two_point{.queries = 2}};
  EXPECT_TRUE(contains(message_of([&] { opt.tell(std::vector<double>(4, 1.0)); }),
                       "tell: losses = 4 must be one per probe of the plan, which has 0"));
  opt.ask();
  for (const std::size_t wrong : {0u, 3u, 5u})
    EXPECT_TRUE(contains(message_of([&] { opt.tell(std::vector<double>(wrong, 1.0)); }), "be one per probe of the plan, which has 4"));
  for (const std::size_t wrong : {0u, 3u, 5u})
    EXPECT_TRUE(contains(message_of([&] { opt.step([&](const probe_view&) { return std::vector<double>(wrong, 1.0); }); }),
                         "evaluate: losses returned = " + to_text(wrong) + " must be one per probe of the plan, which has 4"));
  EXPECT_EQ(opt.step_number(), 0u);
  EXPECT_EQ(m.bytes() == before, true);
}

}  // namespace
}  // namespace zolt::test
