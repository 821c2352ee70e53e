#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace claims {

class bench;

/// Seeds of batches and directions that are reported. Rates are chosen under another one.
inline constexpr std::array<unsigned, 3> reported_seeds{1, 2, 3};
inline constexpr unsigned tuning_seed = 11;

enum class better { more, less };

/// The figure of a method and that of what it stands beside, under one seed; with milliseconds per forward pass where both were trained.
struct figures {
  double method = 0, baseline = 0;
  double method_milliseconds = 0, baseline_milliseconds = 0;
};

/// Where a ratio must lie under every seed.
struct range {
  double least = 1, most = std::numeric_limits<double>::infinity();
};

/// What a paper says of its method, and the part of it that can be measured here.
///
/// The ratio of a seed is method/baseline where more is better, and baseline/method where less is. The claim holds if the ratios of all
/// reported seeds lie in the range: one seed that contradicts is enough for it not to hold.
struct claim {
  std::string method;    ///< as the registry names it
  std::string says;      ///< in words
  std::string paper;     ///< the paper's figure and setting
  std::string metric;    ///< what is measured here, and where
  std::string baseline;  ///< what stands beside it
  better is = better::more;
  range holds_in = {};
  std::function<figures(bench&, unsigned seed)> measure;  ///< none: nothing here can be measured
  std::string untestable = {};                            ///< then: why
};

/// A claim whose setting cannot be had here.
inline claim not_testable(std::string method, std::string says, std::string paper, std::string why) {
  return {.method = std::move(method),
          .says = std::move(says),
          .paper = std::move(paper),
          .metric = {},
          .baseline = {},
          .measure = {},
          .untestable = std::move(why)};
}

/// A claim with what was measured for it.
struct result {
  claim of;
  std::vector<figures> seeds = {};

  std::vector<double> ratios() const;
  bool holds() const;
  std::string verdict() const;  ///< "holds", "does not hold" or "not testable here"
};

/// What measurements may cost.
namespace budget {
inline constexpr double network = 5000;      ///< forward passes of a network's batch
inline constexpr double descent = 20000;     ///< evaluations of a quadratic
inline constexpr std::size_t draws = 16384;  ///< estimates of one gradient
}  // namespace budget

/// Each family in the file of its name.
std::vector<claim> recipe_claims();      // recipes.cpp: the library's own
std::vector<claim> float_claims();       // floats.cpp: update rules on floats
std::vector<claim> estimator_claims();   // estimators.cpp: differences, kernels, numbers of queries
std::vector<claim> direction_claims();   // directions.cpp: low rank, masks, pools, few bits
std::vector<claim> learning_claims();    // learning.cpp: directions that learn, filters, subspaces
std::vector<claim> moment_claims();      // moments.cpp: moments in little memory
std::vector<claim> population_claims();  // populations.cpp: evolution strategies, directions per example
std::vector<claim> code_claims();        // codes.cpp: whole codes
std::vector<claim> scale_claims();       // scales.cpp: scales of frozen codes
std::vector<claim> word_claims();        // words.cpp: 16-bit floats and fixed point
std::vector<claim> freezing_claims();    // freezing.cpp: layers that stop learning
std::vector<claim> elastic_claims();     // elastic.cpp: the last layer by its gradient
std::vector<claim> sensitive_claims();   // sensitive.cpp: a few floats beside frozen codes
std::vector<claim> quantizer_claims();   // quantizers.cpp: floats seen through a quantizer

/// All of them. Throws where a method of the registry has none, or a claim is about a method that is not there.
std::vector<claim> all_claims();

}  // namespace claims
