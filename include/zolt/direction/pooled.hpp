#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "zolt/core/bound.hpp"
#include "zolt/core/error.hpp"
#include "zolt/direction/law.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/random/distribution.hpp"

namespace zolt::inline v0 {

/// Numbers that are drawn once per run. Their sum is exactly 0.
struct number_pool {
  std::uint64_t run = 0;
  std::uint64_t squares = 0;  ///< Σ of the numbers' squares
  std::vector<std::int16_t> numbers;

  std::size_t bytes() const { return numbers.size() * sizeof(std::int16_t); }
  friend bool operator==(const number_pool&, const number_pool&) = default;

  /// ⌊size/2⌋ numbers and their negatives, a 0 if the size is odd, in random order: in any fixed order, weights at the distance of a pair
  /// would have opposite directions for ever.
  static number_pool drawn(std::uint64_t run, std::size_t size) {
    number_pool pool{run, 0, std::vector<std::int16_t>(size)};
    const std::size_t pairs = size / 2;
    const auto numbers = std::span(pool.numbers);
    distribution::fill<distribution::uniform>(random_stream({run, 0, 0}, 0, stream::pool), 0, numbers.first(pairs));
    for (std::size_t i = 0; i < pairs; ++i) {
      const int number = numbers[i];
      numbers[pairs + i] = static_cast<std::int16_t>(-number);
      pool.squares += 2 * static_cast<std::uint64_t>(number * number);
    }
    word_reader word(random_stream({run, 0, 1}, 0, stream::pool));
    for (std::size_t i = size; i > 1; --i) std::swap(numbers[i - 1], numbers[static_cast<std::size_t>(word(i) * std::uint64_t{i} >> 32)]);
    return pool;
  }
};

/// The numbers of a pool one after another, again and again; a direction begins where the one before it in the same parameter ended.
struct pooled_law {
  static constexpr int bits = distribution::uniform::bits;
  static constexpr bool whole_units = false;
  std::uint32_t queries = 1;
  const number_pool* pool = nullptr;

  double density() const { return pool->numbers.size() < 2 ? 1 : static_cast<double>(pool->numbers.size() / 2 * 2) / size(); }
  double spread() const { return 1; }
  /// Of the numbers that were drawn, not of their distribution: a probe has its length exactly wherever it reads whole rounds of the pool.
  double amplitude() const { return pool->squares == 0 ? 1 : 1 / std::sqrt(static_cast<double>(pool->squares) / size()); }
  std::uint32_t record() const { return queries; }

  /// Where in the pool weight 0 of a parameter reads.
  std::uint64_t offset(const direction_key& key, const parameter_info& info) const {
    const std::uint64_t n = pool->numbers.size(), direction = std::uint64_t{key.step} * queries + key.query;
    return (info.id % n + direction % n * (info.shape.size() % n)) % n;
  }
  void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
    const std::span<const std::int16_t> numbers = pool->numbers;
    auto at = static_cast<std::size_t>((offset(key, info) + first % numbers.size()) % numbers.size());
    for (std::size_t done = 0; done < z.size(); at = 0) {
      const std::size_t count = std::min(numbers.size() - at, z.size() - done);
      std::copy_n(numbers.data() + at, count, z.data() + done);
      done += count;
    }
  }
  friend bool operator==(const pooled_law&, const pooled_law&) = default;

 private:
  double size() const { return static_cast<double>(pool->numbers.size()); }
};

/// Directions from a pool of random numbers that is drawn once and reused for the whole run, for machines without a generator to spare.
///
///   z_k = pool[(o + k) mod N],   o = id + (t·Q + q)·n  mod N  for query q of Q in step t and a parameter of n weights
///
/// The next direction begins with the numbers that the last one left over, each parameter as if it were alone. N odd, and best prime: then
/// n is rarely a multiple of one of its factors, and a parameter passes through all N alignments. Over those
///
///   E z_j z_k = (autocorrelation of the pool at lag k − j mod N),  about ±1/√N of E z² off the diagonal, and E z² itself at multiples of N:
///
/// weights N apart in one parameter have one component and move together for ever. A parameter of more than N weights is trained in a
/// subspace of N dimensions; a larger pool is the remedy.
///
/// Units    radius ε is the RMS displacement in units. Not for coded storage: its displacements are no whole codes.
/// Cost     2·size bytes per model; one load per weight, no random bits.
/// Source   PeZO (Tan et al. 2025, arXiv 2504.20314): pre-generation with leftover numbers first, uniform numbers, adaptive scaling.
/// Differs  numbers of 12 bits in ± pairs, so that E z = 0 for the pool as drawn; scaled by the mean square of the pool, one factor for
///          the run. Parameters have alignments of their own, so that their order does not matter. 4093 is prime; the 4095 of a 12-bit shift
///          register is 3²·5·7·13, which divides the sizes of many tensors.
/// Errors   at the first step: a size below 2, or one that divides the number of weights of a parameter.
struct pooled {
  static constexpr std::string_view name = "pooled";
  std::uint32_t size = 4093;
  using inputs = number_pool;

  template <class Field>
  void fields(Field&& field) const {
    field("size", size, bound::at_least_one);
  }
  template <class Parameters>
  void refresh(inputs& in, const Parameters& parameters, const direction_key& key) const {
    if (in.numbers.size() == size && in.run == key.run) return;
    if (size < 2) fail(name, "size", size, "be at least 2, a number and its negative");
    for_each_parameter(parameters, [this](std::size_t, const auto& p) {
      if (p.size() % size == 0)
        fail(p.name, "weights", p.size(),
             "be no multiple of the pool's " + to_text(size) + " numbers: every step would have one direction");
    });
    in = number_pool::drawn(key.run, size);
  }
  pooled_law law_at(double, std::uint32_t queries, const inputs& in) const { return {queries, &in}; }
  pooled_law law_of(std::uint32_t record, const inputs& in) const { return {record, &in}; }
  friend bool operator==(const pooled&, const pooled&) = default;
};

}  // namespace zolt::inline v0
