#include "zolt/core/executor.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "optimizer/executor_checks.hpp"
#include "support/counted_memory.hpp"
#include "support/messages.hpp"

// The same bytes of weights and trajectories, whoever runs the lanes. Compiled without OpenMP; openmp_test.cpp is compiled with it.

namespace zolt::test {
namespace {

/// A thread pool of an engine: as many lanes as it likes, in an order of its own, and it can be neither copied nor moved.
class engine_pool {
 public:
  explicit engine_pool(std::size_t lanes) : lanes_(lanes) {}
  engine_pool(const engine_pool&) = delete;
  engine_pool& operator=(const engine_pool&) = delete;

  std::size_t size() const { return lanes_; }
  template <class Function>
  void run(Function&& f) {
    for (std::size_t lane = lanes_; lane-- > 0;) f(lane);
    ++runs;
  }

  std::size_t runs = 0;

 private:
  std::size_t lanes_;
};

template <class... Given>
using executor_of_optimizer = executor_of<sgd, Given...>;

static_assert(std::is_same_v<executor_of_optimizer<>, thread_team>);
static_assert(std::is_same_v<executor_of_optimizer<options>, thread_team>);
static_assert(std::is_same_v<executor_of_optimizer<serial, options>, serial>);
static_assert(std::is_same_v<executor_of_optimizer<options, executor_reference<engine_pool>>, executor_reference<engine_pool>>);
static_assert(!given_executor<engine_pool> && !given_executor<thread_team>);

TEST(executor, any_gives_the_same_bytes) {
  const std::vector<std::byte> expected = run_on(options{.run = 5});
  for (const std::size_t threads : {2u, 7u}) EXPECT_EQ(run_on(options{.run = 5, .threads = threads}) == expected, true) << threads;
  EXPECT_EQ(run_on(serial{}, options{.run = 5}) == expected, true);
  for (const std::size_t lanes : {1u, 3u, 1500u}) {
    engine_pool pool(lanes);
    EXPECT_EQ(run_on(options{.run = 5}, executor_reference{&pool}) == expected, true) << lanes;
    EXPECT_GT(pool.runs, 10u) << "the passes run on it";
  }
  EXPECT_EQ(run_on(options{.run = 6}) == expected, false) << "a run of another seed";
}

TEST(executor, has_its_own_number_of_lanes) {
  engine_pool pool(2), empty(0);
  EXPECT_EQ(sentences_of([&] { run_on(options{.threads = 2}, executor_reference{&pool}); }),
            std::vector<std::string>{"options: threads = 2 must be left out: the executor has its own number of lanes"});
  EXPECT_EQ(sentences_of([&] { run_on(executor_reference{&empty}); }),
            std::vector<std::string>{"executor: size = 0 must be at least 1 and finite"});
}

TEST(executor, of_its_own_leaves_a_step_without_allocations) {
  model m = model::quantized(3);
  engine_pool pool(4);
  const auto list = parameters(parameter("int4", m.in_int4), parameter("floats", m.in_float, {.unit = 0.01}));
  optimizer opt{list, momentum{.rate = 0.1}, sparse_rademacher{.ratio = 0, .min_density = 0.2}, residual<4>{}, executor_reference{&pool}};
  const std::vector<double> losses = {1, 2};
  opt.ask(), opt.tell(losses);
  const std::size_t before = counted_memory::allocations;
  for (int step = 0; step < 10; ++step) opt.ask(), opt.tell(losses);
  EXPECT_EQ(counted_memory::allocations - before, 0u);
}

}  // namespace
}  // namespace zolt::test
