#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>

#include "adaptation.hpp"
#include "float_training.hpp"
#include "options.hpp"
#include "plot.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "splits.hpp"
#include "straight_through.hpp"

#include <fmt/format.h>

namespace fashion_mnist {
namespace {

constexpr double degrees = 45;
constexpr unsigned reports_per_run = 20;
constexpr std::uint64_t straight_through_steps = 2000;
constexpr double straight_through_work = 3.5;  // one of its steps in forwards, for the progress line

/// Results of runs that go side by side, in the order of the jobs.
struct results {
  std::vector<result_row> rows;
  std::vector<std::vector<curve_point>> curves;
};

struct job {
  std::string format;
  std::string method;
  unsigned seed;
  const recipe* how;

  bool forward_only() const { return how->method != straight_through_method; }
};

bool wanted(const options& o, std::string_view format) {
  return format == "float" || std::find(o.formats.begin(), o.formats.end(), format) != o.formats.end();
}

std::vector<job> jobs_of(const options& o) {
  std::vector<job> jobs;
  for (const recipe& r : main_recipes())
    if (wanted(o, r.format))
      for (const unsigned seed : o.seeds) jobs.push_back({std::string(r.format), std::string(r.method), seed, &r});
  return jobs;
}

/// f(0) … f(count − 1) on `threads` threads; the first exception is rethrown.
template <class Function>
void side_by_side(std::size_t count, unsigned threads, Function&& f) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < count;) {
      try {
        f(i);
      } catch (...) {
        const std::lock_guard lock(guard);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> team;
  for (unsigned t = 1; t < threads; ++t) team.emplace_back(work);
  work();
  for (std::thread& t : team) t.join();
  if (failure) std::rethrow_exception(failure);
}

struct experiment {
  const options& chosen;
  const float_network& shipped;
  const experiment_data& data;

  void run_forward_only(const job& j, result_row& row, std::vector<curve_point>& curve, progress& line) const {
    std::uint64_t done = 0;
    const adaptation_result r =
        adapt(*j.how, shipped, data.adaptation, chosen.forwards, j.seed, reports_per_run, [&](const checkpoint& at) {
          const double turned = at.accuracy(data.test_turned);
          if (at.forwards == 0) {
            row.accuracy_shipped = at.accuracy(data.test_upright);
            row.accuracy_turned = turned;
          }
          row.accuracy_adapted = turned;
          curve.push_back({j.format, j.method, j.seed, at.forwards, turned});
          line.advance(static_cast<double>(at.forwards - done));
          done = at.forwards;
        });
    row.forwards = done;
    row.weight_bytes = r.weight_bytes;
    row.optimizer_bytes = r.optimizer_bytes;
    row.ms_per_step = r.milliseconds.step;
    row.ms_per_forward = r.milliseconds.forward;
    row.ms_float_forward = r.milliseconds.float_forward;
    row.step_over_two_forwards = r.milliseconds.step_over_two_forwards();
  }

  void run_straight_through(const job& j, result_row& row, std::vector<curve_point>& curve, progress& line) const {
    const straight_through_settings settings{.steps = straight_through_steps, .rate = j.how->rate, .report_every = 200};
    std::uint64_t done = 0;
    const auto start = std::chrono::steady_clock::now();
    adapt_straight_through(
        shipped, [&j](int layer, const matrix& latent) { return requantized(j.format, layer, latent); }, data.adaptation, j.seed, settings,
        [&](std::uint64_t step, const float_network& seen) {
          const double turned = accuracy(seen, data.test_turned);
          if (step == 0) {
            row.accuracy_shipped = accuracy(seen, data.test_upright);
            row.accuracy_turned = turned;
          }
          row.accuracy_adapted = turned;
          curve.push_back({j.format, j.method, j.seed, step, turned});
          line.advance(straight_through_work * static_cast<double>(step - done));
          done = step;
        });
    const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
    row.forwards = done;
    row.weight_bytes = quantized_bytes(j.format, shipped);
    row.optimizer_bytes = straight_through_bytes(shipped);
    row.ms_per_step = spent.count() / static_cast<double>(done);
    row.ms_per_forward = row.ms_float_forward = row.step_over_two_forwards = std::numeric_limits<double>::quiet_NaN();
  }

  results run(const std::vector<job>& jobs, progress& line) const {
    results all{std::vector<result_row>(jobs.size()), std::vector<std::vector<curve_point>>(jobs.size())};
    side_by_side(jobs.size(), chosen.threads, [&](std::size_t i) {
      const job& j = jobs[i];
      result_row& row = all.rows[i];
      row.format = j.format;
      row.method = j.method;
      row.seed = j.seed;
      if (j.forward_only())
        run_forward_only(j, row, all.curves[i], line);
      else
        run_straight_through(j, row, all.curves[i], line);
    });
    return all;
  }
};

double work_of(const options& o, const std::vector<job>& jobs) {
  double work = 0;
  for (const job& j : jobs)
    work += j.forward_only() ? static_cast<double>(o.forwards) : straight_through_work * static_cast<double>(straight_through_steps);
  return work;
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void run_main_job(const options& o, const float_network& shipped, const experiment_data& data) {
  const std::vector<job> jobs = jobs_of(o);
  progress line(fmt::format("adapting {} networks", jobs.size()), work_of(o, jobs));
  const results all = experiment{o, shipped, data}.run(jobs, line);
  line.finish();

  std::vector<curve_point> curves;
  for (const auto& c : all.curves) curves.insert(curves.end(), c.begin(), c.end());
  print_table(all.rows);
  fmt::print(
      "\nPeak memory of the whole program: {:.0f} MB, images included. A coded weight is decoded tile by tile: beside the codes a run "
      "holds\n"
      "one scratch tile of 256 KiB per thread, its activations, and the optimizer bytes of the table.\n",
      peak_megabytes());
  if (!o.out) return;
  write_summary(*o.out, all.rows);
  write_curves(*o.out, curves);
  plot_curves(*o.out, curves);
}

/// Tries every setting of every grid with the seeds of the main job, on the validation images alone.
void run_selection(const options& o, const float_network& shipped, const experiment_data& data) {
  struct trial {
    recipe setting;
    const recipe* chosen;
    std::vector<double> accuracies;
  };
  std::vector<trial> trials;
  for (const recipe& r : main_recipes())
    if (wanted(o, r.format))
      for (const recipe& setting : grid_of(r)) trials.push_back({setting, &r, std::vector<double>(o.seeds.size())});

  // The accuracy that counts is that of the validation images, so they stand where the test images stand in the main job.
  experiment_data selection = data;
  selection.test_turned = data.validation;
  selection.test_upright = data.validation;
  std::vector<job> jobs;
  for (const trial& t : trials)
    for (const unsigned seed : o.seeds) jobs.push_back({std::string(t.setting.format), std::string(t.setting.method), seed, &t.setting});
  progress line(fmt::format("trying {} settings", trials.size()), work_of(o, jobs));
  const results all = experiment{o, shipped, selection}.run(jobs, line);
  line.finish();
  for (std::size_t i = 0; i < jobs.size(); ++i) trials[i / o.seeds.size()].accuracies[i % o.seeds.size()] = all.rows[i].accuracy_adapted;

  fmt::print(
      "Accuracy on the 1000 validation images after {} forwards, median (minimum to maximum) over {} seeds. * is the best of a grid,\n"
      "< the setting of the main job.\n\n",
      o.forwards, o.seeds.size());
  fmt::print("{:<7}{:<22}{:>8}{:>8}{:>9}   accuracy\n", "format", "method", "rate", "radius", "ratio");
  for (const trial& t : trials) {
    const spread s = spread_of(t.accuracies);
    const bool best = std::none_of(trials.begin(), trials.end(), [&](const trial& other) {
      return other.chosen == t.chosen && spread_of(other.accuracies).median > s.median;
    });
    const bool used =
        t.setting.rate == t.chosen->rate && t.setting.radius == t.chosen->radius && t.setting.density_ratio == t.chosen->density_ratio;
    fmt::print("{:<7}{:<22}{:>8.4f}{:>8.2f}{:>9.2f}   {:5.1f} ({:.1f} to {:.1f}){}{}\n", t.setting.format, t.setting.method, t.setting.rate,
               t.setting.radius, t.setting.density_ratio, s.median, s.smallest, s.largest, best ? " *" : "", used ? " <" : "");
  }
}

int run(const options& o) {
  progress training("training the float network on upright images", 1);
  const shipped_network shipped = load_or_train(o.cache, o.data, 1, [&training](double fraction) { training.set(fraction); });
  if (!shipped.note.empty()) training.note(shipped.note);
  training.finish();
  const experiment_data data = load_experiment(o.data, degrees);
  fmt::print("Float network {} in {:.1f} s: {:.1f} % of upright test images, {:.1f} % once the camera is turned by {:.0f} degrees.\n\n",
             shipped.trained ? "trained" : "read from the cache", shipped.seconds, accuracy(shipped.network, data.test_upright),
             accuracy(shipped.network, data.test_turned), degrees);
  if (o.select)
    run_selection(o, shipped.network, data);
  else
    run_main_job(o, shipped.network, data);
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
