// Ratios of kernels to what stands beside them, measured in one run, with the figures that they should reach.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "rows.hpp"
#include "zolt/core/instruction_set.hpp"

namespace ratio {
namespace {

struct arguments {
  bool quick = false, check = false;
  std::string only, out = ".", targets = "targets.tsv";
  std::vector<std::string> builds;
};

int run(const arguments& given, bool flags) {
  std::vector<target> targets = read_targets(given.targets);
  std::erase_if(targets, [&](const target& t) { return (t.key.set == "flags") != flags; });
  const effort e = given.quick ? effort{effort::fewest, 2e-3, 5} : effort{};
  suite s(e, given.quick, given.only, targets);
  fmt::print("instruction set {}, {} rounds at most\n", zolt::name_of(zolt::active_instruction_set()), e.rounds);
  print_header();
  if (flags) {
    std::vector<build_pair> builds;
    for (std::size_t i = 0; i + 2 < given.builds.size(); i += 3)
      builds.push_back({given.builds[i], given.builds[i + 1], given.builds[i + 2]});
    flag_rows(s, builds);
  } else {
    for (const auto rows :
         {random_rows, perturb_rows, moment_rows, quantize_rows, fused_rows, decode_rows, code_rows, sparse_rows, model_rows})
      rows(s);
  }

  const std::vector<row> rows = given.only.empty() ? joined(s.rows(), targets) : s.rows();
  for (std::size_t i = s.rows().size(); i < rows.size(); ++i) print_row(rows[i]);
  std::filesystem::create_directories(given.out);
  const std::string name = flags ? "flags" : "kernels";
  write_rows(rows, given.out + "/" + name + ".tsv");
  if (!flags) write_roofline(s.points(), given.out + "/roofline.tsv");

  const auto too_slow = [](const row& r) { return r.value && r.wanted && !r.wanted->reaches_nearly(*r.value); };
  const auto count = std::count_if(rows.begin(), rows.end(), too_slow);
  fmt::print("{} of {} rows below 85 % of must\n", count, rows.size());
  return given.check && count != 0 ? 1 : 0;
}

}  // namespace
}  // namespace ratio

int main(int argc, char** argv) {
  ratio::arguments given;
  CLI::App app("Ratios of kernels to their references");
  const auto common = [&](CLI::App* command) {
    command->add_flag("--quick", given.quick, "fewer rounds and smaller sets in memory");
    command->add_flag("--check", given.check, "exit 1 if a row is below 85 % of must");
    command->add_option("--only", given.only, "kernels whose name contains this");
    command->add_option("--out", given.out, "folder for the table");
    command->add_option("--targets", given.targets, "file of targets");
    return command;
  };
  app.require_subcommand(1);
  common(app.add_subcommand("kernels", "kernels beside limits of the machine and what users have today"));
  CLI::App* const flags = common(app.add_subcommand("flags", "the same kernels by other flags"));
  flags->add_option("--build", given.builds, "compiler, portable library, native library")->type_size(3)->expected(-1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  try {
    return ratio::run(given, flags->parsed());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
