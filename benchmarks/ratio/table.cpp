#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <tuple>

#include "measure.hpp"

namespace ratio {
namespace {

std::string text(const std::optional<double>& value) { return value ? fmt::format("{:.3g}", *value) : "-"; }
std::string text(const std::optional<target>& t, double target::*figure) {
  return t ? fmt::format("{} {:.3g}", t->direction == goal::at_least ? "≥" : "≤", (*t).*figure) : "-";
}

constexpr const char* line = "{:<30} {:<5} {:>3}  {:<26} {:>9} {:>8} {:>8}  {}\n";

}  // namespace

std::string row::verdict() const {
  if (!value) return "no figure";
  if (!wanted) return "no target";
  if (wanted->reaches(*value, wanted->stretch)) return "met stretch";
  if (wanted->reaches(*value, wanted->must)) return "met must";
  return wanted->reaches_nearly(*value) ? "missed (within 15 %)" : "missed";
}

std::vector<row> joined(std::vector<row> measured, const std::vector<target>& targets) {
  for (const target& t : targets) {
    const bool any = std::any_of(measured.begin(), measured.end(), [&](const row& r) { return t.covers(r.key); });
    if (!any) measured.push_back({t.key, {}, t});
  }
  return measured;
}

void print_header() { fmt::print(line, "kernel", "set", "thr", "reference", "ratio", "must", "stretch", "verdict"); }

void print_row(const row& r) {
  fmt::print(line, r.key.kernel, r.key.set, r.key.threads, r.key.reference, text(r.value), text(r.wanted, &target::must),
             text(r.wanted, &target::stretch), r.verdict());
  std::fflush(stdout);
}

void write_rows(const std::vector<row>& rows, const std::string& file) {
  std::ofstream out(file);
  out << "kernel\tworking set\tthreads\treference\tratio\tmust\tstretch\tverdict\n";
  for (const row& r : rows)
    out << fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", r.key.kernel, r.key.set, r.key.threads, r.key.reference, text(r.value),
                       text(r.wanted, &target::must), text(r.wanted, &target::stretch), r.verdict());
}

void write_roofline(const std::vector<roof_point>& points, const std::string& file) {
  // A limit is measured beside every kernel: its line is the median.
  std::map<std::tuple<std::string, std::string, std::string, double>, std::vector<double>> speeds;
  for (const roof_point& p : points) speeds[{p.name, p.set, p.threads, p.bytes_per_element}].push_back(p.gigabytes_per_second);
  std::ofstream out(file);
  out << "kernel\tworking set\tthreads\tbytes per element\tGB/s\n";
  for (const auto& [key, values] : speeds)
    out << fmt::format("{}\t{}\t{}\t{:.4g}\t{:.4g}\n", std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key),
                       median(values));
}

}  // namespace ratio
