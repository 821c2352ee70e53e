#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "zolt/core/tensor.hpp"

namespace quantize_report {

/// A weight matrix of a model: outputs × inputs.
struct named_matrix {
  std::string name;
  zolt::tensor<float> weights;
};

/// Llama-2 architecture as in llama2.c's "version 0" checkpoints: RMSNorm, rotary positions, grouped-query attention, SwiGLU, tied embedding.
class language_model {
 public:
  /// Throws std::runtime_error that names the file and what is wrong with it.
  static language_model load(const std::filesystem::path& checkpoint);

  /// The matrices that multiply activations, layer by layer; the tied embedding is the last.
  std::vector<named_matrix>& matrices() { return matrices_; }
  const std::vector<named_matrix>& matrices() const { return matrices_; }

  /// Called with the index of a matrix and the activations that it multiplies, one row per position.
  using listener = std::function<void(std::size_t matrix, zolt::tensor_view<const float> inputs)>;

  /// Mean negative log-likelihood in nats per token of tokens 1 … given those before them.
  double loss(std::span<const int> tokens, const listener& heard = {}) const;

  int vocabulary() const { return vocabulary_; }
  std::size_t layers() const { return layers_; }
  std::size_t heads() const { return heads_; }
  std::size_t key_heads() const { return key_heads_; }
  std::size_t width() const { return dim_; }

  enum matrix_of_layer : std::size_t { query, key, value, output, gate, down, up };
  const zolt::tensor<float>& matrix(std::size_t layer, matrix_of_layer which) const { return matrices_[layer * per_layer + which].weights; }
  const zolt::tensor<float>& embedding() const { return matrices_.back().weights; }
  /// Gains of the normalisations.
  std::span<const float> attention_norm(std::size_t layer) const { return std::span(attention_norms_).subspan(layer * dim_, dim_); }
  std::span<const float> feed_forward_norm(std::size_t layer) const { return std::span(feed_forward_norms_).subspan(layer * dim_, dim_); }
  std::span<const float> final_norm() const { return final_norm_; }

 private:
  static constexpr std::size_t per_layer = 7;

  int vocabulary_ = 0;
  std::size_t dim_ = 0, hidden_ = 0, layers_ = 0, heads_ = 0, key_heads_ = 0;
  std::vector<named_matrix> matrices_;
  std::vector<float> attention_norms_, feed_forward_norms_, final_norm_;
};

/// The byte-pair vocabulary that belongs to a checkpoint.
class tokenizer {
 public:
  static tokenizer load(const std::filesystem::path& file, int vocabulary);
  /// Begins with the token that begins a text.
  std::vector<int> encode(const std::string& text) const;

 private:
  int find(const std::string& piece) const;
  std::vector<std::pair<std::string, int>> sorted_;
  std::vector<std::string> pieces_;
  std::vector<float> scores_;
};

/// Stories of a TinyStories file as the data's README cuts them: 129 tokens each.
std::vector<std::vector<int>> stories(const std::filesystem::path& text, const tokenizer& words, std::size_t count);

}  // namespace quantize_report
