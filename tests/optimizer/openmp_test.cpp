#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "optimizer/executor_checks.hpp"
#include "support/counted_memory.hpp"
#include "support/executors.hpp"

// The only file of this program that is compiled with OpenMP, where the compiler has it: optimizers of the same policies elsewhere in the
// program run on threads of their own, and are another type.

/// The OpenMP of clang keeps what it made for nested regions until the program ends, which a leak checker reports.
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp"; }  // NOLINT: the name that the checker looks for

namespace zolt::test {
namespace {

#if defined(_OPENMP)

static_assert(std::is_same_v<executor_of<>, openmp_team>);
static_assert(std::is_same_v<executor_of<sgd, options>, openmp_team>);
static_assert(std::is_same_v<executor_of<sgd, serial>, serial>);

TEST(openmp_team, runs_each_lane_once_and_again) {
  EXPECT_EQ(openmp_team().size(), static_cast<std::size_t>(omp_get_max_threads()));
  EXPECT_EQ(openmp_team(0).size(), 1u);
  for (const std::size_t size : {1u, 2u, 3u, 8u}) {
    openmp_team team(size);
    ASSERT_EQ(team.size(), size);
    std::vector<int> calls(size);
    for (int run = 1; run <= 50; ++run) {
      team.run([&](std::size_t lane) { ++calls[lane]; });
      ASSERT_EQ(calls, std::vector<int>(size, run));
    }
  }
}

TEST(openmp_team, rethrows_the_lowest_lanes_exception_when_all_are_done) { expect_lowest_exception(openmp_team(4)); }

TEST(openmp_team, takes_several_lanes_where_a_region_gives_it_fewer_threads) {
  std::array<std::vector<int>, 2> calls{std::vector<int>(5), std::vector<int>(5)};
#pragma omp parallel for num_threads(2)
  for (std::size_t outer = 0; outer < 2; ++outer) {
    openmp_team team(5);
    team.run([&](std::size_t lane) { ++calls[outer][lane]; });
  }
  for (const std::vector<int>& each : calls) EXPECT_EQ(each, std::vector<int>(5, 1));
}

TEST(openmp, gives_the_bytes_of_one_lane) {
  const std::vector<std::byte> expected = run_on(serial{}, options{.run = 5});
  for (const std::size_t threads : {1u, 2u, 7u}) EXPECT_EQ(run_on(options{.run = 5, .threads = threads}) == expected, true) << threads;
  std::array<bool, 2> same{};
#pragma omp parallel for num_threads(2)
  for (std::size_t outer = 0; outer < 2; ++outer) same[outer] = run_on(options{.run = 5, .threads = 3}) == expected;
  EXPECT_EQ(same, (std::array{true, true})) << "inside a parallel region";
}

TEST(openmp, allocates_nothing_in_a_run) {
  openmp_team team(3);
  std::vector<int> calls(3);
  team.run([&](std::size_t lane) { ++calls[lane]; });
  const std::size_t before = counted_memory::allocations;
  for (int run = 0; run < 10; ++run) team.run([&](std::size_t lane) { ++calls[lane]; });
  EXPECT_EQ(counted_memory::allocations - before, 0u);
}

#else

TEST(openmp, is_compiled_in) { GTEST_SKIP() << "this compiler has no OpenMP"; }

#endif

}  // namespace
}  // namespace zolt::test
