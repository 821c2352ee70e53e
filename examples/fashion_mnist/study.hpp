#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "float_network.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "recipes.hpp"
#include "report.hpp"
#include "splits.hpp"

namespace fashion_mnist {

/// Results of runs that go side by side, in the order of the jobs.
struct results {
  std::vector<result_row> rows;
  std::vector<std::vector<curve_point>> curves;
};

struct job {
  recipe how;
  unsigned seed;
};

/// The recipes that the options ask for, each with the number of forward passes that they leave it.
std::vector<recipe> chosen_recipes(const options& chosen);

/// Every recipe with every seed.
std::vector<job> jobs_of(std::span<const recipe> recipes, const std::vector<unsigned>& seeds);

/// What all jobs take together, in forwards of a batch: for the progress line.
double work_of(std::span<const job> jobs);

/// What runs read. Accuracies are those of the test images, or of the validation images where hyper-parameters are chosen.
class study {
 public:
  /// `upright` may be missing if nothing learns from scratch.
  study(const float_network& shipped, const experiment_data& data, const std::optional<upright_data>& upright, bool on_validation)
      : shipped_{shipped}, data_{data}, upright_{upright}, on_validation_{on_validation} {}

  results run(std::span<const job> jobs, unsigned threads, progress& line) const;

 private:
  const dataset& training_images(task what) const;
  const dataset& judged_images(task what) const;
  void run_zolt(const job& j, const float_network& start, result_row& row, std::vector<curve_point>& curve, progress& line) const;
  void run_straight_through(const job& j, result_row& row, std::vector<curve_point>& curve, progress& line) const;

  const float_network& shipped_;
  const experiment_data& data_;
  const std::optional<upright_data>& upright_;
  bool on_validation_;
};

/// Tries every setting of every grid with all seeds on the validation images, and prints what each is worth.
void run_selection(const options& chosen, const float_network& shipped, const experiment_data& data,
                   const std::optional<upright_data>& upright);

}  // namespace fashion_mnist
