#include "options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <set>
#include <system_error>

#ifndef ZOLT_FASHION_MNIST_DIR
#define ZOLT_FASHION_MNIST_DIR "/usr/share/datasets/fashion-mnist"
#endif
#ifndef ZOLT_FASHION_MNIST_CACHE
#define ZOLT_FASHION_MNIST_CACHE "fashion_mnist_network.bin"
#endif

namespace fashion_mnist {
namespace {

constexpr std::uint64_t most_forwards = 100'000'000;
constexpr unsigned most_threads = 256;

template <class Element>
void require_distinct(const std::string& option, const std::vector<Element>& values) {
  std::set<Element> seen;
  for (const Element& value : values)
    if (!seen.insert(value).second) throw CLI::ValidationError(option, fmt::format("{} is given twice, must be distinct", value));
}

}  // namespace

parsed_options parse_options(int argument_count, const char* const* arguments) {
  parsed_options result;
  options& values = result.values;
  values.data = ZOLT_FASHION_MNIST_DIR;
  values.cache = ZOLT_FASHION_MNIST_CACHE;
  std::string out;

  CLI::App app{
      "Adapts quantized Fashion-MNIST networks to a camera that was turned by 45 degrees, with forward passes only, and compares them with "
      "the float network and with straight-through backpropagation.",
      "fashion_mnist"};
  app.get_formatter()->column_width(38);
  auto* const out_option =
      app.add_option("--out", out,
                     "Folder for summary.csv, curves.csv and curves.svg, methods.csv, layers.csv or freezing.csv; made if missing")
          ->type_name("DIR");
  app.add_option("--data", values.data, "Folder with the gzipped IDX files of Fashion-MNIST")
      ->type_name("DIR")
      ->capture_default_str()
      ->check(CLI::ExistingDirectory);
  app.add_option("--cache", values.cache, "File that keeps the float network between runs")->type_name("FILE")->capture_default_str();
  app.add_option("--forwards", values.forwards, "Forward passes of each run, instead of its recipe's own")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{2}, most_forwards));
  auto* const seeds_option = app.add_option("--seeds", values.seeds, "Seeds of the runs, separated by commas")
                                 ->type_name("N,...")
                                 ->delimiter(',')
                                 ->capture_default_str()
                                 ->check(CLI::Range(0U, std::numeric_limits<unsigned>::max()));
  app.add_option("--formats", values.formats, "Formats of the quantized networks, out of int8, int4 and fp8, separated by commas")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::IsMember({"int8", "int4", "fp8"}));
  app.add_option("--threads", values.threads, "Independent runs that go side by side")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1U, most_threads));
  auto* const methods = app.add_flag_callback(
      "--methods", [&values] { values.jobs = job_list::methods; },
      "Published methods and controls on INT4, each with its own budget, instead of the main job");
  auto* const layered = app.add_flag_callback(
                               "--layers", [&values] { values.jobs = job_list::layered; },
                               "Methods that see inputs and outputs of layers, and backpropagation beside them, instead of the main job")
                            ->excludes(methods);
  app.add_flag_callback(
         "--freezing", [&values] { values.jobs = job_list::freezing; },
         "Layers that freeze beside layers that do not, and what a step on frozen ones costs, instead of the main job")
      ->excludes(methods)
      ->excludes(layered);
  app.add_option("--only", values.only, "Only methods whose name contains this")->type_name("TEXT");
  app.add_flag("--select", values.select, "Try the grids of hyper-parameters on the validation images instead");
  app.add_flag("--quick", values.quick, fmt::format("At most {} forward passes, and seed 1, where these are not given", quick_forwards));

  try {
    app.parse(argument_count, arguments);
    require_distinct("--seeds", values.seeds);
    require_distinct("--formats", values.formats);
    std::error_code unknown;  // whoever opens the file says more about such a path
    if (out_option->count() > 0) {
      if (out.empty()) throw CLI::ValidationError("--out", "the folder has no name, must have one");
      if (std::filesystem::exists(out, unknown) && !std::filesystem::is_directory(out, unknown))
        throw CLI::ValidationError("--out", fmt::format("'{}' is a file, must be a folder or not exist yet", out));
      values.out = out;
    }
    if (values.cache.empty() || std::filesystem::is_directory(values.cache, unknown))
      throw CLI::ValidationError("--cache", fmt::format("'{}' is not the name of a file, must be one", values.cache.string()));
  } catch (const CLI::ParseError& error) {
    result.exit_status = app.exit(error);
    return result;
  }
  if (values.quick && seeds_option->count() == 0) values.seeds = {1};
  return result;
}

}  // namespace fashion_mnist
