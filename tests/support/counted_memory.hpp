#pragma once

#include <atomic>
#include <cstddef>

/// What operator new and delete have counted. One file of a test program defines them: optimizer/memory_test.cpp.
namespace zolt::test::counted_memory {

extern std::atomic<std::size_t> allocations;
extern std::atomic<std::size_t> held;     ///< bytes
extern std::atomic<std::size_t> most;     ///< bytes held at any time since it was set
extern std::atomic<std::size_t> allowed;  ///< allocations until memory runs out

}  // namespace zolt::test::counted_memory
