#include "study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "adaptation.hpp"
#include "straight_through.hpp"

namespace fashion_mnist {
namespace {

constexpr unsigned reports_per_run = 20;
constexpr int lowest_int4 = -7, highest_int4 = 7;

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

/// One forward pass of a procedure, or one of its steps with backpropagation, in bare forwards.
double work_per_forward(procedure how) {
  switch (how) {
    case procedure::per_example:
    case procedure::per_example_residual: return 3;
    case procedure::exact_head: return 1.2;
    case procedure::node_perturbation:
    case procedure::orthogonal_nodes:
    case procedure::learned_feedback:
    case procedure::unbiased_feedback:
    case procedure::direct_feedback:
    case procedure::chained_backpropagation: return 3;
    case procedure::latent_backpropagation:
    case procedure::stochastic_backpropagation:
    case procedure::nearest_backpropagation: return 3.5;
    default: return 1;
  }
}

write_back write_back_of(const recipe& r, const float_network& shipped, unsigned seed) {
  if (r.how == procedure::latent_backpropagation) {
    return latent_adam(
        shipped, [format = r.format](int layer, const matrix& latent) { return requantized(format, layer, latent); }, r.rate);
  }
  code_grid grid{.steps = {}, .lowest = lowest_int4, .highest = highest_int4};
  for (std::size_t layer = 0; layer < layers; ++layer) grid.steps[layer] = code_steps(static_cast<int>(layer), shipped.weights[layer]);
  const bool stochastic = r.how == procedure::stochastic_backpropagation;
  return code_descent(std::move(grid), stochastic ? code_rounding::stochastic : code_rounding::nearest, r.rate, seed);
}

std::size_t straight_through_bytes_of(procedure how, const float_network& network) {
  // The latent copy, two moments and the gradient; biases are their own latent copy. Without state only the gradient.
  return how == procedure::latent_backpropagation ? straight_through_bytes(network, 4, 3) : straight_through_bytes(network, 1, 1);
}

}  // namespace

std::vector<recipe> chosen_recipes(const options& chosen) {
  std::vector<recipe> recipes;
  const std::vector<recipe>& all = chosen.jobs == job_list::methods    ? method_recipes()
                                   : chosen.jobs == job_list::layered  ? layer_recipes()
                                   : chosen.jobs == job_list::freezing ? freezing_recipes()
                                                                       : main_recipes();
  for (recipe r : all) {
    const bool format_wanted =
        r.format == "float" || std::find(chosen.formats.begin(), chosen.formats.end(), r.format) != chosen.formats.end();
    if (!format_wanted || r.method.find(chosen.only) == std::string_view::npos) continue;
    if (!straight_through(r.how))
      r.forwards = chosen.forwards ? *chosen.forwards : chosen.quick ? std::min(r.forwards, quick_forwards) : r.forwards;
    recipes.push_back(r);
  }
  if (recipes.empty()) throw std::runtime_error(fmt::format("--only is '{}', must be part of the name of a method", chosen.only));
  return recipes;
}

std::vector<job> jobs_of(std::span<const recipe> recipes, const std::vector<unsigned>& seeds) {
  std::vector<job> jobs;
  for (const recipe& r : recipes)
    for (const unsigned seed : seeds) jobs.push_back({r, seed});
  return jobs;
}

double work_of(std::span<const job> jobs) {
  double work = 0;
  for (const job& j : jobs) work += work_per_forward(j.how.how) * static_cast<double>(j.how.forwards);
  return work;
}

const dataset& study::training_images(task what) const { return what == task::from_scratch ? upright_.value().training : data_.adaptation; }

const dataset& study::judged_images(task what) const {
  if (what == task::from_scratch) return on_validation_ ? upright_.value().validation : data_.test_upright;
  return on_validation_ ? data_.validation : data_.test_turned;
}

void study::run_zolt(const job& j, const float_network& start, result_row& row, std::vector<curve_point>& curve, progress& line) const {
  const dataset& judged = judged_images(j.how.learns);
  std::uint64_t done = 0;
  const auto tell = [&](const checkpoint& at) {
    const double turned = at.accuracy(judged);
    if (at.forwards == 0) {
      row.accuracy_turned = turned;
      if (j.how.learns == task::turned_camera) row.accuracy_shipped = at.accuracy(data_.test_upright);
    }
    row.accuracy_adapted = turned;
    curve.push_back({row.format, row.method, j.seed, at.forwards, turned});
    line.advance(work_per_forward(j.how.how) * static_cast<double>(at.forwards - done));
    done = at.forwards;
  };
  const adaptation_result r = adapt(j.how, {.start = start,
                                            .images = training_images(j.how.learns),
                                            .forwards = j.how.forwards,
                                            .seed = j.seed,
                                            .reports = reports_per_run,
                                            .report = tell});
  row.forwards = done;
  row.work = r.work;
  if (forward_only(j.how.how)) row.purity = zolt::text_of(r.purity).substr(0, 2);
  row.weight_bytes = r.weight_bytes;
  row.optimizer_bytes = r.optimizer_bytes;
  row.ms_per_step = r.milliseconds.step;
  row.ms_per_forward = r.milliseconds.forward;
  row.ms_float_forward = r.milliseconds.float_forward;
  row.step_over_two_forwards = r.milliseconds.step_over_two_forwards();
}

void study::run_straight_through(const job& j, result_row& row, std::vector<curve_point>& curve, progress& line) const {
  const straight_through_settings settings{.steps = j.how.forwards, .report_every = 200};
  const dataset& judged = judged_images(j.how.learns);
  float_network seen = shipped_;
  for (std::size_t layer = 0; layer < layers; ++layer)
    seen.weights[layer] = requantized(j.how.format, static_cast<int>(layer), shipped_.weights[layer]);
  std::uint64_t done = 0;
  const auto start = std::chrono::steady_clock::now();
  adapt_straight_through(std::move(seen), write_back_of(j.how, shipped_, j.seed), data_.adaptation, j.seed, settings,
                         [&](std::uint64_t step, const float_network& now) {
                           const double turned = accuracy(now, judged);
                           if (step == 0) {
                             row.accuracy_shipped = accuracy(now, data_.test_upright);
                             row.accuracy_turned = turned;
                           }
                           row.accuracy_adapted = turned;
                           curve.push_back({row.format, row.method, j.seed, step, turned});
                           line.advance(work_per_forward(j.how.how) * static_cast<double>(step - done));
                           done = step;
                         });
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  row.forwards = done;
  row.weight_bytes = quantized_bytes(j.how.format, shipped_);
  row.optimizer_bytes = straight_through_bytes_of(j.how.how, shipped_);
  row.ms_per_step = spent.count() / static_cast<double>(done);
  row.work = 3 * static_cast<double>(done);  // a product forward, one for the error and one for the gradient
  row.ms_per_forward = row.ms_float_forward = row.step_over_two_forwards = std::numeric_limits<double>::quiet_NaN();
}

results study::run(std::span<const job> jobs, unsigned threads, progress& line) const {
  results all{std::vector<result_row>(jobs.size()), std::vector<std::vector<curve_point>>(jobs.size())};
  side_by_side(jobs.size(), threads, [&](std::size_t i) {
    const job& j = jobs[i];
    result_row& row = all.rows[i];
    row.format = j.how.format;
    row.method = j.how.method;
    row.seed = j.seed;
    row.accuracy_shipped = std::numeric_limits<double>::quiet_NaN();
    row.purity = "FO";
    if (straight_through(j.how.how))
      run_straight_through(j, row, all.curves[i], line);
    else if (j.how.learns == task::from_scratch)
      run_zolt(j, initial_network(j.seed), row, all.curves[i], line);
    else
      run_zolt(j, shipped_, row, all.curves[i], line);
  });
  return all;
}

}  // namespace fashion_mnist
