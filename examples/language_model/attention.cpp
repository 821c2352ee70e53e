#include "attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace language_model {
namespace {

/// Σ a·b in eight sums, which a compiler may keep in one register.
float dot(const float* a, const float* b, std::size_t count) {
  constexpr std::size_t lanes = 8;
  std::array<float, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  float total = 0;
  for (const float sum : sums) total += sum;
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

/// Rows of one head of one sequence, transposed: the positions of a component lie side by side.
class head_rows {
 public:
  head_rows(std::size_t head_size, std::size_t positions) : positions_(positions), values_(head_size * positions) {}

  void load(known_activations x, std::size_t first_row, std::size_t first_column) {
    for (std::size_t t = 0; t < positions_; ++t)
      for (std::size_t j = 0; j < values_.size() / positions_; ++j) values_[j * positions_ + t] = x(first_row + t, first_column + j);
  }
  void add_to(activations x, std::size_t first_row, std::size_t first_column) const {
    for (std::size_t t = 0; t < positions_; ++t)
      for (std::size_t j = 0; j < values_.size() / positions_; ++j) x(first_row + t, first_column + j) += values_[j * positions_ + t];
  }
  void clear() { std::fill(values_.begin(), values_.end(), 0.0F); }
  float* component(std::size_t j) { return values_.data() + j * positions_; }

 private:
  std::size_t positions_;
  std::vector<float> values_;
};

/// to[s] = Σ_j factors[j] · rows_j[s] for s < count
void combine(const float* factors, std::size_t components, head_rows& rows, std::size_t count, float* to) {
  std::fill_n(to, count, 0.0F);
  for (std::size_t j = 0; j < components; ++j) {
    const float* const row = rows.component(j);
    const float factor = factors[j];
    for (std::size_t s = 0; s < count; ++s) to[s] += factor * row[s];
  }
}

void softmax(float* values, std::size_t count) {
  const float most = *std::max_element(values, values + count);
  float sum = 0;
  for (std::size_t s = 0; s < count; ++s) sum += values[s] = std::exp(values[s] - most);
  const float share = 1 / sum;
  for (std::size_t s = 0; s < count; ++s) values[s] *= share;
}

void add_multiple(float factor, const float* x, std::size_t count, float* to) {
  for (std::size_t s = 0; s < count; ++s) to[s] += factor * x[s];
}

}  // namespace

void attention_heads::rotate(activations x, bool back) const {
  const std::size_t pairs = head_size / 2;
  std::vector<float> cosine(positions * pairs), sine(positions * pairs);
  for (std::size_t t = 0; t < positions; ++t)
    for (std::size_t p = 0; p < pairs; ++p) {
      const float angle = static_cast<float>(prefix + t) / std::pow(10000.0F, static_cast<float>(2 * p) / static_cast<float>(head_size));
      cosine[t * pairs + p] = std::cos(angle);
      sine[t * pairs + p] = back ? -std::sin(angle) : std::sin(angle);
    }
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t j = 0; j < x.columns(); j += 2) {
      const std::size_t at = r % positions * pairs + j % head_size / 2;
      const float a = x(r, j), b = x(r, j + 1);
      x(r, j) = a * cosine[at] - b * sine[at];
      x(r, j + 1) = a * sine[at] + b * cosine[at];
    }
}

void attention_heads::mix(known_activations q, known_activations k, known_activations v, activations mixed) const {
  const std::size_t all = prefix + positions;
  head_rows keys(head_size, all), values(head_size, all);
  std::vector<float> shares(all), query(head_size);
  const float scale = 1 / std::sqrt(static_cast<float>(head_size));
  for (std::size_t first = 0; first < q.rows(); first += positions)
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t at = h * head_size, key_at = h * key_heads / heads * head_size;
      keys.load(k, first / positions * all, key_at);
      values.load(v, first / positions * all, key_at);
      for (std::size_t t = 0; t < positions; ++t) {
        const std::size_t seen = prefix + t + 1;
        for (std::size_t j = 0; j < head_size; ++j) query[j] = scale * q(first + t, at + j);
        combine(query.data(), head_size, keys, seen, shares.data());
        softmax(shares.data(), seen);
        for (std::size_t j = 0; j < head_size; ++j) mixed(first + t, at + j) = dot(shares.data(), values.component(j), seen);
      }
    }
}

void attention_heads::mix_backward(known_activations q, known_activations k, known_activations v, known_activations error,
                                   activations q_error, activations k_error, activations v_error) const {
  head_rows keys(head_size, positions), values(head_size, positions), of_keys(head_size, positions), of_values(head_size, positions);
  std::vector<float> shares(positions), of_scores(positions), query(head_size);
  const float scale = 1 / std::sqrt(static_cast<float>(head_size));
  std::fill_n(k_error.data(), k_error.size(), 0.0F);
  std::fill_n(v_error.data(), v_error.size(), 0.0F);
  for (std::size_t first = 0; first < q.rows(); first += positions)
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t at = h * head_size, key_at = h * key_heads / heads * head_size;
      keys.load(k, first, key_at);
      values.load(v, first, key_at);
      of_keys.clear();
      of_values.clear();
      for (std::size_t t = 0; t < positions; ++t) {
        const std::size_t seen = t + 1;
        const float* const wanted = &error(first + t, at);
        for (std::size_t j = 0; j < head_size; ++j) query[j] = scale * q(first + t, at + j);
        combine(query.data(), head_size, keys, seen, shares.data());
        softmax(shares.data(), seen);
        combine(wanted, head_size, values, seen, of_scores.data());
        const float mean = dot(shares.data(), of_scores.data(), seen);
        for (std::size_t s = 0; s < seen; ++s) of_scores[s] = shares[s] * (of_scores[s] - mean);
        for (std::size_t j = 0; j < head_size; ++j) {
          q_error(first + t, at + j) = scale * dot(of_scores.data(), keys.component(j), seen);
          add_multiple(query[j], of_scores.data(), seen, of_keys.component(j));
          add_multiple(wanted[j], shares.data(), seen, of_values.component(j));
        }
      }
      of_keys.add_to(k_error, first, key_at);
      of_values.add_to(v_error, first, key_at);
    }
}

void swish_gate(known_activations a, known_activations b, activations gated) {
  for (std::size_t i = 0; i < a.size(); ++i) gated.data()[i] = a.data()[i] / (1 + std::exp(-a.data()[i])) * b.data()[i];
}

void swish_gate_backward(known_activations a, known_activations b, known_activations error, activations a_error, activations b_error) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float share = 1 / (1 + std::exp(-a.data()[i])), swish = a.data()[i] * share, e = error.data()[i];
    a_error.data()[i] = e * b.data()[i] * (share + swish * (1 - share));
    b_error.data()[i] = e * swish;
  }
}

void add(known_activations x, activations y) {
  for (std::size_t i = 0; i < x.size(); ++i) y.data()[i] += x.data()[i];
}

}  // namespace language_model
