#include "language_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "zolt/linear/linear.hpp"

namespace quantize_report {
namespace {

std::ifstream open(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(fmt::format("{}: file = missing must be readable", path.string()));
  return file;
}

template <class T, std::size_t Extent>
void read(std::ifstream& file, const std::filesystem::path& path, std::span<T, Extent> into) {
  const auto size = static_cast<std::streamsize>(into.size_bytes());
  if (!file.read(reinterpret_cast<char*>(into.data()), size))
    throw std::runtime_error(fmt::format("{}: bytes left = {} must be {}", path.string(), file.gcount(), size));
}

/// y[r] = x[r] · gain / RMS(x[r])
void normalise(zolt::tensor_view<const float> x, std::span<const float> gain, zolt::tensor_view<float> y) {
  for (std::size_t r = 0; r < x.rows(); ++r) {
    float squares = 0;
    for (const float v : x.row(r)) squares += v * v;
    const float factor = 1 / std::sqrt(squares / static_cast<float>(x.columns()) + 1e-5F);
    for (std::size_t j = 0; j < x.columns(); ++j) y(r, j) = x(r, j) * factor * gain[j];
  }
}

/// Turns neighbouring pairs of every head by an angle that grows with the position.
void rotate(zolt::tensor<float>& x, std::size_t head_size) {
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t j = 0; j < x.columns(); j += 2) {
      const float exponent = static_cast<float>(j % head_size) / static_cast<float>(head_size);
      const float angle = static_cast<float>(r) / std::pow(10000.0F, exponent), c = std::cos(angle), s = std::sin(angle);
      const float a = x(r, j), b = x(r, j + 1);
      x(r, j) = a * c - b * s;
      x(r, j + 1) = a * s + b * c;
    }
}

void softmax(std::span<float> values) {
  const float most = *std::max_element(values.begin(), values.end());
  float sum = 0;
  for (float& v : values) sum += v = std::exp(v - most);
  for (float& v : values) v /= sum;
}

}  // namespace

language_model language_model::load(const std::filesystem::path& checkpoint) {
  std::ifstream file = open(checkpoint);
  std::array<std::int32_t, 7> header{};
  read(file, checkpoint, std::span(header));
  for (const std::int32_t v : header)
    if (v < 1 || v > 1 << 20) throw std::runtime_error(fmt::format("{}: header field = {} must be 1 to 2^20", checkpoint.string(), v));
  language_model m;
  m.dim_ = static_cast<std::size_t>(header[0]);
  m.hidden_ = static_cast<std::size_t>(header[1]);
  m.layers_ = static_cast<std::size_t>(header[2]);
  m.heads_ = static_cast<std::size_t>(header[3]);
  m.key_heads_ = static_cast<std::size_t>(header[4]);
  m.vocabulary_ = header[5];
  if (m.dim_ % m.heads_ != 0 || m.heads_ % m.key_heads_ != 0)
    throw std::runtime_error(
        fmt::format("{}: heads = {} must divide the width and be a multiple of the key heads", checkpoint.string(), m.heads_));
  const std::size_t key_dim = m.dim_ / m.heads_ * m.key_heads_;

  m.matrices_.resize(m.layers_ * per_layer + 1);
  const auto matrix = [&](std::size_t index, std::string name, std::size_t rows, std::size_t columns) {
    m.matrices_[index] = {std::move(name), zolt::tensor<float>({rows, columns})};
    read(file, checkpoint, m.matrices_[index].weights.flat());
  };
  const auto every_layer = [&](matrix_of_layer which, std::string_view name, std::size_t rows, std::size_t columns) {
    for (std::size_t l = 0; l < m.layers_; ++l) matrix(l * per_layer + which, fmt::format("layer{}.{}", l, name), rows, columns);
  };
  const auto vector = [&](std::vector<float>& v, std::size_t size) {
    v.resize(size);
    read(file, checkpoint, std::span(v));
  };
  matrix(m.layers_ * per_layer, "embedding", static_cast<std::size_t>(m.vocabulary_), m.dim_);
  vector(m.attention_norms_, m.layers_ * m.dim_);
  every_layer(query, "query", m.dim_, m.dim_);
  every_layer(key, "key", key_dim, m.dim_);
  every_layer(value, "value", key_dim, m.dim_);
  every_layer(output, "output", m.dim_, m.dim_);
  vector(m.feed_forward_norms_, m.layers_ * m.dim_);
  every_layer(gate, "gate", m.hidden_, m.dim_);
  every_layer(down, "down", m.dim_, m.hidden_);
  every_layer(up, "up", m.hidden_, m.dim_);
  vector(m.final_norm_, m.dim_);
  return m;
}

double language_model::loss(std::span<const int> tokens, const listener& heard) const {
  const std::size_t positions = tokens.size() - 1, head_size = dim_ / heads_, shared = heads_ / key_heads_;
  const auto multiply = [&](std::size_t index, const zolt::tensor<float>& x, zolt::tensor<float>& y) {
    if (heard) heard(index, x);
    y = zolt::tensor<float>({x.rows(), matrices_[index].weights.rows()});
    zolt::linear(matrices_[index].weights, x, y);
  };
  const zolt::tensor<float>& embedding = matrices_.back().weights;
  zolt::tensor<float> x({positions, dim_}), normal({positions, dim_}), q, k, v, gated, wide, mixed({positions, dim_}), change;
  for (std::size_t t = 0; t < positions; ++t) {
    const auto row = embedding.view().row(static_cast<std::size_t>(tokens[t]));
    std::copy(row.begin(), row.end(), x.view().row(t).begin());
  }
  const auto add = [&x](const zolt::tensor<float>& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] += y.data()[i];
  };
  std::vector<float> scores(positions);
  for (std::size_t l = 0; l < layers_; ++l) {
    normalise(x, std::span(attention_norms_).subspan(l * dim_, dim_), normal);
    multiply(l * per_layer + query, normal, q);
    multiply(l * per_layer + key, normal, k);
    multiply(l * per_layer + value, normal, v);
    rotate(q, head_size);
    rotate(k, head_size);
    for (std::size_t h = 0; h < heads_; ++h)
      for (std::size_t t = 0; t < positions; ++t) {
        const std::size_t at = h * head_size, key_at = h / shared * head_size;
        const std::span<float> weights = std::span(scores).first(t + 1);
        for (std::size_t s = 0; s <= t; ++s) {
          float dot = 0;
          for (std::size_t j = 0; j < head_size; ++j) dot += q(t, at + j) * k(s, key_at + j);
          weights[s] = dot / std::sqrt(static_cast<float>(head_size));
        }
        softmax(weights);
        for (std::size_t j = 0; j < head_size; ++j) {
          float sum = 0;
          for (std::size_t s = 0; s <= t; ++s) sum += weights[s] * v(s, key_at + j);
          mixed(t, at + j) = sum;
        }
      }
    multiply(l * per_layer + output, mixed, change);
    add(change);
    normalise(x, std::span(feed_forward_norms_).subspan(l * dim_, dim_), normal);
    multiply(l * per_layer + gate, normal, gated);
    multiply(l * per_layer + up, normal, wide);
    for (std::size_t i = 0; i < gated.size(); ++i) gated.data()[i] *= wide.data()[i] / (1 + std::exp(-gated.data()[i]));
    multiply(l * per_layer + down, gated, change);
    add(change);
  }
  normalise(x, final_norm_, normal);
  zolt::tensor<float> logits;
  multiply(layers_ * per_layer, normal, logits);
  double sum = 0;
  for (std::size_t t = 0; t < positions; ++t) {
    softmax(logits.view().row(t));
    sum -= std::log(double{logits(t, static_cast<std::size_t>(tokens[t + 1]))} + 1e-30);
  }
  return sum / static_cast<double>(positions);
}

tokenizer tokenizer::load(const std::filesystem::path& path, int vocabulary) {
  std::ifstream file = open(path);
  std::array<std::int32_t, 1> longest{}, length{};
  std::array<float, 1> score{};
  read(file, path, std::span(longest));
  tokenizer t;
  for (int i = 0; i < vocabulary; ++i) {
    read(file, path, std::span(score));
    read(file, path, std::span(length));
    if (length[0] < 0 || length[0] > longest[0])
      throw std::runtime_error(fmt::format("{}: length of token {} = {} must be 0 to {}", path.string(), i, length[0], longest[0]));
    std::string piece(static_cast<std::size_t>(length[0]), '\0');
    read(file, path, std::span(piece));
    t.sorted_.emplace_back(piece, i);
    t.pieces_.push_back(std::move(piece));
    t.scores_.push_back(score[0]);
  }
  std::sort(t.sorted_.begin(), t.sorted_.end());
  return t;
}

int tokenizer::find(const std::string& piece) const {
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), std::pair(piece, 0));
  return at != sorted_.end() && at->first == piece ? at->second : -1;
}

std::vector<int> tokenizer::encode(const std::string& text) const {
  constexpr int begin = 1, first_byte = 3;
  std::vector<int> tokens = {begin, find(" ")};
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    if (const int whole = find(text.substr(i, end - i)); whole >= 0)
      tokens.push_back(whole);
    else
      for (; i < end; ++i) tokens.push_back(first_byte + static_cast<unsigned char>(text[i]));
    i = end;
  }
  const auto made_at = [&](std::size_t i) {
    return find(pieces_[static_cast<std::size_t>(tokens[i])] + pieces_[static_cast<std::size_t>(tokens[i + 1])]);
  };
  std::vector<int> joined(tokens.size(), -1);  // what a token and the next one make; the one that begins the text makes nothing
  for (std::size_t i = 1; i + 1 < tokens.size(); ++i) joined[i] = made_at(i);
  for (;;) {  // the pair that makes the best token, until there is none
    std::size_t best = 0;
    for (std::size_t i = 1; i < tokens.size(); ++i)
      if (joined[i] >= 0 && (best == 0 || scores_[static_cast<std::size_t>(joined[i])] > scores_[static_cast<std::size_t>(joined[best])]))
        best = i;
    if (best == 0) return tokens;
    tokens[best] = joined[best];
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    joined.erase(joined.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    joined[best] = best + 1 < tokens.size() ? made_at(best) : -1;
    if (best > 1) joined[best - 1] = made_at(best - 1);
  }
}

std::vector<std::vector<int>> stories(const std::filesystem::path& path, const tokenizer& words, std::size_t count) {
  constexpr std::size_t least_characters = 450, tokens = 129;
  std::ifstream file = open(path);
  std::vector<std::vector<int>> found;
  std::string story, line;
  const auto finish = [&] {
    while (!story.empty() && (story.back() == '\n' || story.back() == ' ')) story.pop_back();
    if (story.size() > least_characters && found.size() < count) {
      std::vector<int> encoded = words.encode(story.substr(0, 1000));  // enough for 129 tokens, and merging is quadratic
      if (encoded.size() >= tokens) encoded.resize(tokens), found.push_back(std::move(encoded));
    }
    story.clear();
  };
  while (found.size() < count && std::getline(file, line)) {
    if (line.starts_with("Once ") || line.starts_with("One ")) finish();
    story += line + '\n';
  }
  finish();
  return found;
}

}  // namespace quantize_report
