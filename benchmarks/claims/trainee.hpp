#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "claim.hpp"
#include "zolt/optimizer/probe_view.hpp"
#include "zolt/parameter/parameter_set.hpp"

namespace claims {

using float_list = zolt::parameter_list<zolt::dense_view>;
template <class Weights>
using coded_list = zolt::parameter_list<zolt::storage_t<Weights>, zolt::dense_view>;

/// A model in training. One class of lists for all models on floats, so that a method is compiled once for all of them.
template <class List>
class trainee {
 public:
  virtual ~trainee() = default;

  virtual const List& parameters() const = 0;
  /// What the losses of a step are about.
  virtual void begin(std::uint64_t step) = 0;
  /// One loss per probe.
  virtual const std::vector<double>& losses(const zolt::probe_view& probes) = 0;
  /// Forward passes of the batch that these losses took.
  virtual double passes(std::size_t probes) const { return static_cast<double>(probes); }
  /// What rates are chosen by, and what is reported.
  virtual double validation() const = 0;
  virtual double score() const = 0;
};

/// What is trained on what, and how long.
template <class List>
struct task {
  std::string name;
  better is = better::more;
  double forwards = 0;
  std::function<std::unique_ptr<trainee<List>>(unsigned seed)> start;
};

}  // namespace claims
