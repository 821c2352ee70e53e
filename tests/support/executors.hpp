#pragma once

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace zolt::test {

/// All lanes are run, then the exception of the lowest that threw comes out, and is forgotten. The executor has four lanes.
template <class Executor>
void expect_lowest_exception(Executor&& four_lanes) {
  for (std::size_t lowest = 0; lowest < 4; ++lowest) {
    std::vector<int> calls(4);
    try {
      four_lanes.run([&](std::size_t lane) {
        ++calls[lane];
        if (lane >= lowest) throw std::runtime_error(std::to_string(lane));
      });
      ADD_FAILURE() << "no exception";
    } catch (const std::runtime_error& e) {
      EXPECT_EQ(e.what(), std::to_string(lowest));
    }
    EXPECT_EQ(calls, std::vector<int>(4, 1));
  }
  EXPECT_NO_THROW(four_lanes.run([](std::size_t) {})) << "an old exception must not come back";
}

}  // namespace zolt::test
