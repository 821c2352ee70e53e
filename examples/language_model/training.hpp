#pragma once

#include <cstddef>
#include <cstdint>

#include "../quantize_report/language_model.hpp"
#include "recipes.hpp"
#include "texts.hpp"
#include "zolt/estimator/purity.hpp"

namespace language_model {

/// What all recipes have in common.
struct assignment {
  const quantize_report::language_model& model;
  const fairy_tales& texts;
  std::uint64_t forwards;
  std::uint64_t seed;
  std::size_t sequences;  ///< of a batch
  std::size_t judged;     ///< texts of the test on which the loss is measured
};

/// Losses in nats per token of test texts.
struct outcome {
  zolt::purity_class purity{};
  double state_bytes_per_weight = 0;  ///< of the trained weights
  double trained_share = 0;           ///< of all weights
  double forwards = 0, work = 0;      ///< work: in forwards, with all other products
  double loss_before = 0, loss_after = 0;
  double milliseconds_per_step = 0;
  std::size_t working_bytes = 0;
};

outcome train_int4(const recipe& r, const assignment& a);  ///< groups of 32 weights
outcome train_int8(const recipe& r, const assignment& a);  ///< a scale per output

}  // namespace language_model
