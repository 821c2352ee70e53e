#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "support/weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/update/momentum.hpp"

// Tensors so large that several lanes share one: what is one tensor to a single lane is several blocks to a team. The promises are those of
// small tensors.

namespace zolt::test {
namespace {

struct large_model {
  quantized_tensor<int4, per_group<20>> codes{{610, 1000}};
  tensor<float> floats{{301, 1000}};

  large_model() {
    draws d(1);
    for (std::size_t i = 0; i < codes.size(); ++i) codes.view().set_code(i, int4::code_of(static_cast<int>(d.below(15)) - 7));
    for (float& w : floats.flat()) w = d.real(-1, 1);
  }
  auto list() { return parameters(parameter("codes", codes), parameter("floats", floats, {.unit = 0.01})); }
  std::vector<std::byte> bytes() const {
    const auto first = codes.view().bytes(), second = std::as_bytes(floats.flat());
    std::vector<std::byte> all(first.begin(), first.end());
    all.insert(all.end(), second.begin(), second.end());
    return all;
  }
  /// Σ w³ of some weights from each part of both tensors, under every probe.
  std::vector<double> losses(const probe_view& probes) const {
    std::vector<double> sums(probes.count());
    std::vector<float> seen(100 * probes.count());
    for (std::size_t first = 0; first + 100 <= floats.size(); first += 20000)
      for (const bool coded : {true, false}) {
        if (coded)
          probes.read(codes, 2 * first, seen);
        else
          probes.read(floats, first, seen);
        for (std::size_t i = 0; i < seen.size(); ++i) sums[i / 100] += double{seen[i]} * double{seen[i]} * double{seen[i]};
      }
    return sums;
  }
};

constexpr std::size_t teams[] = {1, 2, 3, 7};

template <class Law>
void expect_restored(const Law& law) {
  for (const std::size_t threads : teams) {
    large_model m;
    const auto before = m.bytes();
    optimizer opt{m.list(), law, options{.threads = threads}};
    std::size_t calls = 0;
    EXPECT_THROW(opt.evaluate([&]() -> double { return ++calls == 2 ? throw std::runtime_error("no data") : m.losses({})[0]; }),
                 std::runtime_error);
    ASSERT_EQ(m.bytes() == before, true) << threads << " threads";
    opt.evaluate([&] {
      EXPECT_EQ(m.bytes() == before, false);
      return 1.0;
    });
    ASSERT_EQ(m.bytes() == before, true) << threads << " threads";
  }
}

TEST(blocks, come_back_bit_for_bit) {
  expect_restored(rademacher{});
  for (const double density : {0.3, 0.1}) expect_restored(sparse_rademacher{.ratio = 0, .min_density = density});
}

template <class... Policies>
void expect_one_run(const Policies&... policies) {
  std::vector<std::byte> first;
  trajectory log;
  for (const std::size_t threads : teams) {
    large_model m;
    optimizer opt{m.list(), policies..., options{.run = 6, .threads = threads}};
    for (int step = 0; step < 3; ++step) opt.step([&](const probe_view& p) { return m.losses(p); });
    opt.step([&] { return m.losses({})[0]; });
    if (threads == 1) first = m.bytes(), log = opt.recorded();
    EXPECT_EQ(m.bytes() == first && opt.recorded() == log, true) << threads << " threads";

    large_model replayed;
    optimizer other{replayed.list(), policies..., options{.run = 6, .threads = threads}};
    other.replay(log);
    EXPECT_EQ(replayed.bytes() == first, true) << threads << " threads";
  }
}

TEST(blocks, do_not_show_in_the_result) {
  expect_one_run(sgd{.rate = 0.3}, two_point{.queries = 2});
  expect_one_run(momentum{.rate = 0.3}, rademacher{}, residual<2>{});
}

}  // namespace
}  // namespace zolt::test
