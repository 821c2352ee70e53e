#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/executors.hpp"
#include "zolt/core/parallel.hpp"

namespace zolt {
namespace {

TEST(thread_team, runs_each_lane_once_and_again) {
  for (const std::size_t size : {1u, 2u, 3u, 8u}) {
    thread_team team(size);
    ASSERT_EQ(team.size(), size);
    std::vector<int> calls(size);
    for (int run = 1; run <= 200; ++run) {
      team.run([&](std::size_t lane) { ++calls[lane]; });
      ASSERT_EQ(calls, std::vector<int>(size, run));
    }
  }
}

TEST(thread_team, of_no_lanes_is_the_caller) {
  thread_team team(0);
  EXPECT_EQ(team.size(), 1u);
  int calls = 0;
  team.run([&](std::size_t lane) { calls += lane == 0 ? 1 : 100; });
  EXPECT_EQ(calls, 1);
}

TEST(thread_team, lane_0_is_the_caller_and_the_others_are_not) {
  thread_team team(3);
  std::vector<std::thread::id> ids(3);
  team.run([&](std::size_t lane) { ids[lane] = std::this_thread::get_id(); });
  EXPECT_EQ(ids[0], std::this_thread::get_id());
  EXPECT_NE(ids[1], ids[0]);
  EXPECT_NE(ids[2], ids[0]);
  EXPECT_NE(ids[1], ids[2]);
}

TEST(thread_team, rethrows_the_lowest_lanes_exception_when_all_are_done) { test::expect_lowest_exception(thread_team(4)); }

TEST(thread_team, of_one_lets_the_exception_pass) {
  thread_team team;
  EXPECT_THROW(team.run([](std::size_t) { throw std::runtime_error("lane"); }), std::runtime_error);
}

TEST(thread_team, can_be_moved) {
  thread_team first(3);
  thread_team second = std::move(first);
  std::vector<int> calls(3);
  second.run([&](std::size_t lane) { ++calls[lane]; });
  EXPECT_EQ(calls, std::vector<int>(3, 1));
}

}  // namespace
}  // namespace zolt
