#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace language_model {

/// Where the error of a trained layer comes from.
enum class credit {
  head,       ///< the output layer alone, whose error is known
  broadcast,  ///< the error of the stream at the output layer, told to all projections that add to the stream
  blocks,     ///< the same told to whole blocks, each with a backward of its own
  chained,    ///< backpropagation through all blocks, for comparison
  prefix      ///< the losses of probes alone: keys and values of a few virtual positions in every block, all weights frozen
};

struct recipe {
  std::string name;
  credit from;
  std::size_t blocks;     ///< trained, counted from the top
  bool residual;          ///< four bits beside every weight, or none
  std::uint32_t batches;  ///< per write
  double rate;            ///< RMS step of a write, in codes; of a prefix, in its own numbers
};

/// The recipes of a format, int4 or int8.
std::vector<recipe> recipes_of(const std::string& format);

}  // namespace language_model
