#pragma once

#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace ratio {

/// What a row is about. In a target `*` stands for anything.
struct row_key {
  std::string kernel, set, threads, reference;

  friend bool operator==(const row_key&, const row_key&) = default;
};

enum class goal { at_least, at_most };

struct target {
  row_key key;
  goal direction = goal::at_least;
  double must = 0, stretch = 0;

  bool covers(const row_key& k) const {
    const auto same = [](const std::string& wanted, const std::string& given) { return wanted == "*" || wanted == given; };
    return same(key.kernel, k.kernel) && same(key.set, k.set) && same(key.threads, k.threads) && same(key.reference, k.reference);
  }
  bool reaches(double value, double figure) const { return direction == goal::at_least ? value >= figure : value <= figure; }
  /// Within 15 % of must: what a noisy machine can be held to.
  bool reaches_nearly(double value) const { return reaches(value, direction == goal::at_least ? must * 0.85 : must / 0.85); }
};

/// Lines of kernel, working set, threads, reference, direction, must, stretch between tabs; `#` begins a comment.
inline std::vector<target> read_targets(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read targets from " + file);
  std::vector<target> targets;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream cells(line);
    std::vector<std::string> cell;
    for (std::string c; std::getline(cells, c, '\t');) cell.push_back(c);
    if (cell.size() != 7 || (cell[4] != "at_least" && cell[4] != "at_most"))
      throw std::runtime_error(file + ": a target needs 7 cells between tabs, the fifth at_least or at_most: " + line);
    targets.push_back({{cell[0], cell[1], cell[2], cell[3]},
                       cell[4] == "at_least" ? goal::at_least : goal::at_most,
                       std::stod(cell[5]),
                       std::stod(cell[6])});
  }
  return targets;
}

}  // namespace ratio
