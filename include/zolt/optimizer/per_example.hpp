#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zolt/direction/per_example.hpp"
#include "zolt/kernel/sign_factors.hpp"
#include "zolt/optimizer/application.hpp"
#include "zolt/optimizer/blocks.hpp"
#include "zolt/optimizer/narrow_words.hpp"

/// Laws that give every example a direction z = base ∘ r sᵀ: products and updates that visit the base once for all examples.
namespace zolt::inline v0::detail {

/// The signs of rows (or of columns) for a list of examples: a word holds those of up to 32 examples, and a run of examples shares it.
class sign_words {
 public:
  void reserve(std::size_t examples, std::size_t count) {
    const std::size_t runs = std::min(examples, examples / example_signs::examples_per_word + 2);
    runs_.reserve(runs);
    run_of_.reserve(examples);
    bits_.reserve(examples);
    words_.reserve(runs * kernel::padded(count));
  }
  void make(const direction_key& key, std::uint64_t parameter, stream side, std::span<const std::uint32_t> examples, std::size_t first,
            std::size_t count) {
    constexpr std::uint32_t per_word = example_signs::examples_per_word;
    count_ = kernel::padded(count);
    runs_.clear();
    run_of_.clear();
    bits_.clear();
    words_.clear();
    for (std::size_t t = 0; t < examples.size(); ++t) {
      const std::uint32_t group = examples[t] / per_word;
      if (runs_.empty() || runs_.back().group != group) {
        runs_.push_back({group, t, t});
        word_reader words(example_signs::words(key, parameter, side, group));
        for (std::size_t i = 0; i < count_; ++i) words_.push_back(words(first + i));
      }
      run_of_.push_back(runs_.size() - 1);
      runs_.back().end = t + 1;
      bits_.push_back(examples[t] % per_word);
    }
  }
  /// negative[t] = 1 where the sign of row i for the example of entry t is −1.
  void of(std::size_t i, std::uint32_t* negative) const {
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      const std::uint32_t word = words_[r * count_ + i];
      for (std::size_t t = runs_[r].begin; t < runs_[r].end; ++t) negative[t] = word >> bits_[t] & 1;
    }
  }
  /// The same for rows i … i + 15 and one entry, in the lowest bits.
  void of_sixteen(std::size_t i, std::size_t t, lanes_u32& negative) const {
    load_lanes(negative, &words_[run_of_[t] * count_ + i]);
    negative >>= bits_[t];
  }

 private:
  struct run {
    std::uint32_t group;
    std::size_t begin, end;
  };
  std::size_t count_ = 0;
  std::vector<run> runs_;
  std::vector<std::size_t> run_of_;
  std::vector<std::uint32_t> bits_, words_;
};

/// What a thread keeps from call to call: after the first it allocates nothing.
struct per_example_scratch {
  sign_words of_row, of_column;
  std::vector<float> tile, columns, sum;
  std::vector<kernel::signed_weight> weights;
  std::vector<std::uint32_t> examples, negative;
};
inline per_example_scratch& scratch_of_examples() {
  thread_local per_example_scratch scratch;
  return scratch;
}

/// Whether a plan is one probe per row with displacements of one length, as the factored product needs it.
inline bool one_length(std::span<const probe> probes) {
  return std::all_of(probes.begin(), probes.end(),
                     [&](const probe& p) { return p.offset != 0 && std::fabs(p.offset) == std::fabs(probes[0].offset); });
}

/// columns[c · stride + k] = ±x(k, c), negated where the sign of column c for the example of probe k and that of its offset differ.
inline void signed_columns(std::span<const probe> probes, tensor_view<const float> x, const sign_words& of_column, std::size_t stride,
                           std::span<float> columns) {
  for (std::size_t c = 0; c < x.columns(); c += lane_count) {
    const std::size_t wide = std::min(lane_count, x.columns() - c);
    for (std::size_t k = 0; k < probes.size(); k += lane_count) {
      const std::size_t high = std::min(lane_count, probes.size() - k);
      alignas(64) float square[lane_count][lane_count];  // turned in the first cache
      for (std::size_t j = 0; j < high; ++j) {
        lanes_f32 values = {};
        lanes_u32 negative;
        __builtin_memcpy(&values, &x(k + j, c), wide * sizeof(float));
        of_column.of_sixteen(c, k + j, negative);
        kernel::negate_where(probes[k + j].offset < 0 ? ~negative : negative, values);
        store_lanes(values, square[j]);
      }
      for (std::size_t i = 0; i < wide; ++i)
        for (std::size_t j = 0; j < high; ++j) columns[(c + i) * stride + k + j] = square[j][i];
    }
  }
}

/// y(k, ·) = W_k x(k, ·) for the weights W_k that probe k sees:
///
///   w_k = (w⁺ + w⁻)/2 + σ_k·(w⁺ − w⁻)/2,   σ_k = sign(offset_k)·r_k·s_k,
///
/// where w± are the weights with the base direction added and subtracted. This holds for clamped codes and uneven formats as well, up to
/// the rounding of the sums. Returns how many moves stopped at the end of a range.
template <parameter_storage Storage, sign_factored_law Law>
std::uint64_t multiply_per_example(const parameter<Storage>& p, const Law& law, double radius, std::span<const probe> probes,
                                   tensor_view<const float> x, tensor_view<float> y) {
  const shape s = p.storage.shape();
  per_example_scratch& scratch = scratch_of_examples();
  scratch.examples.clear();
  for (const probe& k : probes) scratch.examples.push_back(k.key.query);
  const direction_key key = Law::shared(probes[0].key);
  scratch.of_column.make(key, p.id, stream::example_column, scratch.examples, 0, s.columns);
  scratch.of_row.make(key, p.id, stream::example_row, scratch.examples, 0, s.rows);
  const std::size_t stride = kernel::padded(probes.size());
  scratch.columns.assign(s.columns * stride, 0.0f);
  signed_columns(probes, x, scratch.of_column, stride, scratch.columns);
  scratch.sum.resize(stride);
  scratch.negative.resize(stride);

  const displacement_t<Storage> step = displacement(p, law, radius, std::fabs(probes[0].offset));
  std::uint64_t clamped = 0;
  constexpr std::size_t tile_floats = std::size_t{1} << 16;
  const std::size_t rows_at_once = std::min(s.rows, std::max<std::size_t>(4, tile_floats / s.columns / 4 * 4));
  scratch.tile.resize(rows_at_once * s.columns);
  for (std::size_t row = 0; row < s.rows; row += rows_at_once) {
    const std::size_t rows = std::min(rows_at_once, s.rows - row), first = row * s.columns, last = first + rows * s.columns;
    const std::span<float> tile = std::span(scratch.tile).first(last - first);
    scratch.weights.clear();
    const auto split = [&](std::size_t i, float above, float below) {
      tile[i - first] = 0.5f * above + 0.5f * below;
      scratch.weights.push_back(
          {static_cast<std::uint32_t>(i / s.columns), static_cast<std::uint32_t>(i % s.columns), 0.5f * above - 0.5f * below});
    };
    if constexpr (coded_storage<Storage>) {
      using format = typename Storage::format;
      const Storage storage = p.storage;
      storage.decode(first, tile);
      grid_cursor grid_of(storage);
      for_each_touched(law.base, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
        const int ordinal = format::ordinal_of(storage.code(i)), above = moved<format>(ordinal, step * z),
                  below = moved<format>(ordinal, -step * z);
        clamped += (above != ordinal + step * z ? 1u : 0u) + (below != ordinal - step * z ? 1u : 0u);
        const auto& grid = grid_of(i);
        if (z != 0) split(i, grid(kernel::value_at<format>(above)), grid(kernel::value_at<format>(below)));
      });
    } else if constexpr (narrow_storage<Storage>) {
      const auto format = p.storage.codec();
      p.storage.decode(first, tile);
      for_each_touched(law.base, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
        if (z == 0) return;
        const std::uint16_t word = p.storage.words()[i];
        const float d = step * static_cast<float>(z);
        const encoded_word above = probed_word(format, word, d, p.relative), below = probed_word(format, word, -d, p.relative);
        clamped += (above.clamped ? 1u : 0u) + (below.clamped ? 1u : 0u);
        split(i, format.value_of(above.word), format.value_of(below.word));
      });
    } else {
      std::copy_n(p.storage.values().data() + first, tile.size(), tile.data());
      with_relative(p.relative, [&]<bool Relative>(std::bool_constant<Relative>) {
        for_each_touched(law.base, key, info_of(p), first, last, [&](std::size_t i, int z, std::size_t) {
          const float w = p.storage.values()[i], d = step * static_cast<float>(z);
          if (z != 0) split(i, displaced<Relative>(w, d), displaced<Relative>(w, -d));
        });
      });
    }
    kernel::multiply(tile.data(), rows, x.data(), probes.size(), s.columns, y.data() + row, s.rows);

    const std::span<const kernel::signed_weight> all = scratch.weights;
    for (std::size_t at = 0; at < all.size();) {
      std::size_t end = at;
      while (end < all.size() && all[end].row == all[at].row) ++end;
      kernel::sum_columns(all.subspan(at, end - at), scratch.columns.data(), stride, scratch.sum.data());
      const std::size_t r = all[at].row;
      scratch.of_row.of(r, scratch.negative.data());
      for (std::size_t k = 0; k < probes.size(); ++k) y(k, r) += scratch.negative[k] != 0 ? -scratch.sum[k] : scratch.sum[k];
      at = end;
    }
  }
  return clamped;
}

/// Σ_t c_t·r_t·s_t at the weights of one part of a matrix: what the terms of many examples come to, before the base direction.
class example_sums {
 public:
  /// Columns whose signs are held at once. A longer row is taken in pieces.
  static constexpr std::size_t most_columns = std::size_t{1} << 15;

  /// Memory for a parameter of some shape, so that no update stops half way for want of it.
  void reserve(const shape& s, std::size_t terms) {
    const std::size_t columns = std::min(s.columns, most_columns),
                      rows = columns < s.columns ? 1 : std::min(s.rows, block_size / s.columns + 2);
    of_row_.reserve(terms, rows);
    of_column_.reserve(terms, columns);
    values_.reserve(columns * kernel::padded(terms));
    negative_.reserve(kernel::padded(terms));
    examples_.reserve(terms);
  }
  /// The end of the piece of [first, last) that starts at first.
  static std::size_t piece_end(const shape& s, std::size_t first, std::size_t last) {
    return s.columns <= most_columns ? last : std::min({last, first + most_columns, (first / s.columns + 1) * s.columns});
  }
  void make(const direction_key& key, std::uint64_t parameter, const shape& s, std::span<const resolved_term> terms, std::size_t first,
            std::size_t last) {
    columns_ = s.columns;
    first_row_ = first / columns_;
    first_column_ = columns_ <= most_columns ? 0 : first % columns_;
    const std::size_t columns = columns_ <= most_columns ? columns_ : last - first;
    examples_.clear();
    for (const resolved_term& t : terms) examples_.push_back(t.key.query);
    of_column_.make(key, parameter, stream::example_column, examples_, first_column_, columns);
    of_row_.make(key, parameter, stream::example_row, examples_, first_row_, (last - 1) / columns_ - first_row_ + 1);
    stride_ = kernel::padded(terms.size());
    values_.assign(columns * stride_, 0.0f);
    negative_.assign(stride_, 0);
    for (std::size_t c = 0; c < columns; ++c) {
      of_column_.of(c, negative_.data());
      for (std::size_t t = 0; t < terms.size(); ++t)
        values_[c * stride_ + t] = negative_[t] != 0 ? -terms[t].coefficient : terms[t].coefficient;
    }
    signs_of_ = ~std::size_t{0};
  }
  /// At weight i of the tensor. Summed in the order of kernel::signed_sum.
  float operator()(std::size_t i) {
    if (const std::size_t row = i / columns_ - first_row_; row != signs_of_) of_row_.of(signs_of_ = row, negative_.data());
    return kernel::signed_sum(&values_[(i % columns_ - first_column_) * stride_], negative_.data(), stride_);
  }

 private:
  sign_words of_row_, of_column_;
  std::vector<float> values_;  ///< ±coefficients by column
  std::vector<std::uint32_t> negative_, examples_;
  std::size_t columns_ = 0, first_row_ = 0, first_column_ = 0, stride_ = 0;
  std::size_t signs_of_ = 0;  ///< the row whose signs are at hand
};

/// f(i, delta, slot) for the non-zeros of the base direction, each once: Δ = z_base · Σ_e c_e·r_e·s_e.
template <parameter_storage Storage, sign_factored_law Law, class Function>
void for_each_update(const parameter<Storage>& p, const Law& law, std::span<const resolved_term> terms, example_sums& sums,
                     std::size_t first, std::size_t last, Function&& f) {
  const shape s = p.storage.shape();
  const direction_key key = Law::shared(terms[0].key);
  for (std::size_t piece = first, end; piece < last; piece = end) {
    end = example_sums::piece_end(s, piece, last);
    sums.make(key, p.id, s, terms, piece, end);
    for_each_touched(law.base, key, info_of(p), piece, end, [&](std::size_t i, int z, std::size_t slot) {
      if (z != 0) f(i, exact::product(sums(i), static_cast<float>(z)), slot);
    });
  }
}

/// Applies a linear rule to the non-zeros of the base direction, each once, then rounded.
template <write_back WriteBack, parameter_storage Storage, sign_factored_law Law>
void apply_per_example(const parameter<Storage>& p, const Law& law, std::span<const resolved_term> terms, parameter_state& state,
                       example_sums& sums, std::size_t first, std::size_t last, write_events& events) {
  const Storage storage = p.storage;
  const random_stream source(Law::shared(terms[0].key), p.id, stream::round_update);
  if constexpr (coded_storage<Storage>) {
    word_reader words(source);
    for_each_update(p, law, terms, sums, first, last, [&](std::size_t i, float delta, std::size_t slot) {
      land_on<WriteBack>(storage, state, i, rounded_move<WriteBack>(delta, WriteBack::round.random ? words(slot) : 0), events);
    });
  } else if constexpr (narrow_storage<Storage>) {
    const word_writer<WriteBack, Storage> writer(p);
    word_reader words(source);
    for_each_update(p, law, terms, sums, first, last, [&](std::size_t i, float delta, std::size_t slot) {
      writer.land(i, delta, WriteBack::round.random ? words(slot) : 0, events);
    });
  } else {
    with_relative(p.relative, [&]<bool Relative>(std::bool_constant<Relative>) {
      for_each_update(p, law, terms, sums, first, last, [&](std::size_t i, float delta, std::size_t) {
        land_on_float<Relative>(storage.values()[i], delta, p.lowest, p.highest, events);
      });
    });
  }
}

}  // namespace zolt::inline v0::detail
