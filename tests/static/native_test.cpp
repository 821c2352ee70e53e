// Compiled with -march=native (see tests/CMakeLists.txt): what a program's flags say of its vectors must not meet what kernels say of theirs,
// whichever header comes first.
#include "zolt/kernel/matmul.hpp"
#include "zolt/zolt.hpp"

static_assert(zolt::kernel::vector_width >= 4);
