#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "zolt/core/lanes.hpp"
#include "zolt/parameter/storage.hpp"

namespace zolt::inline v0 {

/// Weights of 16 bits in the owner's memory, trained where they lie: no copy in floats exists. A constant Word gives a view to read.
///
/// A probe shows every weight that it moves at the nearest number of the format, so that a displacement below half a step shows nothing; an
/// update lands on one of the two neighbours, as the write-back says.
template <narrow_format Format, class Word = std::uint16_t>
  requires(std::same_as<std::remove_const_t<Word>, std::uint16_t>)
class narrow_view {
  using integer = std::conditional_t<std::is_const_v<Word>, const std::int16_t, std::int16_t>;
  using byte = std::conditional_t<std::is_const_v<Word>, const std::byte, std::byte>;

 public:
  using format = Format;

  narrow_view() = default;
  explicit narrow_view(tensor_view<Word> words, Format f = {}) : words_(words), format_(f) {}
  explicit narrow_view(std::span<Word> words, Format f = {}) : words_(words), format_(f) {}
  explicit narrow_view(tensor_view<integer> words, Format f = {})
      : words_(reinterpret_cast<Word*>(words.data()), words.shape()), format_(f) {}
  explicit narrow_view(std::span<integer> words, Format f = {}) : narrow_view(tensor_view<integer>(words), f) {}

  std::span<Word> words() const { return words_.flat(); }
  Format codec() const { return format_; }
  zolt::shape shape() const { return words_.shape(); }
  std::size_t size() const { return words_.size(); }
  std::span<byte> bytes() const { return {reinterpret_cast<byte*>(words_.data()), words_.size() * sizeof(Word)}; }

  /// out[j] = weight first + j.
  void decode(std::size_t first, std::span<float> out) const {
    const Word* from = words_.data() + first;
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = format_.value_of(from[j]);
  }
  /// Weight first + j = the number nearest to in[j], ties to even; how many lay outside the range, and are its end. NaN is such an end.
  std::size_t encode(std::size_t first, std::span<const float> in) const requires(!std::is_const_v<Word>) {
    std::size_t clamped = 0;
    for (std::size_t j = 0; j < in.size(); ++j) {
      const encoded_word e = encode_word(format_, in[j], nearest_even{});
      words_.data()[first + j] = e.word;
      clamped += e.clamped;
    }
    return clamped;
  }
  void prefetch(std::size_t i) const { zolt::prefetch(words_.data() + i); }

 private:
  tensor_view<Word> words_;
  [[no_unique_address]] Format format_{};
};

using half_view = narrow_view<binary16>;
using bfloat16_view = narrow_view<bfloat16>;
using fixed16_view = narrow_view<fixed16>;

}  // namespace zolt::inline v0
