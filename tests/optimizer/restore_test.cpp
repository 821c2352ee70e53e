#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/optimizer.hpp"

// The restore promise: after an evaluation every byte of the model is what it was, for every storage, every law, every way of seeing a
// probe, every team, and however the loss ends.

namespace zolt::test {
namespace {

enum class outcome { normal, throws, nan, declined };

/// A loss that looks at the weights, and ends in a given way at one probe of the plan.
struct failing_loss {
  const model& m;
  const std::vector<std::byte>& before;
  outcome how;
  std::size_t at;
  std::size_t call = 0;
  std::size_t moved = 0;  ///< calls that saw other bytes than before

  std::optional<double> operator()() {
    moved += m.bytes() != before;
    return ended();
  }
  std::optional<double> ended() {
    if (call++ != at) return 1.5;
    switch (how) {
      case outcome::throws: throw std::runtime_error("the loss failed");
      case outcome::nan: return std::numeric_limits<double>::quiet_NaN();
      case outcome::declined: return std::nullopt;
      default: return 1.5;
    }
  }
};

template <class Optimizer>
void evaluate_seen(Optimizer& opt, failing_loss& loss, seeing how) {
  std::vector<float> out(301 * opt.ask().size());
  const auto read = [&](const probe_view& p) {
    const auto tile = std::span(out).first(301 * p.count());
    p.read(loss.m.in_int8, 0, tile), p.read(loss.m.in_int4, 0, tile), p.read(loss.m.in_e4m3, 64, tile), p.read(loss.m.in_float, 3, tile);
  };
  if (how == seeing::in_place) {
    opt.evaluate([&] { return loss(); });
    return;
  }
  if (how == seeing::one_probe)
    opt.evaluate([&](const probe_view& p) { return read(p), loss.ended(); });
  else
    opt.evaluate([&](const probe_view& p) {
      read(p);
      std::vector<std::optional<double>> losses;
      for (std::size_t k = 0; k < p.count(); ++k) losses.push_back(loss.ended());
      return losses;
    });
}

template <class Law>
void expect_restored(unsigned which, const Law& law, double radius, std::size_t threads) {
  SCOPED_TRACE("storages " + to_text(which) + ", law " + std::string(Law::name) + ", radius " + to_text(radius) + ", threads " +
               to_text(threads));
  model m = model::extreme();
  const auto before = m.bytes();
  optimizer opt{m.list(which), two_point{.radius = radius, .queries = 2}, law, options{.run = 11, .threads = threads}};
  const std::vector<double> lost(opt.ask().size(), std::numeric_limits<double>::quiet_NaN());

  for (const seeing how : ways_of_seeing) {
    for (const outcome ends : {outcome::normal, outcome::throws, outcome::nan, outcome::declined}) {
      for (std::size_t at = 0; at < lost.size(); ++at) {
        failing_loss loss{.m = m, .before = before, .how = ends, .at = at};
        if (ends == outcome::throws)
          EXPECT_THROW(evaluate_seen(opt, loss, how), std::runtime_error);
        else
          evaluate_seen(opt, loss, how);
        ASSERT_EQ(m.bytes() == before, true) << "seen in way " << static_cast<int>(how) << ", ends in " << static_cast<int>(ends) << " at "
                                             << at;
        EXPECT_EQ(loss.moved, how == seeing::in_place ? loss.call : 0);
        if (ends == outcome::normal) break;  // one position is like another
      }
    }
    opt.ask();
    EXPECT_EQ(opt.tell(lost).lost_queries, 2u);  // on to the next key, with all of this one lost
    ASSERT_EQ(m.bytes() == before, true) << "a step without a loss";
  }
}

sparse_rademacher with_density(double density) { return {.ratio = 0, .min_density = density}; }

template <class Law>
void expect_restored_by_every_team(unsigned which, const Law& law, double radius) {
  for (const std::size_t threads : teams) expect_restored(which, law, radius, threads);
}

TEST(restore, every_coded_storage_under_rademacher) {
  for (const unsigned which : {int4_only, int8_only, e4m3_only, e5m2_only}) expect_restored_by_every_team(which, rademacher{}, 1);
}

TEST(restore, every_coded_storage_under_sparse_laws) {
  for (const unsigned which : {int4_only, int8_only, e4m3_only, e5m2_only})
    for (const double density : {0.4, 0.05}) expect_restored_by_every_team(which, with_density(density), 1);
}

TEST(restore, codes_that_are_clamped_by_large_radii) {
  expect_restored(int4_only, rademacher{}, 14, 2);
  expect_restored(int4_only, with_density(0.4), 5, 2);
  expect_restored(int8_only | e4m3_only | e5m2_only, rademacher{}, 100, 2);
}

TEST(restore, dense_floats_under_every_law) {
  expect_restored_by_every_team(dense_only, rademacher{}, 1);
  expect_restored_by_every_team(dense_only, gaussian{}, 1);
  expect_restored_by_every_team(dense_only, block_gaussian{}, 0.3);
  expect_restored_by_every_team(dense_only, uniform{}, 0.3);
  // A law that touches most weights is undone from a copy, one that touches few from exceptions: both sides of the limit.
  expect_restored_by_every_team(dense_only, with_density(1.0), 1);
  expect_restored_by_every_team(dense_only, with_density(0.26), 1);
  expect_restored_by_every_team(dense_only, with_density(0.24), 1);
  expect_restored_by_every_team(dense_only, with_density(0.01), 1e-3);
}

TEST(restore, a_mixed_model) {
  expect_restored_by_every_team(every_kind, rademacher{}, 1);
  for (const double density : {0.5, 0.1, 0.002}) expect_restored_by_every_team(every_kind, with_density(density), 1);
}

TEST(restore, a_scope_shows_a_probe_and_takes_it_back) {
  for (const std::size_t threads : teams) {
    model m = model::extreme();
    const auto before = m.bytes();
    optimizer opt{m.list(), one_sided{.queries = 3}, with_density(0.3), options{.threads = threads}};
    std::vector<std::vector<std::byte>> seen;
    for (const probe& p : opt.ask()) {
      const typename decltype(opt)::in_place scope(opt, p);
      seen.push_back(m.bytes());
    }
    EXPECT_EQ(m.bytes() == before, true);
    ASSERT_EQ(seen.size(), 4u);
    EXPECT_EQ(seen[0] == before, true) << "the baseline is the model itself";
    for (std::size_t k = 1; k < 4; ++k) EXPECT_EQ(seen[k] == seen[k - 1], false);
  }
}

TEST(restore, weights_that_a_probe_does_not_move_are_not_written) {
  // A negative zero moved by nothing stays one, and a code that is out of reach of the law keeps its own bits while it is seen.
  model m = model::extreme();
  optimizer opt{m.list(e4m3_only), with_density(0.01)};
  const auto before = m.bytes();
  const typename decltype(opt)::in_place scope(opt, opt.ask()[0]);
  const auto during = m.bytes();
  std::size_t other = 0;
  for (std::size_t i = 0; i < before.size(); ++i) other += before[i] != during[i];
  EXPECT_GT(other, 10u);
  EXPECT_LT(other, 90u);  // 1 % of 4100 weights, 41 ± 6.4
}

}  // namespace
}  // namespace zolt::test
