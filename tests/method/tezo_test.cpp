#include "zolt/method/tezo.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <vector>

#include "method/subspace.hpp"

namespace zolt::test {
namespace {

/// The Rank matrices of rank one of a run, as directions of the whole model.
template <int Rank>
std::vector<std::vector<double>> matrices_of(std::uint64_t run, small_model& m) {
  const auto info = info_of(parameter("matrix", m.matrix));
  std::vector<std::uint64_t> left(info.shape.rows), right(info.shape.columns);
  const auto law = temporal_low_rank<Rank>{}.law_at(1, 1);
  law.left_signs({run, 0, 0}, info, 0, left);
  law.right_signs({run, 0, 0}, info, 0, right);
  std::vector<std::vector<double>> all(Rank, std::vector<double>(m.all().size()));
  for (std::size_t k = 0; k < Rank; ++k)
    for (std::size_t i = 0; i < info.shape.size(); ++i) {
      const std::uint64_t differ = left[i / info.shape.columns] ^ right[i % info.shape.columns];
      all[k][i] = (differ >> k & 1) != 0 ? -1 : 1;
    }
  return all;
}

TEST(tezo, an_update_is_its_probe) { expect_updates_along_the_law(method::tezo<3>{.rate = 0.05, .radius = 0.25}, 5); }

/// The run reaches the one minimum that it can reach: the gradient there is orthogonal to its matrices, and so is all that has not moved.
TEST(tezo, a_run_ends_at_the_minimum_of_its_dimensions) {
  small_model m;
  const auto start = m.all();
  const auto matrices = matrices_of<4>(5, m);
  subspace reached;
  for (const auto& each : matrices) reached.add(each);
  for (std::size_t j = 128; j < 137; ++j) {  // the bias moves everywhere
    std::vector<double> unit(137);
    unit[j] = 1;
    reached.add(unit);
  }
  ASSERT_EQ(reached.basis.size(), 13u);
  optimizer opt{m.list(), method::tezo<4>{.rate = 0.01, .radius = 0.01, .queries = 2},
                options{.run = 5, .record = false, .reserved_steps = 1}};
  for (int s = 0; s < 1200; ++s) opt.step([&] { return m.loss(); });
  std::vector<double> move = m.all(), gradient = m.all();
  for (std::size_t j = 0; j < move.size(); ++j) move[j] -= start[j], gradient[j] -= double{m.target[j]};
  const auto strayed = reached.outside(move);
  EXPECT_GT(std::sqrt(inner(move, move)), 1);
  EXPECT_LT(std::sqrt(inner(strayed, strayed)), 1e-4);
  for (const auto& b : reached.basis) EXPECT_LT(std::fabs(inner(b, gradient)), 0.02);
}

TEST(tezo, a_trajectory_is_the_run) {
  small_model trained, repeated;
  const method::tezo<2> how{.rate = 0.01, .radius = 0.5, .queries = 2};
  optimizer opt{trained.list(), how, options{.run = 6, .threads = 2}};
  for (int s = 0; s < 10; ++s) opt.step([&] { return trained.loss(); });
  optimizer again{repeated.list(), how, options{.run = 6}};
  again.replay(opt.recorded());
  EXPECT_EQ(trained.all(), repeated.all());
  EXPECT_EQ(opt.state_bytes(), 0u);
}

}  // namespace
}  // namespace zolt::test
