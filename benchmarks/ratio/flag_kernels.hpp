#pragma once

#include <cstddef>

/// A list of kernels that is compiled several times, by different compilers with different flags, each time into a library of its own.
struct flag_kernel {
  const char* name;
  double elements;
  void (*run)();
};

extern "C" [[gnu::visibility("default")]] const flag_kernel* flag_kernels(std::size_t& count);
