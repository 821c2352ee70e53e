#include "gradient_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "transformer.hpp"
#include "zolt/optimizer/layer_signals.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/random/stream.hpp"

namespace language_model {
namespace {

constexpr std::size_t width = 8, hidden = 12, positions = 5, rows = 2 * positions;

/// Numbers in (−size, size), the same everywhere.
class numbers {
 public:
  void fill(std::span<float> out, float size) {
    for (float& v : out) v = size * (static_cast<float>(words_(next_++) >> 8) * 0x1p-23F - 1);
  }

 private:
  zolt::word_reader words_{zolt::random_stream({.run = 1}, 1, zolt::stream::mask)};
  std::uint64_t next_ = 0;
};

using float_block = block<zolt::tensor<float>>;

float_block random_block(numbers& next) {
  float_block b;
  b.attention = {.heads = 4, .key_heads = 2, .head_size = 2, .positions = positions};
  const auto matrix = [&next](std::size_t outputs, std::size_t inputs) {
    zolt::tensor<float> w({outputs, inputs});
    next.fill(w.flat(), 0.8F);
    return w;
  };
  b.query = matrix(width, width);
  b.key = matrix(width / 2, width);
  b.value = matrix(width / 2, width);
  b.output = matrix(width, width);
  b.gate = matrix(hidden, width);
  b.up = matrix(hidden, width);
  b.down = matrix(width, hidden);
  for (std::vector<float>* gain : {&b.attention_gain, &b.feed_forward_gain}) {
    gain->resize(width);
    next.fill(*gain, 0.5F);
    for (float& g : *gain) g += 1;
  }
  return b;
}

}  // namespace

double largest_gradient_error() {
  numbers next;
  std::vector<float_block> blocks;
  for (int b = 0; b < 2; ++b) blocks.push_back(random_block(next));
  const chain<zolt::tensor<float>> network{blocks};
  zolt::tensor<float> x({rows, width}), y(x.shape()), error(x.shape()), input_error(x.shape());
  next.fill(x.flat(), 1);
  next.fill(error.flat(), 1);

  std::vector<std::span<float>> tensors;
  for (float_block& b : blocks) {
    for (auto* w : {&b.query, &b.key, &b.value, &b.output, &b.gate, &b.up, &b.down}) tensors.push_back(w->flat());
    for (auto* gain : {&b.attention_gain, &b.feed_forward_gain}) tensors.emplace_back(*gain);
  }
  zolt::parameter_list<zolt::dense_view> trained;
  for (const std::span<float> t : tensors) trained.add(std::to_string(trained.size()), t);
  const auto ranges = zolt::detail::memory_ranges(trained);
  zolt::layer_signals signals(ranges);
  network.backward(x, error, input_error, signals);
  std::vector<std::vector<double>> gradients(tensors.size());
  signals.for_each([&gradients](const auto& factor) {
    std::vector<double>& g = gradients[factor.parameter];
    g.resize(factor.outputs() * factor.inputs());
    for (std::size_t i = 0; i < g.size(); ++i)
      for (std::size_t b = 0; b < factor.signal.rows(); ++b)
        g[i] += double{factor.signal(b, i / factor.inputs())} * (factor.input.data() == nullptr ? 1 : factor.input(b, i % factor.inputs()));
  });
  tensors.push_back(x.flat());
  gradients.emplace_back(input_error.flat().begin(), input_error.flat().end());

  const auto loss = [&] {
    network.forward({}, x, y);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += double{y.data()[i]} * error.data()[i];
    return sum;
  };
  double largest = 0;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    double squares = 0, difference = 0;
    gradients[t].resize(tensors[t].size());  // one that was never given is wrong everywhere
    for (std::size_t i = 0; i < tensors[t].size(); ++i) {
      constexpr float step = 0x1p-9F;
      float& weight = tensors[t][i];
      const float before = weight;
      weight = before + step;
      const double above = loss();
      weight = before - step;
      const double slope = (above - loss()) / (2 * double{step});
      weight = before;
      squares += slope * slope;
      difference = std::max(difference, std::fabs(slope - gradients[t][i]));
    }
    largest = std::max(largest, difference / std::sqrt(squares / static_cast<double>(tensors[t].size())));
  }
  return largest;
}

}  // namespace language_model
