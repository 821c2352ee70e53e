#include "zolt/method/subzero.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "method/subspace.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

namespace zolt::test {
namespace {

TEST(subzero, an_update_is_its_probe_on_every_step) {
  expect_updates_along_the_law(method::subzero<3>{.rate = 0.05, .radius = 0.125, .refresh = 3}, 7);
}

TEST(subzero, a_window_of_steps_stays_in_its_subspace) {
  constexpr int R = 2;
  constexpr std::uint32_t refresh = 40;
  small_model m;
  const auto info = info_of(parameter("matrix", m.matrix));
  const auto law = orthogonal_low_rank<R>{.refresh = refresh}.law_at(1, 1);
  optimizer opt{m.list(), method::subzero<R>{.rate = 0.005, .radius = 0.1, .refresh = refresh}, options{.run = 5}};
  for (std::uint32_t window = 0; window < 3; ++window) {
    std::vector<std::uint64_t> left(16), right(8);
    law.left_signs({5, window * refresh, 0}, info, 0, left);
    law.right_signs({5, window * refresh, 0}, info, 0, right);
    subspace reached;
    for (int k = 0; k < R; ++k)
      for (int l = 0; l < R; ++l) {
        std::vector<double> product(128);
        for (std::size_t i = 0; i < 128; ++i) product[i] = ((left[i / 8] >> k ^ right[i % 8] >> l) & 1) != 0 ? -1 : 1;
        for (const auto& b : reached.basis) EXPECT_NEAR(inner(b, product), 0, 1e-12);
        reached.add(product);
      }
    const std::vector<double> before(m.matrix.flat().begin(), m.matrix.flat().end());
    for (std::uint32_t s = 0; s < refresh; ++s) opt.step([&] { return m.loss(); });
    std::vector<double> move(m.matrix.flat().begin(), m.matrix.flat().end());
    for (std::size_t i = 0; i < 128; ++i) move[i] -= before[i];
    const auto strayed = reached.outside(move);
    EXPECT_GT(std::sqrt(inner(move, move)), 0.3);
    EXPECT_LT(std::sqrt(inner(strayed, strayed)), 1e-4);
  }
}

TEST(subzero, windows_together_reach_every_weight) {
  small_model m;
  const double before = m.loss();
  optimizer opt{m.list(), method::subzero<2>{.rate = 0.01, .radius = 0.01, .refresh = 5},
                options{.run = 5, .record = false, .reserved_steps = 1}};
  for (int s = 0; s < 1500; ++s) opt.step([&] { return m.loss(); });
  EXPECT_LT(m.loss(), 0.01 * before);
}

TEST(subzero, it_descends_on_codes) {
  quantized_tensor<int8, per_tensor> w(shape{8, 16});
  w.scales()[0] = 1;
  draws d(5);
  std::vector<int> target(w.size());
  for (std::size_t i = 0; i < w.size(); ++i) w.view().set_code(i, int8::code_of(static_cast<int>(d.below(81)) - 40));
  for (int& t : target) t = static_cast<int>(d.below(81)) - 40;
  const auto loss = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += 0.5 * std::pow(int8::ordinal_of(w.view().code(i)) - target[i], 2);
    return sum;
  };
  const double before = loss();
  optimizer opt{parameters(parameter("w", w)), method::subzero<2>{.rate = 0.005, .radius = 1, .refresh = 5}, options{.run = 5}};
  for (int s = 0; s < 1500; ++s) opt.step(loss);
  EXPECT_LT(loss(), 0.1 * before);
  EXPECT_EQ(opt.state_bytes(), 0u);
}

TEST(subzero, a_trajectory_is_the_run) {
  small_model trained, repeated;
  const method::subzero<5> how{.rate = 0.01, .radius = 0.05, .refresh = 3, .queries = 2};
  optimizer opt{trained.list(), how, options{.run = 6, .threads = 2}};
  for (int s = 0; s < 10; ++s) opt.step([&] { return trained.loss(); });
  optimizer again{repeated.list(), how, options{.run = 6}};
  again.replay(opt.recorded());
  EXPECT_EQ(trained.all(), repeated.all());
}

}  // namespace
}  // namespace zolt::test
