#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string_view>

#include "float_training.hpp"
#include "frozen_cost.hpp"
#include "options.hpp"
#include "plot.hpp"
#include "study.hpp"

namespace fashion_mnist {
namespace {

constexpr double degrees = 45;

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::string_view csv_of(job_list jobs) {
  switch (jobs) {
    case job_list::methods: return "methods.csv";
    case job_list::layered: return "layers.csv";
    case job_list::freezing: return "freezing.csv";
    default: return "summary.csv";
  }
}

void run_job(const options& o, const float_network& shipped, const experiment_data& data, const std::optional<upright_data>& upright) {
  const std::vector<job> jobs = jobs_of(chosen_recipes(o), o.seeds);
  progress line(fmt::format("training {} networks", jobs.size()), work_of(jobs));
  const results all = study(shipped, data, upright, false).run(jobs, o.threads, line);
  line.finish();

  print_table(all.rows);
  if (o.jobs == job_list::freezing) {
    fmt::print("With freezing, a pass that starts behind the first layer counts by its products; steps are as many as without.\n\n");
    print_cost_of_frozen_steps(data.adaptation);
  } else {
    fmt::print("With backpropagation, passes are steps.\n");
  }
  if (o.jobs == job_list::methods) fmt::print("From scratch: zolt on upright images; nothing was shipped.\n");
  fmt::print(
      "\nPeak memory of the whole program: {:.0f} MB, images included. A coded weight is decoded tile by tile: beside the codes a run "
      "holds\n"
      "one scratch tile of 256 KiB per thread, its activations, and the optimizer bytes of the table.\n",
      peak_megabytes());
  if (!o.out) return;
  write_summary(*o.out, csv_of(o.jobs), all.rows);
  if (o.jobs != job_list::main) return;
  std::vector<curve_point> curves;
  for (const auto& c : all.curves) curves.insert(curves.end(), c.begin(), c.end());
  write_curves(*o.out, curves);
  plot_curves(*o.out, curves);
}

int run(const options& o) {
  const std::vector<recipe> recipes = chosen_recipes(o);  // complains before anything is trained
  progress training("training the float network on upright images", 1);
  const shipped_network shipped = load_or_train(o.cache, o.data, 1, [&training](double fraction) { training.set(fraction); });
  if (!shipped.note.empty()) training.note(shipped.note);
  training.finish();
  const experiment_data data = load_experiment(o.data, degrees);
  std::optional<upright_data> upright;
  if (std::any_of(recipes.begin(), recipes.end(), [](const recipe& r) { return r.learns == task::from_scratch; }))
    upright = load_upright(o.data);
  fmt::print("Float network {} in {:.1f} s: {:.1f} % of upright test images, {:.1f} % once the camera is turned by {:.0f} degrees.\n\n",
             shipped.trained ? "trained" : "read from the cache", shipped.seconds, accuracy(shipped.network, data.test_upright),
             accuracy(shipped.network, data.test_turned), degrees);
  if (o.select)
    run_selection(o, shipped.network, data, upright);
  else
    run_job(o, shipped.network, data, upright);
  return 0;
}

}  // namespace
}  // namespace fashion_mnist

int main(int argument_count, char** arguments) {
  const fashion_mnist::parsed_options parsed = fashion_mnist::parse_options(argument_count, arguments);
  if (parsed.exit_status) return *parsed.exit_status;
  try {
    return fashion_mnist::run(parsed.values);
  } catch (const std::exception& e) {
    fmt::print(stderr, "fashion_mnist: {}\n", e.what());
    return 1;
  }
}
