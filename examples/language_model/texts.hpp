#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "../quantize_report/language_model.hpp"
#include "zolt/random/stream.hpp"

namespace language_model {

inline constexpr std::size_t positions = 128;  ///< of a sequence: a text has one token more

/// Sequences of a batch side by side: what the model reads, and what comes next.
struct batch {
  std::vector<int> tokens, next;
};

/// Grimm's fairy tales as the data's README cuts them for adaptation: what a model learns from, and what it is judged on.
struct fairy_tales {
  std::vector<std::vector<int>> train, test;

  static fairy_tales load(const std::filesystem::path& text, const quantize_report::tokenizer& words);
};

batch batch_of(std::span<const std::vector<int>> texts);

/// Which texts a step sees: a new permutation of all of them in every epoch, cut into whole batches. A function of the seed and of how often
/// it was asked.
class batch_order {
 public:
  batch_order(std::span<const std::vector<int>> texts, std::size_t sequences, std::uint64_t seed);
  batch next();

 private:
  void shuffle();

  std::span<const std::vector<int>> texts_;
  std::size_t sequences_, at_ = 0;
  std::vector<std::size_t> order_;
  zolt::word_reader words_;
  std::uint64_t word_ = 0;
};

}  // namespace language_model
