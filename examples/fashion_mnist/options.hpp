#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fashion_mnist {

inline constexpr std::uint64_t quick_forwards = 2000;

/// Which recipes are run: those of the main job, published methods on loss scalars, methods that see the layers, or layers that freeze.
enum class job_list { main, methods, layered, freezing };

struct options {
  std::optional<std::filesystem::path> out;  // tables and curves go here; without it only the table is printed
  std::filesystem::path data;                // folder of the gzipped IDX files
  std::filesystem::path cache;               // file that keeps the float network between runs
  std::optional<std::uint64_t> forwards;     // forward passes of each run; without it every recipe has its own
  std::vector<unsigned> seeds{1, 2, 3};
  std::vector<std::string> formats{"int8", "int4", "fp8"};
  unsigned threads = 2;  // adaptation runs that go side by side
  job_list jobs = job_list::main;
  std::string only;     // only the recipes whose name contains this
  bool select = false;  // the grid of hyper-parameters on the validation images instead of the runs themselves
  bool quick = false;   // at most 2000 forward passes, and seed 1, unless these are given: to see that everything works
};

struct parsed_options {
  options values;
  std::optional<int> exit_status;  // set if the program must end here: help was printed, or a complaint
};

/// Reads and validates the command line; complaints go to stderr and name the option, its value and its bound.
parsed_options parse_options(int argument_count, const char* const* arguments);

}  // namespace fashion_mnist
