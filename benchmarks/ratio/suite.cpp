#include "suite.hpp"

#include <algorithm>
#include <utility>

namespace ratio {
namespace {

timer timer_for(const working_set& set) { return set.threads == 1 ? timer::thread : timer::wall; }

double quotient(measure by, const contender& subject, double subject_seconds, const contender& reference, double reference_seconds) {
  if (by == measure::passes) return subject_seconds / reference_seconds;
  const double amount = by == measure::bytes ? subject.bytes / reference.bytes : subject.elements / reference.elements;
  return amount * reference_seconds / subject_seconds;
}

}  // namespace

void suite::compare(const std::string& kernel, const working_set& set, const contender& subject, const std::vector<rival>& rivals) {
  std::vector<contender> contenders{subject};
  for (const rival& r : rivals) contenders.push_back(r.runs);
  const std::vector<std::vector<double>> times = interleaved(contenders, timer_for(set), effort_);
  const std::string threads = std::to_string(set.threads);
  const auto add_point = [&](const std::string& name, const contender& c, const std::vector<double>& seconds_per_run) {
    points_.push_back({name, std::string(set.name), threads, c.bytes / c.elements, c.bytes / median(seconds_per_run) * 1e-9});
  };
  if (subject.bytes != 0) add_point(kernel, subject, times[0]);
  for (std::size_t i = 0; i < rivals.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t r = 0; r < times[0].size(); ++r)
      ratios.push_back(quotient(rivals[i].by, subject, times[0][r], rivals[i].runs, times[i + 1][r]));
    if (rivals[i].in_chart) add_point(rivals[i].name, rivals[i].runs, times[i + 1]);
    add({kernel, std::string(set.name), threads, rivals[i].name}, median(std::move(ratios)));
  }
}

void suite::time(const std::string& kernel, const working_set& set, const contender& subject) {
  const std::vector<std::vector<double>> times = interleaved(std::vector{subject}, timer_for(set), effort_);
  add({kernel, std::string(set.name), std::to_string(set.threads), "nanoseconds"}, median(times[0]) / subject.elements * 1e9);
}

void suite::add(const row_key& key, double value) {
  const auto wanted = std::find_if(targets_.begin(), targets_.end(), [&](const target& t) { return t.covers(key); });
  rows_.push_back({key, value, wanted == targets_.end() ? std::optional<target>{} : *wanted});
  print_row(rows_.back());
}

}  // namespace ratio
