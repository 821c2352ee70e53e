#pragma once

#include <string>
#include <vector>

#include "suite.hpp"

/// Each in a file of its name: what it compares stands there.
namespace ratio {

void random_rows(suite& s);    // random.cpp
void perturb_rows(suite& s);   // perturb.cpp
void moment_rows(suite& s);    // moments.cpp
void quantize_rows(suite& s);  // quantize.cpp
void fused_rows(suite& s);     // fused.cpp
void decode_rows(suite& s);    // decode.cpp
void code_rows(suite& s);      // codes.cpp
void sparse_rows(suite& s);    // sparse.cpp
void model_rows(suite& s);     // model.cpp

/// One compiler's two builds of flag_kernels.cpp.
struct build_pair {
  std::string compiler, portable, native;
};
void flag_rows(suite& s, const std::vector<build_pair>& builds);  // flags.cpp

}  // namespace ratio
