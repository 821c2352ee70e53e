#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace claims {
namespace {

std::string number(double x) { return std::isfinite(x) ? fmt::format("{:.3g}", x) : "∞"; }

/// Smallest to largest; one number where they are the same.
std::string spread(std::vector<double> values) {
  if (values.empty()) return "–";
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const std::string a = number(*least), b = number(*most);
  return a == b ? a : a + " – " + b;
}
std::string spread(const result& r, double figures::*which) {
  std::vector<double> values;
  for (const figures& f : r.seeds) values.push_back(f.*which);
  return spread(std::move(values));
}
std::string milliseconds(const result& r) {
  if (r.seeds.empty() || r.seeds[0].method_milliseconds == 0) return "–";
  const auto median = [&](double figures::*which) {
    std::vector<double> values;
    for (const figures& f : r.seeds) values.push_back(f.*which);
    std::sort(values.begin(), values.end());
    return fmt::format("{:.2g}", values[values.size() / 2]);
  };
  return median(&figures::method_milliseconds) + " / " + median(&figures::baseline_milliseconds);
}
std::string wanted(const claim& c) {
  if (!c.measure) return "–";
  return std::isfinite(c.holds_in.most) ? number(c.holds_in.least) + " – " + number(c.holds_in.most) : "≥ " + number(c.holds_in.least);
}

std::vector<std::string> cells(const result& r) {
  const claim& c = r.of;
  const std::string verdict = c.measure ? r.verdict() : r.verdict() + ": " + c.untestable;
  const std::string beside = c.baseline.empty() ? "–" : c.baseline, metric = c.metric.empty() ? "–" : c.metric;
  return {c.method,
          c.says,
          c.paper,
          metric,
          spread(r, &figures::method),
          beside,
          spread(r, &figures::baseline),
          c.measure ? spread(r.ratios()) : "–",
          wanted(c),
          milliseconds(r),
          verdict};
}
const std::vector<std::string> heads{
    "method", "claim", "paper", "measured here", "method's", "beside", "its", "ratio", "holds if ratio is", "ms/forward, both", "verdict"};

void write_line(std::ofstream& out, const std::vector<std::string>& row, const char* first, const char* between, const char* last) {
  out << first;
  for (std::size_t i = 0; i < row.size(); ++i) out << (i == 0 ? "" : between) << row[i];
  out << last << '\n';
}

constexpr const char* line = "{:<26} {:<18} {:>16} {:>16} {:>16} {:>12}  {}: {}\n";

}  // namespace

void print_header() { fmt::print(line, "method", "verdict", "method's", "baseline's", "ratio", "holds if", "claim", "measured"); }

void print(const result& r) {
  fmt::print(line, r.of.method, r.verdict(), spread(r, &figures::method), spread(r, &figures::baseline),
             r.of.measure ? spread(r.ratios()) : "–", wanted(r.of), r.of.says, r.of.measure ? r.of.metric : r.of.untestable);
  std::fflush(stdout);
}

void write_markdown(const std::vector<result>& all, const std::string& file) {
  std::ofstream out(file);
  write_line(out, heads, "| ", " | ", " |");
  write_line(out, std::vector<std::string>(heads.size(), "---"), "|", "|", "|");
  for (const result& r : all) {
    std::vector<std::string> row = cells(r);
    row[0] = "`" + row[0] + "`";
    write_line(out, row, "| ", " | ", " |");
  }
}

void write_tsv(const std::vector<result>& all, const std::string& file) {
  std::ofstream out(file);
  write_line(out, heads, "", "\t", "");
  for (const result& r : all) write_line(out, cells(r), "", "\t", "");
}

std::string summary(const std::vector<result>& all) {
  const auto count = [&](const std::string& verdict) {
    return std::count_if(all.begin(), all.end(), [&](const result& r) { return r.verdict() == verdict; });
  };
  return fmt::format("{} claims hold, {} do not hold, {} are not testable here", count("holds"), count("does not hold"),
                     count("not testable here"));
}

}  // namespace claims
