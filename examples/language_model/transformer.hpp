#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "attention.hpp"
#include "zolt/core/error.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/linear/attention_prefix.hpp"
#include "zolt/linear/linear.hpp"
#include "zolt/linear/local.hpp"
#include "zolt/linear/rms_norm.hpp"

namespace language_model {

/// One block of a Llama: attention and a gated feed-forward part, each behind a normalisation and added to the stream. A zolt::local_layer
/// with a backward that computes the block again from its input: nothing is kept between the two.
template <class Weights>
struct block {
  attention_heads attention;
  std::vector<float> attention_gain, feed_forward_gain;
  Weights query, key, value, output, gate, up, down;
  std::optional<zolt::attention_prefix> prefix;

  /// From now on with virtual positions in front, which start as the first positions of x are here.
  void start_prefix(const zolt::attention_prefix& p, known_activations x) {
    zolt::tensor<float> y(x.shape());
    const steps s = compute({}, x, y);
    p.start_from(s.key, s.value);
    prefix = p;
    attention.prefix = p.positions();
  }

  void forward(const zolt::probe_view& probes, known_activations x, activations y) const { compute(probes, x, y); }

  void backward(known_activations x, known_activations error, activations input_error, zolt::layer_signals& signals) const {
    if (prefix) zolt::fail("block", "prefix", "given", "be none where a backward is asked for");
    zolt::tensor<float> y(x.shape());
    const steps kept = compute({}, x, y);
    const zolt::shape stream = x.shape(), hidden = kept.gate.shape();
    zolt::tensor<float> of_gated(hidden), of_gate(hidden), of_up(hidden), of_normal(stream), part(stream), of_stream(stream);

    signals.weights(down, error, kept.gated);
    zolt::linear_transposed(down, error, of_gated);
    swish_gate_backward(kept.gate, kept.up, of_gated, of_gate, of_up);
    signals.weights(gate, of_gate, kept.feed_forward_input);
    signals.weights(up, of_up, kept.feed_forward_input);
    zolt::linear_transposed(gate, of_gate, of_normal);
    zolt::linear_transposed(up, of_up, part);
    add(part, of_normal);
    zolt::rms_norm(feed_forward_gain).backward(kept.stream, of_normal, of_stream, signals);
    add(error, of_stream);

    zolt::tensor<float> of_mixed(kept.query.shape()), of_query(kept.query.shape()), of_key(kept.key.shape()), of_value(kept.key.shape());
    signals.weights(output, of_stream, kept.mixed);
    zolt::linear_transposed(output, of_stream, of_mixed);
    attention.mix_backward(kept.query, kept.key, kept.value, of_mixed, of_query, of_key, of_value);
    attention.rotate(of_query, true);
    attention.rotate(of_key, true);
    signals.weights(query, of_query, kept.attention_input);
    signals.weights(key, of_key, kept.attention_input);
    signals.weights(value, of_value, kept.attention_input);
    zolt::linear_transposed(query, of_query, of_normal);
    zolt::linear_transposed(key, of_key, part);
    add(part, of_normal);
    zolt::linear_transposed(value, of_value, part);
    add(part, of_normal);
    zolt::rms_norm(attention_gain).backward(x, of_normal, input_error, signals);
    add(of_stream, input_error);
  }

 private:
  /// What lies between x and y; query and key are rotated, key and value have their prefix.
  struct steps {
    zolt::tensor<float> attention_input, query, key, value, mixed, stream, feed_forward_input, gate, up, gated;
  };
  steps compute(const zolt::probe_view& probes, known_activations x, activations y) const {
    const auto product = [&](const Weights& w, const zolt::tensor<float>& from) {
      zolt::tensor<float> to({from.rows(), w.rows()});
      zolt::linear(probes, w, from, to);
      return to;
    };
    const auto normalised = [&](const std::vector<float>& gain, known_activations from) {
      zolt::tensor<float> to(from.shape());
      zolt::rms_norm(gain).forward(probes, from, to);
      return to;
    };
    steps s;
    s.attention_input = normalised(attention_gain, x);
    s.query = product(query, s.attention_input);
    s.key = product(key, s.attention_input);
    s.value = product(value, s.attention_input);
    attention.rotate(s.query);
    attention.rotate(s.key);
    if (prefix) {
      const std::size_t sequences = s.key.rows() / attention.positions;
      zolt::tensor<float> keys({sequences * (attention.prefix + attention.positions), key.rows()}), values(keys.shape());
      prefix->prepend_keys(probes, s.key, attention.positions, keys);
      prefix->prepend_values(probes, s.value, attention.positions, values);
      s.key = std::move(keys);
      s.value = std::move(values);
    }
    s.mixed = zolt::tensor<float>(s.query.shape());
    attention.mix(s.query, s.key, s.value, s.mixed);
    s.stream = product(output, s.mixed);
    add(x, s.stream);
    s.feed_forward_input = normalised(feed_forward_gain, s.stream);
    s.gate = product(gate, s.feed_forward_input);
    s.up = product(up, s.feed_forward_input);
    s.gated = zolt::tensor<float>(s.gate.shape());
    swish_gate(s.gate, s.up, s.gated);
    zolt::linear(probes, down, s.gated, y);
    add(s.stream, y);
    return s;
  }
};

/// Several blocks as one part of a network, whose backward goes from block to block: backpropagation, for comparison.
template <class Weights>
struct chain {
  std::span<const block<Weights>> blocks;

  void forward(const zolt::probe_view& probes, known_activations x, activations y) const {
    zolt::tensor<float> stream(x.shape());
    std::copy_n(x.data(), x.size(), stream.data());
    for (const block<Weights>& b : blocks) {
      b.forward(probes, stream, y);
      std::copy_n(y.data(), y.size(), stream.data());
    }
  }
  void backward(known_activations x, known_activations error, activations input_error, zolt::layer_signals& signals) const {
    std::vector<zolt::tensor<float>> inputs(blocks.size(), zolt::tensor<float>(x.shape()));
    std::copy_n(x.data(), x.size(), inputs[0].data());
    for (std::size_t b = 0; b + 1 < blocks.size(); ++b) blocks[b].forward({}, inputs[b], inputs[b + 1]);
    zolt::tensor<float> of_output(x.shape());
    std::copy_n(error.data(), error.size(), of_output.data());
    for (std::size_t b = blocks.size(); b-- > 0;) {
      blocks[b].backward(inputs[b], of_output, input_error, signals);
      std::copy_n(input_error.data(), input_error.size(), of_output.data());
    }
  }
};

/// A Llama whose output layer is its embedding.
template <class Weights>
class transformer {
 public:
  Weights embedding;
  std::vector<float> final_gain;
  std::vector<block<Weights>> blocks;

  /// How the blocks from `first` on are called: each a part of its own, or all of them one part.
  struct parts {
    std::size_t first = 0;
    bool chained = false;
  };

  /// Logits of the token after each of `tokens`, which are whole sequences. What it returns is overwritten by the next call.
  const zolt::tensor<float>& logits(const zolt::probe_view& probes, std::span<const int> tokens, const parts& seen) {
    const std::size_t rows = tokens.size() * probes.count();
    zolt::tensor<float> stream = embedded(probes, tokens), next(stream.shape());
    for (std::size_t b = 0; b < seen.first; ++b) {
      blocks[b].forward(probes, stream, next);
      std::swap(stream, next);
    }
    if (seen.chained) {
      chained_.blocks = std::span(std::as_const(blocks)).subspan(seen.first);
      zolt::local(probes, chained_, stream, next);
      std::swap(stream, next);
    } else {
      for (std::size_t b = seen.first; b < blocks.size(); ++b) {
        zolt::local(probes, blocks[b], stream, next);
        std::swap(stream, next);
      }
    }
    zolt::local(probes, final_norm_, stream, next);
    if (logits_.rows() != rows) logits_ = zolt::tensor<float>({rows, embedding.rows()});
    zolt::linear(probes, embedding, next, logits_);
    return logits_;
  }

  /// Gives every block a prefix of its own, started from what the first of `tokens` are there without any.
  void start_prefixes(std::span<const zolt::attention_prefix> prefixes, std::span<const int> tokens) {
    zolt::tensor<float> stream = embedded({}, tokens), next(stream.shape());
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      blocks[b].forward({}, stream, next);
      blocks[b].start_prefix(prefixes[b], stream);
      std::swap(stream, next);
    }
  }

  transformer() = default;
  transformer(const transformer&) = delete;  // the last normalisation names final_gain
  transformer& operator=(const transformer&) = delete;

 private:
  zolt::tensor<float> embedded(const zolt::probe_view& probes, std::span<const int> tokens) const {
    const std::size_t width = embedding.columns();
    zolt::tensor<float> stream({tokens.size() * probes.count(), width});
    std::vector<float> words(probes.count() * width);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      probes.read(embedding, static_cast<std::size_t>(tokens[t]) * width, words);
      for (std::size_t k = 0; k < probes.count(); ++k)
        std::copy_n(words.data() + k * width, width, stream.view().row(k * tokens.size() + t).data());
    }
    return stream;
  }

  zolt::rms_norm<std::vector<float>> final_norm_{final_gain};
  chain<Weights> chained_;
  zolt::tensor<float> logits_;
};

}  // namespace language_model
