#pragma once

#include <cstddef>
#include <new>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "zolt/core/config.hpp"

namespace zolt::inline v0 {

/// The memory of tensors. It begins with a cache line, so that no register's worth of it lies in two; from 2 MiB on with a huge page, and the
/// system is asked for such pages, which many give only then. One entry of the processor's address cache then stands for 512 times as much
/// memory, and lines that follow each other do so in the memory chips too.
///
/// Memory   no more than without where all of it is used: of a last huge page that is not whole no part is asked for.
template <class T>
struct tensor_allocator {
  using value_type = T;
  static constexpr std::size_t cache_line = 64, huge_page = std::size_t{1} << 21;

  tensor_allocator() = default;
  template <class U>
  tensor_allocator(const tensor_allocator<U>&) {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* const memory = ::operator new(bytes, alignment(bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= huge_page)
      ::madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE);  // advice: nothing is lost where it is not taken
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* p, std::size_t count) { ::operator delete(p, alignment(count * sizeof(T))); }
  friend bool operator==(const tensor_allocator&, const tensor_allocator&) = default;

 private:
  static constexpr std::align_val_t alignment(std::size_t bytes) { return std::align_val_t{bytes < huge_page ? cache_line : huge_page}; }
};

/// As long as a tensor, or as something that goes with each of its weights.
template <class T>
using tensor_memory = std::vector<T, tensor_allocator<T>>;

}  // namespace zolt::inline v0
