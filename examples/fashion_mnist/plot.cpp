#include "plot.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace fashion_mnist {
namespace {

struct curve {
  std::string method;
  std::map<std::uint64_t, std::vector<double>> accuracies;  // forward passes → one accuracy per seed
};

struct panel {
  std::string format;
  std::vector<curve> curves;
};

template <class Element>
Element& find_or_append(std::vector<Element>& elements, std::string Element::*name, const std::string& wanted) {
  const auto found = std::find_if(elements.begin(), elements.end(), [&](const Element& element) { return element.*name == wanted; });
  if (found != elements.end()) return *found;
  Element fresh;
  fresh.*name = wanted;
  return elements.emplace_back(std::move(fresh));
}

std::vector<panel> by_format(std::span<const curve_point> points) {
  std::vector<panel> panels;
  for (const curve_point& point : points) {
    panel& of_format = find_or_append(panels, &panel::format, point.format);
    find_or_append(of_format.curves, &curve::method, point.method).accuracies[point.forwards].push_back(point.accuracy);
  }
  return panels;
}

std::vector<std::string> methods_in_order(std::span<const curve_point> points) {
  std::vector<std::string> methods;
  for (const curve_point& point : points)
    if (std::find(methods.begin(), methods.end(), point.method) == methods.end()) methods.push_back(point.method);
  return methods;
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char letter : text) result += letter == '\'' ? "''" : std::string(1, letter);
  return result + "'";
}

/// Eight colours that stay apart for colour-blind eyes as well.
constexpr std::array<const char*, 8> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31"};

std::string script_for(std::span<const curve_point> points) {
  const std::vector<panel> panels = by_format(points);
  const std::vector<std::string> methods = methods_in_order(points);
  std::uint64_t first = 0;
  std::uint64_t last = 2;
  for (const curve_point& point : points) {
    if (point.forwards > 0 && (first == 0 || point.forwards < first)) first = point.forwards;
    last = std::max(last, point.forwards);
  }
  first = std::max<std::uint64_t>(1, std::min(first, last / 2));  // never an empty axis
  std::size_t most_lines = 0;                                     // the legends stand below the panels, which are to be equally high
  for (const panel& each : panels) most_lines = std::max(most_lines, each.curves.size());
  const std::size_t columns = panels.size() == 3 || panels.size() > 4 ? 3 : std::min<std::size_t>(panels.size(), 2);
  const std::size_t rows = (panels.size() + columns - 1) / columns;

  std::string text = "# gnuplot curves.gp  draws curves.svg; columns: forward passes, median, minimum, maximum\n";
  for (std::size_t number = 0; number < panels.size(); ++number) {
    for (std::size_t line = 0; line < panels[number].curves.size(); ++line) {
      text += fmt::format("$curve_{}_{} << end_of_curve\n", number, line);
      for (const auto& [forwards, accuracies] : panels[number].curves[line].accuracies) {
        const spread over_seeds = spread_of(accuracies);
        text += fmt::format("{} {:.4f} {:.4f} {:.4f}\n", forwards, over_seeds.median, over_seeds.smallest, over_seeds.largest);
      }
      text += "end_of_curve\n";
    }
  }
  text += fmt::format("set terminal svg size {},{} dynamic font 'sans-serif,14' background '#ffffff'\nset output 'curves.svg'\n",
                      columns * 520 + 40, rows * 480 + 60);
  text += fmt::format(
      "set logscale x\nset xrange [{}:{}]\nset yrange [0:100]\nset ytics 10\nset format x '%.0f'\n"
      "set grid ytics lc rgb '#dddddd' lt 1\nset border 3\nset tics nomirror out\n"
      "set bmargin {}\nset key below center maxcols 1 Left reverse noenhanced samplen 2 spacing 1.1\n"
      "set style fill transparent solid 0.2 noborder\n"
      "set multiplot layout {},{} title 'Accuracy on turned test images: median over the seeds, band from minimum to maximum'\n",
      first, last, most_lines + 6, rows, columns);
  for (std::size_t number = 0; number < panels.size(); ++number) {
    text += fmt::format(
        "set title {} noenhanced\nset xlabel 'forward passes (first-order: each with its backward pass)'\nset ylabel 'accuracy [%]'\nplot ",
        quoted(panels[number].format));
    std::string bands;
    std::string lines;
    std::vector<double> before;
    for (const curve& each : panels[number].curves) {
      const auto start = each.accuracies.find(0);
      if (start != each.accuracies.end()) before.insert(before.end(), start->second.begin(), start->second.end());
    }
    for (std::size_t line = 0; line < panels[number].curves.size(); ++line) {
      const std::string& method = panels[number].curves[line].method;
      const auto place = static_cast<std::size_t>(std::find(methods.begin(), methods.end(), method) - methods.begin());
      const char* colour = colours[place % colours.size()];
      bands += fmt::format("$curve_{}_{} using ($1>0?$1:NaN):3:4 with filledcurves lc rgb '{}' notitle, \\\n  ", number, line, colour);
      lines += fmt::format("{}$curve_{}_{} using ($1>0?$1:NaN):2 with lines lw 2 lc rgb '{}' title {}", line == 0 ? "" : ", \\\n  ", number,
                           line, colour, quoted(method));
    }
    if (!before.empty())
      lines += fmt::format(", \\\n  {:.4f} with lines dt 3 lc rgb '#666666' title 'before adaptation'", spread_of(before).median);
    text += bands + lines + "\n";
  }
  return text + "unset multiplot\nunset output\n";
}

/// Runs `gnuplot curves.gp` in the folder; no shell is involved, so that the folder may have any name. Empty on success.
std::string complaint_of_gnuplot(const std::filesystem::path& folder) {
  std::string program = "gnuplot";
  std::string script = "curves.gp";
  std::array<char*, 3> arguments{program.data(), script.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  pid_t child = 0;
  const int error = posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) return "gnuplot is not installed";
  if (error != 0) return fmt::format("gnuplot cannot be started: {}", std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fmt::format("gnuplot cannot be waited for: {}", std::strerror(errno));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return "gnuplot failed";
  return {};
}

}  // namespace

bool plot_curves(const std::filesystem::path& folder, std::span<const curve_point> points) {
  if (points.empty()) {
    fmt::print(stderr, "no picture: there are no curves to draw\n");
    return false;
  }
  std::filesystem::create_directories(folder);
  const std::filesystem::path script = folder / "curves.gp";
  std::ofstream file(script, std::ios::binary | std::ios::trunc);
  file << script_for(points);
  file.close();
  if (!file) throw std::runtime_error(fmt::format("file '{}': cannot be written", script.string()));
  const std::string complaint = complaint_of_gnuplot(folder);
  if (!complaint.empty()) {
    fmt::print(stderr, "no picture: {}; the curves are in '{}', '{}' draws them\n", complaint, (folder / "curves.csv").string(),
               script.string());
  }
  return complaint.empty();
}

}  // namespace fashion_mnist
