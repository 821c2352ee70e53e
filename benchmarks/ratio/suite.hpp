#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "measure.hpp"
#include "table.hpp"

namespace ratio {

/// How many bytes a kernel works on, under the name of the memory that they fit in.
struct working_set {
  std::string_view name;
  std::size_t bytes = 0;
  std::size_t threads = 1;
};

/// What a ratio counts: bytes per second, elements per second, or how long the kernel takes in runs of the reference (smaller is better).
enum class measure { bytes, elements, passes };

struct rival {
  std::string name;
  measure by;
  contender runs;
  bool in_chart = false;  ///< its speed is a limit of the roofline chart
};

/// Compares kernels with references and keeps what comes out.
class suite {
 public:
  suite(const effort& e, bool quick, std::string only, std::vector<target> targets)
      : effort_(e), quick_(quick), only_(std::move(only)), targets_(std::move(targets)) {}

  /// Second-level cache, third-level cache and memory by one thread, memory by two.
  std::vector<working_set> sets() const { return {{"L2", mebi, 1}, {"L3", 16 * mebi, 1}, memory(1), memory(2)}; }
  working_set memory(std::size_t threads) const { return {"DRAM", (quick_ ? 128 : 512) * mebi, threads}; }

  bool wants(std::string_view kernel) const { return kernel.find(only_) != std::string_view::npos; }
  bool quick() const { return quick_; }

  /// One row per rival.
  void compare(const std::string& kernel, const working_set& set, const contender& subject, const std::vector<rival>& rivals);
  /// A row of nanoseconds per element, beside which nothing runs.
  void time(const std::string& kernel, const working_set& set, const contender& subject);

  const std::vector<row>& rows() const { return rows_; }
  const std::vector<roof_point>& points() const { return points_; }

 private:
  static constexpr std::size_t mebi = std::size_t{1} << 20;

  void add(const row_key& key, double value);

  effort effort_;
  bool quick_;
  std::string only_;
  std::vector<target> targets_;
  std::vector<row> rows_;
  std::vector<roof_point> points_;
};

}  // namespace ratio
