#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/quantize/additive_codebook.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// How codebooks are fitted to weights: residual k-means, without data.
///
///   scale[o] = RMS of row o;   for each sweep and codebook m: C[m] ← Lloyd's iterations on w/scale − Σ_(m' ≠ m) C[m'][code]
///   scale[o] ← ⟨w_o, ŵ_o⟩ / ⟨ŵ_o, ŵ_o⟩ in the end
///
/// Groups count with scale², so that what falls is the squared error of the weights. A vector without groups stays where it is. A row of
/// zeros has scale 0.
///
/// Units    none.
/// Cost     2·sweeps·iterations·2^CodeBits operations per weight and codebook; 8 bytes per weight.
/// Errors   a tensor that is empty or not finite, columns that the group does not divide, fewer groups of weights other than zero than
///          vectors of a codebook, a field out of bounds.
/// Source   AQLM (arXiv 2401.06118): its initialization by residual k-means.
/// Differs  no beam search and no activations: weights count alike. First vectors are groups drawn without replacement from the words of
///          stream `codebook` under `key` and the name.
struct additive_codebook_fit {
  static constexpr std::string_view name = "additive_codebook_fit";
  double iterations = 4;
  double sweeps = 2;
  direction_key key{};

  template <class Field>
  void fields(Field&& field) const {
    field("iterations", iterations, bound::at_least_one);
    field("sweeps", sweeps, bound::at_least_one);
  }
};

namespace detail {

/// One codebook under k-means. Vectors lie by component, so that distances to all of them run in lanes.
template <std::size_t Entries, std::size_t Group>
class vector_clusters {
 public:
  explicit vector_clusters(std::span<float> vectors) : vectors_(vectors), by_component_(vectors.size()), distances_(Entries) {}

  void start(std::span<const float> points, std::span<const std::size_t> chosen) {
    for (std::size_t c = 0; c < Entries; ++c) std::copy_n(points.data() + chosen[c] * Group, Group, vectors_.data() + c * Group);
  }
  /// codes[g · stride] = the nearest vector of point g, of two the first.
  template <class Code>
  void assign(std::span<const float> points, Code* codes, std::size_t stride) {
    for (std::size_t c = 0; c < Entries; ++c)
      for (std::size_t j = 0; j < Group; ++j) by_component_[j * Entries + c] = vectors_[c * Group + j];
    for (std::size_t g = 0; g * Group < points.size(); ++g) {
      std::fill(distances_.begin(), distances_.end(), 0.0);
      for (std::size_t j = 0; j < Group; ++j) {
        const float x = points[g * Group + j], *component = by_component_.data() + j * Entries;
        for (std::size_t c = 0; c < Entries; ++c) {
          const double difference = x - component[c];  // a float: its square is exact
          distances_[c] += difference * difference;
        }
      }
      codes[g * stride] = static_cast<Code>(std::min_element(distances_.begin(), distances_.end()) - distances_.begin());
    }
  }
  template <class Code>
  void update(std::span<const float> points, std::span<const float> weights, const Code* codes, std::size_t stride) {
    std::vector<double> sums(vectors_.size()), counts(Entries);
    for (std::size_t g = 0; g < weights.size(); ++g) {
      const std::size_t c = codes[g * stride];
      counts[c] += double{weights[g]};
      for (std::size_t j = 0; j < Group; ++j) sums[c * Group + j] += double{weights[g]} * points[g * Group + j];
    }
    for (std::size_t i = 0; i < sums.size(); ++i)
      if (counts[i / Group] > 0) vectors_[i] = static_cast<float>(sums[i] / counts[i / Group]);
  }

 private:
  std::span<float> vectors_;
  std::vector<float> by_component_;
  std::vector<double> distances_;
};

/// `count` of the indices, without replacement.
inline std::vector<std::size_t> draw_some(std::vector<std::size_t> indices, std::size_t count, word_reader& words, std::uint64_t first) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t left = indices.size() - i;
    std::swap(indices[i], indices[i + static_cast<std::size_t>(std::uint64_t{words(first + i)} * left >> 32)]);
  }
  indices.resize(count);
  return indices;
}

}  // namespace detail

/// Quantizes weights with fitted codebooks: fit_additive_codebook<2, 8>("layer", w.view()). See additive_codebook_fit.
template <std::size_t Codebooks, int CodeBits, std::size_t GroupSize = 8>
additive_codebook_tensor<Codebooks, CodeBits, GroupSize> fit_additive_codebook(std::string_view name, tensor_view<const float> weights,
                                                                               const additive_codebook_fit& fit = {}) {
  using result = additive_codebook_tensor<Codebooks, CodeBits, GroupSize>;
  constexpr std::size_t entries = result::entries;
  std::vector<problem> problems;
  check_fields(fit, problems);
  if (!problems.empty()) throw error(std::move(problems));
  const shape s = weights.shape();
  if (s.size() == 0) fail(name, "shape", s.text(), "have at least one element");
  if (s.columns % GroupSize != 0) fail(name, "columns", s.columns, "be divided by the group of " + to_text(GroupSize));
  detail::check_finite(name, weights);

  const std::size_t groups = s.size() / GroupSize, per_row = s.columns / GroupSize;
  std::vector<float> scales(s.rows), rest(s.size()), importance(groups);
  std::vector<std::size_t> candidates;
  for (std::size_t r = 0; r < s.rows; ++r) {
    double square = 0;
    for (const float w : weights.row(r)) square += double{w} * w;
    scales[r] = static_cast<float>(std::sqrt(square / static_cast<double>(s.columns)));
    for (std::size_t c = 0; c < s.columns; ++c) rest[r * s.columns + c] = scales[r] > 0 ? weights(r, c) / scales[r] : 0.0f;
    for (std::size_t g = r * per_row; g < (r + 1) * per_row; ++g) {
      importance[g] = scales[r];
      if (scales[r] > 0) candidates.push_back(g);
    }
  }
  const float largest = *std::max_element(scales.begin(), scales.end());
  for (float& i : importance) i = largest > 0 ? (i / largest) * (i / largest) : 0;  // no square of a scale may leave the floats
  if (candidates.size() < entries)
    fail(name, "groups of " + to_text(GroupSize) + " weights in rows that are not zero", candidates.size(),
         "be at least " + to_text(entries) + ", the vectors of a codebook");

  std::vector<typename result::code_type> codes(groups * Codebooks);
  std::vector<float> codebooks(Codebooks * entries * GroupSize);
  word_reader words(random_stream(fit.key, hash_of(name.data(), name.size()), stream::codebook));
  const auto add = [&](std::size_t m, float sign) {  // to what the other codebooks leave over
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const std::size_t vector = m * entries + codes[i / GroupSize * Codebooks + m];
      rest[i] += sign * codebooks[vector * GroupSize + i % GroupSize];
    }
  };
  for (double sweep = 0; sweep < fit.sweeps; ++sweep)
    for (std::size_t m = 0; m < Codebooks; ++m) {
      detail::vector_clusters<entries, GroupSize> clusters({codebooks.data() + m * entries * GroupSize, entries * GroupSize});
      if (sweep == 0)
        clusters.start(rest, detail::draw_some(candidates, entries, words, m * entries));
      else
        add(m, 1);
      for (double i = 0; i < fit.iterations; ++i) {
        clusters.assign(rest, codes.data() + m, Codebooks);
        clusters.update(rest, importance, codes.data() + m, Codebooks);
      }
      clusters.assign(rest, codes.data() + m, Codebooks);
      add(m, -1);
    }

  result fitted(name, s, std::move(codes), std::move(codebooks), std::vector<float>(s.rows, 1.0f));
  for (std::size_t r = 0; r < s.rows; ++r) {
    std::vector<float> row(s.columns);
    fitted.decode(r * s.columns, row);
    double product = 0, square = 0;
    for (std::size_t c = 0; c < s.columns; ++c) {
      product += double{row[c]} * weights(r, c);
      square += double{row[c]} * row[c];
    }
    fitted.scales()[r] = scales[r] == 0 || square == 0 ? scales[r] : static_cast<float>(product / square);
  }
  return fitted;
}

}  // namespace zolt::inline v0
